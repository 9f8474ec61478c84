"""The journal as its clients and ``house`` see it: opened, replayed, written."""

import fcntl
import os
from collections.abc import Awaitable, Iterator, Sequence
from itertools import islice

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorCore
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import (
    Hearer,
    IJournal,
    IJournalClient,
    Kind,
    Position,
    Record,
)
from mailsuite.journal.checkpoint import Checkpoints, Parts
from mailsuite.journal.committer import Committer, ITurningReactor
from mailsuite.journal.disk import Disk
from mailsuite.journal.replay import Left, Replayed, survey
from mailsuite.journal.segments import Plan, Shelf
from mailsuite.journal.settings import Settings
from mailsuite.model.errors import Damaged, NoSpace, Taken
from mailsuite.net.lanes import Lane

SLICE = 200  # records replayed in one turn of the reactor
GENERATIONS = 16  # bits that a new journal's epochs leave to one generation


class IGroundReactor(ITurningReactor, IReactorCore):
    """What the journal needs of a reactor."""


CROWDED = 3 / 4
"""If more of the segments are in use at a start a checkpoint comes first: each start
takes one, and deliveries whose outcome finds no room would be made again."""


@frozen
class Ground:
    """Where one process keeps its journal.

    ``filesystems`` are paths, one on every file system that the journal's clients
    write to. ``generation`` is :attr:`Generation.number`.
    """

    folder: str
    generation: int
    reactor: IGroundReactor
    filesystems: tuple[str, ...]
    worker: int = 0
    disk: Disk = field(factory=Disk)


@define(eq=False)
@implementer(IJournal)
class Journal:
    """The journal of one worker, in ``journal/<worker>/`` below the folder."""

    _ground: Ground
    _events: IEvents
    _settings: Settings
    clean: bool = True
    """After :meth:`start`: whether the last run ended by a clean stop."""
    _lock: int = -1
    _shelf: Shelf = field(init=False)
    _committer: Committer = field(init=False)
    _checkpoints: Checkpoints | None = None
    _lane: Lane = field(init=False)
    _log: Logger = field(factory=Logger)

    def __attrs_post_init__(self) -> None:
        ground, settings = self._ground, self._settings
        plan = Plan(
            os.path.join(ground.folder, "journal", str(ground.worker)),
            ground.worker,
            ground.generation,
            settings.segment_octets,
            max(settings.segments, 3),
        )
        self._shelf = Shelf(plan, ground.disk, ground.reactor.seconds)
        self._lane = Lane(ground.reactor, "checkpoint")
        self._committer = Committer(
            self._shelf, ground.disk, ground.reactor, self._failed
        )

    async def start(self, clients: Sequence[IJournalClient]) -> None:
        """Replay what stands, let the clients recover, and take records.

        Checkpoints ask the clients in their order here: the queue goes before the
        store, so that what a delivery finished meanwhile is still kept.

        :raises Taken: another process holds this worker's journal.
        """
        self._lock = _flocked(self._shelf.plan.folder)
        left = await self._lane.run(self._survey)
        self.clean = left.clean
        for damage in left.damage:
            self._events.happened(
                "journal.corrupt",
                path=damage.path,
                offset=damage.offset,
                reason="a record or header does not match its checksum",
            )
        began = self._ground.reactor.seconds()
        count = await self._replay(left, clients)
        for client in clients:
            await client.recovered()
        self._events.happened(
            "journal.recovered",
            records=count,
            seconds=round(self._ground.reactor.seconds() - began, 3),
        )
        self._committer.start()
        ground = self._ground
        parts = Parts(
            self._shelf,
            self._committer,
            ground.disk,
            self._lane,
            ground.reactor,
            self._events,
            ground.filesystems,
        )
        self._checkpoints = Checkpoints(
            parts, clients, self._settings.checkpoint_seconds
        )
        await self._begin(self._checkpoints)
        self._checkpoints.start()

    async def _begin(self, checkpoints: Checkpoints) -> None:
        try:
            await self._committer.commit(None)
        except NoSpace as error:
            self._log.error("no mail can be taken: {error}", error=error)
        if len(self._shelf.live) > CROWDED * self._shelf.plan.limit:
            await checkpoints.now()

    def _survey(self) -> Left:
        shelf, ground = self._shelf, self._ground
        corrupt = os.path.join(ground.folder, "corrupt")
        os.makedirs(corrupt, mode=0o700, exist_ok=True)
        left = survey(ground.disk, shelf.plan.folder, corrupt)
        for header, path, _ in left.segments:
            shelf.found(path, header if header.epoch > left.checkpoint else None)
            shelf.epoch = max(shelf.epoch, header.epoch)
        for path in left.free:
            shelf.found(path, None)
        if not left.segments and ground.generation > 1:
            shelf.epoch = ground.generation << GENERATIONS
        return left

    async def _replay(self, left: Left, clients: Sequence[IJournalClient]) -> int:
        count = 0
        for header, path, found in left.live:
            records = left.records(path, header, found)
            while some := await self._lane.run(_some, records):
                for position, record in some:
                    for client in clients:
                        if record.kind in client.kinds:
                            client.replayed(position, record)
                count += len(some)
                await deferLater(self._ground.reactor, 0)
        return count

    def commit(self, records: Sequence[Record]) -> Awaitable[Sequence[Position]]:
        """See :meth:`IJournal.commit`."""
        return self._committer.commit(records)

    def commit_for(self, records: Sequence[Record], hearer: Hearer) -> None:
        """See :meth:`IJournal.commit_for`."""
        self._committer.commit_for(records, hearer)

    def note(self, record: Record) -> None:
        """See :meth:`IJournal.note`."""
        self._committer.note(record)

    def epoch(self) -> int:
        """See :meth:`IJournal.epoch`."""
        return self._committer.epoch()

    def read(self, position: Position) -> bytes:
        """See :meth:`IJournal.read`."""
        if position.worker != self._ground.worker:
            raise Damaged(f"record of worker {position.worker}")
        return self._shelf.read(position.epoch, position.offset)[1]

    async def checkpoint(self) -> None:
        """Retire all that can be retired, now. :raises OSError, NoSpace: no."""
        if self._checkpoints is not None:
            await self._checkpoints.make()

    async def stop(self) -> None:
        """Sync everything, write that this was a clean stop, and close.

        The clients have stopped and made their own files complete before.
        """
        if self._checkpoints is not None:
            await self._checkpoints.stop()
            disk = self._ground.disk
            try:
                for path in self._ground.filesystems:
                    await self._lane.run(disk.syncfs, path)
                await self._committer.commit([Record(Kind.STOP, ())])
            except (OSError, NoSpace) as error:
                self._log.warn("not stopped cleanly: {error}", error=error)
        self._committer.stop()
        self._lane.stop()
        self._shelf.close()
        if self._lock >= 0:
            os.close(self._lock)

    def _failed(self, error: OSError) -> None:
        self._events.happened("journal.failed", reason=str(error))


def _some(records: Iterator[Replayed]) -> list[Replayed]:
    return list(islice(records, SLICE))


def _flocked(folder: str) -> int:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, "lock")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise Taken(f"another process writes the journal in {folder}") from error
    return fd
