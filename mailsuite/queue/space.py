"""When to take no more, and when there is room again.

The disk may be full, or too much is undelivered in memory.
"""

import os
from collections import deque

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from mailsuite.model.errors import NoSpace
from mailsuite.net.tasks import Tasks
from mailsuite.queue.ledger import Ledger

LOOK = 1.0  # seconds between looks at the disk


@define(eq=False)
class Space:
    """Asked before anything is accepted."""

    _ledger: Ledger
    full: bool = False
    _waiting: "deque[Deferred[None]]" = field(factory=deque)
    _loop: LoopingCall | None = None
    _tasks: Tasks = field(factory=Tasks)

    def start(self) -> None:
        """Watch the disk."""
        self._ledger.eased = self._eased
        self._loop = loop = LoopingCall(self._tick)
        loop.clock = self._ledger.ground.reactor
        _ = loop.start(LOOK, now=True)

    async def stop(self) -> None:
        """Watch no more; who waits is refused."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        await self._tasks.settled()
        while self._waiting:
            self._refuse(self._waiting.popleft())

    def _tick(self) -> None:
        if not len(self._tasks):
            self._tasks.launch("disk", self._look())

    async def _look(self) -> None:
        ledger = self._ledger
        found = await ledger.lane.run(os.statvfs, ledger.ground.folder)
        full = found.f_bavail * found.f_frsize < ledger.settings.min_free or (
            found.f_files > 0 and found.f_favail == 0
        )
        if full != self.full:
            self.full = full
            name = "queue.full" if full else "queue.eased"
            ledger.ground.events.happened(name, free=found.f_bavail * found.f_frsize)
        await ledger.pay()

    def crowded(self) -> bool:
        """Whether memory is full of undelivered mail: :meth:`wait` then.

        :raises NoSpace: the disk has no room.
        """
        if self.full:
            raise NoSpace("the disk is nearly full")
        return self._crowded()

    def _crowded(self) -> bool:
        ledger = self._ledger
        settings = ledger.settings
        return (
            ledger.octets >= settings.memory_octets
            or ledger.fresh >= settings.memory_jobs
        )

    async def wait(self) -> None:
        """Wait for room in memory. :raises NoSpace: it took too long."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        clock = self._ledger.ground.reactor
        timer = clock.callLater(self._ledger.settings.patience, self._late, waiting)
        try:
            await waiting
        finally:
            if timer.active():
                timer.cancel()

    def _late(self, waiting: "Deferred[None]") -> None:
        self._waiting.remove(waiting)
        self._refuse(waiting)

    def _refuse(self, waiting: "Deferred[None]") -> None:
        if not waiting.called:
            waiting.errback(NoSpace("too much mail waits for its delivery"))

    def _eased(self) -> None:
        if self._waiting and not self._crowded():
            waiting = self._waiting.popleft()
            if not waiting.called:
                waiting.callback(None)
