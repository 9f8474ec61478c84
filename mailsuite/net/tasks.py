"""Launched work: nothing is fire-and-forget.

Whoever starts work that nobody awaits launches it here: a failure is logged once
with its traceback, and ``stop`` cancels what runs and waits for its end. Work that
never waits costs nothing but itself; a wait costs one callback, not a Deferred of
its own (``Deferred.fromCoroutine`` costs about 10 microseconds).
"""

from collections.abc import Coroutine
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

Work = Coroutine[Deferred[Any], Any, None]


@define(eq=False)
class Tasks:
    """The running work of one owner."""

    _running: "dict[_Task, None]" = field(factory=dict)

    def launch(self, what: str, work: Work) -> None:
        """Run ``work`` now up to its first wait; ``what`` names it in the log."""
        task = _Task(self._running, what, work)
        self._running[task] = None
        task.go_on(None)

    def keep(self, what: str, work: Work, waiting: Deferred[Any]) -> None:
        """Go on with ``work``, which ran already and stands at ``waiting``."""
        task = _Task(self._running, what, work, waiting)
        self._running[task] = None
        _ = waiting.addBoth(task.go_on)

    def cancel(self) -> None:
        """Cancel everything; what cleans up on its way out may still run."""
        for task in list(self._running):
            task.cancel()

    async def stop(self) -> None:
        """Cancel everything and wait until it ended."""
        ended = [task.ended() for task in self._running]
        self.cancel()
        await DeferredList(ended, consumeErrors=True)

    async def settled(self) -> None:
        """Wait until everything that runs now has ended by itself."""
        ended = [task.ended() for task in self._running]
        await DeferredList(ended, consumeErrors=True)

    def __len__(self) -> int:
        return len(self._running)


@define(eq=False)
class _Task:
    """One coroutine, from wait to wait; in ``_all`` until it ends."""

    _all: "dict[_Task, None]"
    _what: str
    _work: Work
    _waiting: Deferred[Any] | None = None
    _watched: list[Deferred[None]] | None = None

    def go_on(self, result: object) -> None:
        """Run up to the next wait; what was waited for came to ``result``."""
        try:
            if isinstance(result, Failure) and result.value is not None:
                waiting: Deferred[Any] | None = self._work.throw(result.value)
            else:
                waiting = next(self._work.__await__(), None)  # see ``eager``
        except (StopIteration, CancelledError):
            waiting = None
        except Exception:
            _log.failure("{what} failed", what=self._what)
            waiting = None
        if waiting is None:
            self._end()
        else:
            self._waiting = waiting
            _ = waiting.addBoth(self.go_on)

    def _end(self) -> None:
        del self._all[self]
        for each in self._watched or ():
            if not each.called:
                each.callback(None)

    def cancel(self) -> None:
        """Let what it waits for raise CancelledError."""
        if self._waiting is not None:
            self._waiting.cancel()

    def ended(self) -> Deferred[None]:
        """Fires when it has ended; who gives up on that cancels it."""
        ended: Deferred[None] = Deferred(lambda _: self.cancel())
        self._watched = [*(self._watched or ()), ended]
        return ended
