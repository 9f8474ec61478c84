"""At start: messages minus outcomes, plus children, and the rows brought to it.

A job whose message stands in the journal has its whole history there, so the rows
are not asked about it. For a job that has only rows, the outcomes in the journal
are newer than they when they carry a higher version.

After an unclean stop a local delivery counts only as attempted: its file may have
been lost with the page cache. It is asked of the store again, which knows whether
the message is there.
"""

import os
import sqlite3
import zlib
from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.logger import Logger

from mailsuite.interfaces.journal import Kind, Position, Record, queue_id
from mailsuite.model.envelope import Once
from mailsuite.model.errors import Damaged, UsageError
from mailsuite.model.ids import QueueId
from mailsuite.queue.encoding import (
    Change,
    apply,
    opened,
    to_outcome,
)
from mailsuite.queue.encoding import (
    job as make_job,
)
from mailsuite.queue.files import Files
from mailsuite.queue.jobs import Job
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.returns import Read, Returns
from mailsuite.queue.rows import Rows, untried
from mailsuite.queue.shelves import Shelves
from mailsuite.queue.tables import Destination, image


@define(eq=False)
class Fold:
    """What the journal's records come to, in their order."""

    folder: str
    damaged: Callable[[Position, str], None]
    jobs: dict[QueueId, Job] = field(factory=dict)
    foreign: dict[QueueId, list[Change]] = field(factory=dict)
    """Changes to jobs whose message is no longer in the journal."""
    onces: dict[Once, tuple[QueueId, int]] = field(factory=dict)
    clean: bool = True
    """Whether nothing came after the last clean stop."""

    def record(self, position: Position, record: Record) -> None:
        """Take one record."""
        if record.kind == Kind.STOP:
            self._stopped()
            return
        self.clean = False
        body = b"".join(record.body)
        try:
            if record.kind == Kind.MESSAGE:
                self._message(queue_id(position), position, body, 0)
            else:
                self._outcome(position, body)
        except Damaged as error:
            self.damaged(position, str(error))

    def _stopped(self) -> None:
        """The store has made everything safe that was delivered so far."""
        self.clean = True
        for job in self.jobs.values():
            for n in job.done:
                job.slots.pop(n, None)
            job.done.clear()

    def _message(self, name: QueueId, position: Position, body: bytes, at: int) -> None:
        job = make_job(name, opened(body, at), self.folder)
        job.place = position
        self.jobs[name] = job
        if job.once is not None:
            self.onces[job.once] = (name, position.epoch)

    def _outcome(self, position: Position, body: bytes) -> None:
        changes, children = to_outcome(body)
        for name, version, what in changes:
            job = self.jobs.get(name)
            if job is None:
                self.foreign.setdefault(name, []).append((name, version, what))
                continue
            job.version = max(job.version, version)
            for change in what:
                changed(job, change, keep_local=True)
        for number, at in enumerate(children, 1):
            self._message(queue_id(position, number), position, body, at)

    def open(self) -> list[Job]:
        """The jobs that still have somebody to deliver to."""
        for job in self.jobs.values():
            job.done.clear()  # what was not safe by a clean stop is asked again
        return [job for job in self.jobs.values() if job.slots]


def changed(job: Job, change: Sequence[object], *, keep_local: bool) -> None:
    """Do what a record says. :raises Damaged: it says nothing that can be done."""
    try:
        apply(job, list(change), keep_local=keep_local)
    except (ValueError, TypeError, LookupError) as error:
        raise Damaged(f"no outcome: {error}") from error


NOT_NOW = frozenset((sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL))
"""SQLite's primary codes for a database that is whole, but cannot be had now."""


