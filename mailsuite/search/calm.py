"""Waits until the reactor has little to do: mail goes before its index.

The indexing child runs at the lowest priority, but even so it takes turns, caches
and wake-ups from those who bring mail: to index a message costs more than to take
it in, and four LMTP sessions were served half as fast again while it waited.
"""

from collections.abc import Callable
from time import thread_time

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

BUSY_SHARE = 0.1  # of a core that the reactor's thread used: more is busy
LOOK_SECONDS = 0.25  # over which its use is measured
HELD_SECONDS = 30.0  # at most, then indexing goes on all the same
GOING_SECONDS = 10.0  # that it goes on then, however busy the reactor is


@define(eq=False)
class Calm:
    """Measures the CPU use of the thread that asks, which is the reactor's."""

    _clock: IReactorTime
    _used: Callable[[], float] = thread_time
    _at: float = field(default=0.0, init=False)
    _cpu: float = field(default=0.0, init=False)
    _much: bool = field(default=True, init=False)
    """What the last look found."""
    _going: float = field(default=0.0, init=False)
    """Until when nothing is waited for."""

    async def wait(self, wanted: Callable[[], bool]) -> None:
        """Return when it is calm, after ``HELD_SECONDS``, or once it is ``wanted``."""
        began = self._clock.seconds()
        while not wanted() and self._clock.seconds() >= self._going and self._busy():
            if self._clock.seconds() - began >= HELD_SECONDS:
                self._going = self._clock.seconds() + GOING_SECONDS
                return
            await deferLater(self._clock, LOOK_SECONDS)

    def _busy(self) -> bool:
        """Whether much was used up to the last look; unknown after a long time.

        A look is good for ``LOOK_SECONDS``: the milliseconds since are mostly those
        of whoever asks.
        """
        now = self._clock.seconds()
        elapsed = now - self._at
        if elapsed >= LOOK_SECONDS:
            cpu = self._used()
            used, self._at, self._cpu = cpu - self._cpu, now, cpu
            self._much = elapsed > 4 * LOOK_SECONDS or used > BUSY_SHARE * elapsed
        return self._much
