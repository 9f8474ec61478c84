"""Emptying the journal: what is kept elsewhere need not be replayed.

A segment is retired when it is full, or after a minute with content. Its clients
make everything in it stand elsewhere, every file system in use is synced, and only
then does a synced ``checkpoint`` record let go of it.
"""

from collections.abc import Sequence

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import IJournalClient
from mailsuite.journal.committer import Committer
from mailsuite.journal.disk import Disk
from mailsuite.journal.records import checkpoint
from mailsuite.journal.segments import Shelf
from mailsuite.model.errors import NoSpace
from mailsuite.net.lanes import Lane
from mailsuite.net.tasks import Tasks

TICK = 0.25  # seconds between looks at the segments
AGAIN = 2.0  # seconds until another try after a failed checkpoint


@frozen
class Parts:
    """What a checkpoint works on."""

    shelf: Shelf
    committer: Committer
    disk: Disk
    lane: Lane
    clock: IReactorTime
    events: IEvents
    filesystems: Sequence[str]
    """A path on every file system that clients keep things on."""


@define(eq=False)
class Checkpoints:
    """Makes one whenever it is time; :meth:`make` is also for a clean stop."""

    _parts: Parts
    _clients: Sequence[IJournalClient]
    _seconds: float
    _since: float | None = None
    _not_before: float = 0.0
    _busy: bool = False
    _loop: LoopingCall | None = None
    _tasks: Tasks = field(factory=Tasks)
    _log: Logger = field(factory=Logger)

    def start(self) -> None:
        """Look after the segments from now on."""
        self._loop = loop = LoopingCall(self._tick)
        loop.clock = self._parts.clock
        _ = loop.start(TICK, now=False)

    async def stop(self) -> None:
        """Make no more of them; one that runs is finished."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        await self._tasks.settled()

    def _tick(self) -> None:
        parts = self._parts
        parts.committer.nudge()
        now = parts.clock.seconds()
        if not parts.committer.content:
            self._since = None
        elif self._since is None:
            self._since = now
        if self._busy or now < self._not_before:
            return
        if self._sealed() or self._old():
            self._busy = True
            self._tasks.launch("checkpoint", self._try())

    def _sealed(self) -> bool:
        current = self._parts.committer.told()
        return any(epoch < current for epoch in tuple(self._parts.shelf.live))

    async def now(self) -> None:
        """Retire what was sealed before anything else happens, if it can be."""
        self._busy = True
        await self._try()

    async def _try(self) -> None:
        try:
            await self.make(seal=self._old())
        except (OSError, NoSpace) as error:
            self._not_before = self._parts.clock.seconds() + AGAIN
            self._log.warn("checkpoint put off: {error}", error=error)
        finally:
            self._busy = False

    async def make(self, *, seal: bool = True) -> None:
        """Retire every segment but the current one, which ``seal`` ends first.

        :raises OSError, NoSpace: something could not be kept; the rest was not retired.
        """
        if seal and not await self._rotated():
            await self._retire()  # that makes room to go on in
            _ = await self._parts.committer.commit(None)
        await self._retire()

    async def _retire(self) -> None:
        parts = self._parts
        epoch = parts.committer.told() - 1
        for client in self._clients:
            await client.evacuate(epoch)
        for path in parts.filesystems:
            await parts.lane.run(parts.disk.syncfs, path)
        await parts.committer.commit([checkpoint(epoch)])
        for client in self._clients:
            await client.retired(epoch)
        await parts.lane.run(parts.shelf.retire, epoch)
        self._since = None
        try:
            await parts.lane.run(parts.shelf.prepare)
        except NoSpace as error:
            self._log.warn("no spare segment: {error}", error=error)
        parts.events.happened("journal.retired", epoch=epoch)

    def _old(self) -> bool:
        since, now = self._since, self._parts.clock.seconds()
        return since is not None and now >= since + self._seconds

    async def _rotated(self) -> bool:
        """Whether the current segment is ended; not yet, if others must go first."""
        try:
            _ = await self._parts.committer.commit(None)
        except NoSpace:
            if not self._sealed():
                raise
            return False
        return True
