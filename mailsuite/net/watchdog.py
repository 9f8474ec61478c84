"""Watches the reactor's turns: none may take long, whatever the input was.

What counts is the CPU time of the reactor's thread between two waits for
events, so that a busy machine does not accuse innocent code.
"""

from collections.abc import Callable
from time import thread_time
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

LAG_SECONDS = 1.0  # between two timers that tell how late they come
TURN_SECONDS = 0.05
"""CPU seconds one turn may take; the bound of docs/security.rst, law 2."""


@define(eq=False)
class Watchdog:
    """Measures every turn of a reactor from ``start`` to ``stop``.

    ``stalled`` is called with the CPU seconds of each turn that took longer than
    ``limit``. ``worst`` is the longest so far.
    """

    _reactor: Any
    _stalled: Callable[[float], None]
    _limit: float = TURN_SECONDS
    worst: float = field(default=0.0, init=False)
    _began: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Begin; call on the reactor's thread."""
        wait = getattr(self._reactor, "doIteration", None)
        if wait is None:  # another loop's reactor: there is nothing to measure
            return
        self._began = thread_time()

        def turn(delay: float | None) -> None:
            self._turned(thread_time())
            wait(delay)

        self._reactor.doIteration = turn

    def _turned(self, now: float) -> None:
        took = now - self._began
        self._began = now
        self.worst = max(self.worst, took)
        if took > self._limit:
            self._stalled(took)
            self._began = thread_time()

    def stop(self) -> None:
        """Let the reactor be as it was."""
        vars(self._reactor).pop("doIteration", None)


@define(eq=False)
class Lag:
    """How late timers come: what everybody waits for, whatever the reason.

    A stalled disk or a busy machine shows here, and not in CPU seconds.
    """

    _clock: IReactorTime
    _due: float = 0.0
    _worst: float = 0.0
    _timer: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._clock.seconds() + LAG_SECONDS
        self._timer = self._clock.callLater(LAG_SECONDS, self._came)

    def _came(self) -> None:
        self._worst = max(self._worst, self._clock.seconds() - self._due)
        self.start()

    def worst(self) -> float:
        """Seconds by which a timer was late at most since this was last asked."""
        late = max(self._worst, self._clock.seconds() - self._due, 0.0)
        self._worst = 0.0
        return late

    def stop(self) -> None:
        """End it."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