@define(eq=False)
class Recovery:
    """Opens the rows and brings them and the memory to what the fold says."""

    _ledger: Ledger
    _shelves: Shelves
    _returns: Returns
    fold: Fold
    _log: Logger = field(factory=Logger)

    async def run(self) -> Sequence[Destination]:
        """Do it; gives the back-off of hosts. The jobs are in the ledger then."""
        ledger, fold = self._ledger, self.fold
        hosts = await ledger.lane.run(self._open_rows)
        open_jobs = fold.open()
        names = list(fold.jobs)
        known = await ledger.lane.run(ledger.rows.known, names)
        found = await ledger.lane.run(self._foreign, [*fold.foreign], [*known])
        await self._bring(found)
        for job in open_jobs:
            ledger.add(job)
        for name in known:
            job = fold.jobs[name]
            job.kept = job.dirty = True
            if name not in ledger.jobs:  # its rows will let go of its content
                ledger.add(job)
        ledger.onces.update(fold.onces)
        self._shelves.any = bool(await ledger.lane.run(ledger.rows.any))
        await ledger.lane.run(self._claim)
        return hosts

    async def _bring(self, found: Read) -> None:
        keep_local = not self.fold.clean
        for job in await self._returns.arrived(found):
            foreign = self.fold.foreign.get(job.id)
            if foreign is None:
                continue
            changes = sorted(foreign, key=lambda each: each[1])
            for _, version, what in changes:
                if version > job.version:
                    job.version = version
                    for change in what:
                        changed(job, change, keep_local=keep_local)
            job.done.clear()
            job.dirty = True

    def _open_rows(self) -> list[Destination]:
        """On the lane: open the database; a broken or lost one is made again."""
        rows = self._ledger.rows
        try:
            if rows.open():
                self._refill(rows)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in NOT_NOW:
                path = os.path.join(self._ledger.ground.folder, "queue.db")
                raise UsageError(f"{path} cannot be opened: {error}") from error
            self._remake(rows, str(error))
        wall = self._ledger.ground.wall()
        rows.begin(wall, clean=self.fold.clean)
        gone = rows.sweep([], None)
        self._returns.files.remove([name for name, _ in gone])
        return rows.destinations()

    def _remake(self, rows: Rows, why: str) -> None:
        ground = self._ledger.ground
        path = os.path.join(ground.folder, "queue.db")
        aside = f"{path}.corrupt-{int(ground.wall())}"
        os.rename(path, aside)
        for end in ("-wal", "-shm"):
            if os.path.exists(path + end):
                os.rename(path + end, aside + end)
        self._log.error("{path} is broken: {why}", path=path, why=why)
        ground.reactor.callFromThread(
            ground.events.happened, "queue.corrupt", qid="", reason=f"{aside}: {why}"
        )
        rows.open()
        self._refill(rows)

    def _refill(self, rows: Rows) -> None:
        """Put what the spool holds into rows that were made new."""
        files = self._returns.files
        for name, octets in files.all():
            self._remake_job(rows, files, name, octets)

    def _remake_job(
        self, rows: Rows, files: Files, name: QueueId, octets: bytes
    ) -> None:
        try:
            job = make_job(name, opened(octets), files.folder)
        except Damaged as error:
            files.aside(name, str(error))
            return
        rows.put([(image(job), zlib.crc32(octets))])

    def _foreign(self, names: Sequence[QueueId], known: Sequence[QueueId]) -> Read:
        """On the lane: jobs that only rows tell of, with what comes before all else.

        That is mail for accounts here that was not tried yet: its turn comes before
        that of what was accepted later, and may stand in the journal.
        """
        ledger = self._ledger
        rows, most = ledger.rows, ledger.settings.memory_jobs
        rows.take(known)
        first = untried(rows, ledger.ground.wall(), most)
        return self._returns.read(rows.take([*dict.fromkeys([*first, *names])]))

    def _claim(self) -> None:
        blobs = self._ledger.ground.blobs
        in_memory = {job.id for job in self._ledger.jobs.values() if not job.spooled}
        for name, file in self._ledger.rows.paths():
            if name not in in_memory:
                blobs.claim(os.path.join(blobs.folder, file))
        blobs.look()
