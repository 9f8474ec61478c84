"""Jobs that outlive their journal segment: spool files and rows, and back.

Writing a job's state while the journal still holds its records does no harm: each
record carries the job's version, and replay passes over what the rows know.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from attrs import define, evolve, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import QueueId
from mailsuite.queue.encoding import DONE, blocks, head_of
from mailsuite.queue.encoding import job as make_job
from mailsuite.queue.files import Files, Sheet
from mailsuite.queue.jobs import Job
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.rows import Destination, Image, Kept, image

CHUNK = 200  # jobs written in one transaction
POLL = 1.0  # seconds between looks at the rows
GRACE = 1.0  # seconds that deliveries under way have before a job is written
STEP = 0.02  # seconds between looks whether they ended
RESTING = 10.0  # seconds; a kept job that is due later leaves memory


@frozen
class _Item:
    image: Image
    sheet: Sheet | None
    crc: int


@define(eq=False)
class Shelves:
    """Moves jobs between memory, the rows and the spool."""

    _ledger: Ledger
    files: Files
    any: bool = False
    """Whether there may be rows."""
    _done: list[tuple[QueueId, int]] = field(factory=list)
    _leaving: list[tuple[QueueId, int]] = field(factory=list)
    _ended: list[QueueId] = field(factory=list)
    _next: float = 0.0
    _busy: bool = False
    _lock: DeferredLock = field(factory=DeferredLock)
    _log: Logger = field(factory=Logger)

    # Content

    async def content(self, job: Job) -> Blob:
        """Bring a job's content back into memory. :raises Damaged: it cannot be."""
        blob = await self._ledger.lane.run(self._read, job.id, job)
        job.blob = evolve(job.blob, prefix=blob.prefix, octets=blob.octets)
        self._ledger.hold(job)
        return job.blob

    def _read(self, name: QueueId, job: Job) -> Blob:
        """On the lane."""
        blob = job.blob
        if job.spooled:
            found, octets = self.files.read(name, job.crc)
            return Blob(blob.key, blob.size, octets, found.prefix)
        if job.place is None:
            raise Damaged(f"{name} has no content")
        body = self._ledger.ground.journal.read(job.place)
        start = job.start + len(blob.prefix)
        octets = body[start : job.start + blob.size]
        return Blob(blob.key, blob.size, octets, blob.prefix)

    async def set_aside(self, job: Job, why: str) -> None:
        """A job that cannot be read stops nobody else: out of the queue with it."""
        ledger = self._ledger
        path = await ledger.lane.run(self.files.aside, job.id, why)
        ledger.ground.events.happened("queue.corrupt", qid=job.id, path=path, why=why)
        job.version += 1
        ledger.note((job.id, job.version, [[n, DONE] for n in job.slots]))
        job.slots.clear()
        ledger.end(job)

    # Leaving the journal

    async def evacuate(self, epoch: int) -> None:
        """See :meth:`IJournalClient.evacuate`."""
        self._ledger.flush()
        await self._grace(epoch)
        await self._lock.acquire()
        try:
            while some := list(islice(self._staying(epoch), CHUNK)):
                ready = [job for job in some if not job.writing]
                if ready:
                    await self._keep(ready)
                else:
                    await self._pause()
            self._leaving += self._done
            self._done = []
        finally:
            self._lock.release()

    async def _pause(self) -> None:
        await deferLater(self._ledger.ground.reactor, STEP)

    async def _grace(self, epoch: int) -> None:
        """A job that is done within a second never touches the rows."""
        for _ in range(int(GRACE / STEP)):
            for job in self._staying(epoch):
                if not job.idle:
                    break
            else:
                return
            await self._pause()

    def _staying(self, epoch: int) -> Iterator[Job]:
        return (
            job
            for job in list(self._ledger.jobs.values())
            if job.dirty
            or (not job.spooled and job.place is not None and job.place.epoch <= epoch)
        )

    async def retired(self, epoch: int) -> None:
        """See :meth:`IJournalClient.retired`."""
        ledger = self._ledger
        spool = ledger.ground.spool
        leaving, self._leaving = self._leaving, []
        ended, self._ended = self._ended, []
        names = [*ended, *dict.fromkeys(name for name, _ in leaving)]
        files = [path for when, path in ledger.files if when <= epoch]
        ledger.files = [each for each in ledger.files if each[0] > epoch]
        for once in [o for o, (_, when) in ledger.onces.items() if when <= epoch]:
            del ledger.onces[once]
        if names:
            files += await self._swept(leaving, names)
        away = [path for path in files if spool.release(path)] + spool.stale()
        if away:
            await ledger.lane.run(_unlink, away)

    async def _swept(
        self, done: Sequence[tuple[QueueId, int]], names: Sequence[QueueId] | None
    ) -> list[str]:
        ledger = self._ledger
        gone = await ledger.lane.run(ledger.rows.sweep, done, names)
        await ledger.lane.run(self.files.remove, [name for name, _ in gone])
        return [ledger.ground.spool.path(file) for _, file in gone if file]

    async def sweep(self) -> None:
        """Remove all that rows without recipients leave behind."""
        ledger = self._ledger
        files = await self._swept([], None)
        away = [path for path in files if ledger.ground.spool.release(path)]
        await ledger.lane.run(_unlink, away)

    # Writing

    async def _keep(self, jobs: Sequence[Job]) -> None:
        """Write jobs as they are now; none of them is being written about."""
        ledger = self._ledger
        items = []
        for job in jobs:
            fresh = not job.spooled
            sheet = self._sheet(job) if fresh and job.slots else None
            items.append(_Item(image(job), sheet, job.crc))
            job.dirty = False
            job.kept = True
        try:
            crcs = await ledger.lane.run(self._write, items)
        except BaseException:
            for job in jobs:
                job.dirty = job.spooled
                job.kept = job.spooled
                if not job.slots and not job.kept:
                    ledger.jobs.pop(job.id, None)
            raise
        self.any = True
        rest = []
        for job, item, crc in zip(jobs, items, crcs, strict=True):
            if crc is None:
                await self.set_aside(job, "its record in the journal is damaged")
                continue
            job.spooled, job.crc = True, crc
            self._done += [(job.id, n) for n in item.image.done]
            job.done = [n for n in job.done if n not in item.image.done]
            if self._may_rest(job):
                rest.append(job.id)
        if rest:
            await self._put_away(rest)

    def _may_rest(self, job: Job) -> bool:
        if job.dirty or not job.idle:
            return False
        due = job.next_due
        return due is None or due > self._ledger.ground.wall() + RESTING

    async def _put_away(self, names: Sequence[QueueId]) -> None:
        """Take jobs out of memory that the rows know as they are.

        The claim on a content file stays with the rows.
        """
        ledger = self._ledger
        for name in names:
            job = ledger.jobs.pop(name)
            ledger.let_go(job)
            if not job.slots:
                self._ended.append(name)
        await ledger.lane.run(ledger.rows.give_back, names)

    def _sheet(self, job: Job) -> Sheet:
        blob = job.blob
        spool = self._ledger.ground.spool
        made = head_of(job, spool.relative(blob.path) if blob.path else "")
        parts = blocks(made, blob)
        if blob.octets is None and not blob.path:
            return Sheet(job.id, parts, job.place, job.start + len(blob.prefix))
        return Sheet(job.id, parts)

    def _write(self, items: Sequence[_Item]) -> list[int | None]:
        """On the lane. None: there is nothing to be written of this one."""
        crcs: list[int | None] = []
        for item in items:
            try:
                crcs.append(self.files.write(item.sheet) if item.sheet else item.crc)
            except Damaged:
                crcs.append(None)
        good = [
            (item.image, crc)
            for item, crc in zip(items, crcs, strict=True)
            if crc is not None
        ]
        self._ledger.rows.put(good)
        return crcs

    # Coming back

    def wanted(self, now: float) -> bool:
        """Whether it is time for a :meth:`turn`."""
        return not self._busy and now >= self._next

    async def turn(self, now: float, hosts: Sequence[Destination]) -> Sequence[Job]:
        """Write what changed, let jobs rest, and take those out that are due."""
        self._busy = True
        await self._lock.acquire()
        try:
            return await self._turn(now, hosts)
        finally:
            self._lock.release()
            self._busy = False
            self._next = now + POLL

    async def _turn(self, now: float, hosts: Sequence[Destination]) -> Sequence[Job]:
        ledger = self._ledger
        if hosts:
            await ledger.lane.run(ledger.rows.put_destinations, hosts)
        if not self.any:
            return []
        kept = [job for job in ledger.jobs.values() if job.spooled]
        dirty = [job for job in kept if job.dirty and job.idle]
        for first in range(0, len(dirty), CHUNK):
            some = dirty[first : first + CHUNK]
            await self._keep([job for job in some if job.dirty and job.idle])
        rest = [job.id for job in kept if job.id in ledger.jobs and self._may_rest(job)]
        if rest:
            await self._put_away(rest)
        room = ledger.settings.active_jobs - sum(
            j.spooled for j in ledger.jobs.values()
        )
        if room <= 0:
            return []
        found = await ledger.lane.run(self._due, now, room)
        return await self.arrived(found)

    def _due(self, now: float, room: int) -> "Read":
        """On the lane."""
        return self.read(self._ledger.rows.due(now, room))

    def read(self, found: Sequence[Kept]) -> "Read":
        """Make jobs of rows and spool files, without content. On the lane."""
        jobs: list[tuple[Job | None, Kept, str]] = []
        for kept in found:
            try:
                job: Job | None = self._joined(kept)
                why = ""
            except Damaged as error:
                job, why = None, str(error)
            jobs.append((job, kept, why))
        return jobs

    def _joined(self, kept: Kept) -> Job:
        data, _ = self.files.read(kept.id, kept.crc)
        job = make_job(kept.id, data, self.files.folder)
        job.slots = {slot.recipient.n: slot for slot in kept.slots}
        job.next, job.version, job.warned = kept.next, kept.version, kept.warned
        job.crc, job.kept, job.spooled = kept.crc, True, True
        job.seen = set(kept.seen)
        return job

    async def arrived(self, found: "Read") -> Sequence[Job]:
        """Take jobs in that were read; set aside those that cannot be read."""
        ledger = self._ledger
        jobs = []
        for job, kept, why in found:
            if kept.id in ledger.jobs:
                continue
            if job is None:
                await self._broken(kept, why)
                continue
            ledger.jobs[job.id] = job
            jobs.append(job)
        return jobs

    async def _broken(self, kept: Kept, why: str) -> None:
        ledger = self._ledger
        path = await ledger.lane.run(self.files.aside, kept.id, why)
        ledger.ground.events.happened("queue.corrupt", qid=kept.id, path=path, why=why)
        changes = [[slot.recipient.n, DONE] for slot in kept.slots]
        ledger.note((kept.id, kept.version + 1, changes))
        await ledger.lane.run(ledger.rows.drop, kept.id)


Read = list[tuple[Job | None, Kept, str]]


def _unlink(paths: Sequence[str]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)
