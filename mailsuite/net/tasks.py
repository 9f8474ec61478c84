"""Launched work: nothing is fire-and-forget.

Whoever starts work that nobody awaits launches it here: a failure is logged once
with its traceback, and ``stop`` cancels what runs and waits for its end.
"""

from collections.abc import Coroutine
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()


@define(eq=False)
class Tasks:
    """The running work of one owner."""

    _running: dict[Deferred[None], str] = field(factory=dict)

    def launch(self, what: str, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Run ``work`` now up to its first wait; ``what`` names it in the log."""
        task = Deferred.fromCoroutine(work)
        if task.called and not isinstance(task.result, Failure):
            return
        self._running[task] = what
        _ = task.addBoth(self._ended, task)

    def _ended(self, result: object, task: Deferred[None]) -> None:
        what = self._running.pop(task)
        if isinstance(result, Failure) and not result.check(CancelledError):
            _log.failure("{what} failed", failure=result, what=what)

    def cancel(self) -> None:
        """Cancel everything; what cleans up on its way out may still run."""
        for task in list(self._running):
            task.cancel()

    async def stop(self) -> None:
        """Cancel everything and wait until it ended."""
        running = list(self._running)
        self.cancel()
        await DeferredList(running)

    async def settled(self) -> None:
        """Wait until everything that runs now has ended by itself."""
        await DeferredList(list(self._running))

    def __len__(self) -> int:
        return len(self._running)
