"""Jobs that outlive their journal segment: spool files and rows, and back.

Writing a job's state while the journal still holds its records does no harm: each
record carries the job's version, and replay passes over what the rows know.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from attrs import define, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.task import deferLater

from mailsuite.model.errors import Damaged
from mailsuite.model.ids import QueueId
from mailsuite.queue.contents import Contents
from mailsuite.queue.encoding import blocks, head_of
from mailsuite.queue.files import Sheet
from mailsuite.queue.jobs import Job
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.tables import Image, image

CHUNK = 200  # jobs written in one transaction
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
    _contents: Contents
    any: bool = False
    """Whether there may be rows."""
    _done: list[tuple[QueueId, int]] = field(factory=list)
    _leaving: list[tuple[QueueId, int]] = field(factory=list)
    _ended: list[QueueId] = field(factory=list)
    lock: DeferredLock = field(factory=DeferredLock)

    async def evacuate(self, epoch: int) -> None:
        """See :meth:`IJournalClient.evacuate`."""
        self._ledger.flush()
        await self._grace(epoch)
        await self.lock.acquire()
        try:
            while some := list(islice(self._staying(epoch), CHUNK)):
                ready = [job for job in some if not job.writing]
                if ready:
                    await self.keep(ready)
                else:
                    await self._pause()
            self._leaving += self._done
            self._done = []
        finally:
            self.lock.release()

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
        blobs = ledger.ground.blobs
        leaving, self._leaving = self._leaving, []
        ended, self._ended = self._ended, []
        names = list(dict.fromkeys([*ended, *(name for name, _ in leaving)]))
        files = [path for when, path in ledger.files if when <= epoch]
        ledger.files = [each for each in ledger.files if each[0] > epoch]
        for once in [o for o, (_, when) in ledger.onces.items() if when <= epoch]:
            del ledger.onces[once]
        if names:
            files += await self._swept(leaving, names)
        away = [path for path in files if blobs.release(path)] + blobs.stale()
        if away:
            await ledger.lane.run(_unlink, away)

    async def _swept(
        self, done: Sequence[tuple[QueueId, int]], names: Sequence[QueueId] | None
    ) -> list[str]:
        ledger = self._ledger
        gone = await ledger.lane.run(ledger.rows.sweep, done, names)
        await ledger.lane.run(self._contents.files.remove, [name for name, _ in gone])
        return [os.path.join(ledger.ground.folder, file) for _, file in gone if file]

    async def sweep(self) -> None:
        """Remove all that rows without recipients leave behind."""
        ledger = self._ledger
        files = await self._swept([], None)
        away = [path for path in files if ledger.ground.blobs.release(path)]
        await ledger.lane.run(_unlink, away)

    async def keep(self, jobs: Sequence[Job]) -> None:
        """Write jobs as they are now; none of them is being written about."""
        ledger = self._ledger
        items = []
        for job in jobs:
            fresh = not job.spooled
            sheet = self._sheet(job) if fresh and job.slots else None
            items.append(_Item(image(job), sheet, job.crc))
            job.dirty = False
            job.kept = True
        crcs: list[int | None] | None = None
        try:
            crcs = await ledger.lane.run(self._write, items)
        finally:
            if crcs is None:
                self._unkept(jobs)
        self.any = True
        rest = []
        for job, item, crc in zip(jobs, items, crcs, strict=True):
            if crc is None:
                await self._contents.set_aside(
                    job, "its record in the journal is damaged"
                )
                continue
            job.spooled, job.crc = True, crc
            self._done += [(job.id, n) for n in item.image.done]
            job.done = [n for n in job.done if n not in item.image.done]
            job.filed = {n: job.filed[n] for n in job.done if n in job.filed}
            if self.may_rest(job):
                rest.append(job.id)
        if rest:
            await self.put_away(rest)

    def _unkept(self, jobs: Sequence[Job]) -> None:
        """They could not be written; the journal has them still."""
        for job in jobs:
            job.dirty = job.kept = job.spooled
            if not job.slots and not job.kept:
                self._ledger.jobs.pop(job.id, None)

    def may_rest(self, job: Job) -> bool:
        """Whether the rows know a job as it is, and nothing is to be done soon."""
        if job.dirty or not job.idle:
            return False
        due = job.next_due
        return due is None or due > self._ledger.ground.wall() + RESTING

    async def put_away(self, names: Sequence[QueueId]) -> None:
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

    async def pending(self, names: Collection[QueueId]) -> Collection[QueueId]:
        """Those of some jobs that are in memory or have rows."""
        ledger = self._ledger
        found = {name for name in names if name in ledger.jobs}
        rest = [name for name in names if name not in found] if self.any else []
        if rest:
            found |= await ledger.lane.run(ledger.rows.known, rest)
        return found

    def _sheet(self, job: Job) -> Sheet:
        blob = job.blob
        blobs = self._ledger.ground.blobs
        made = head_of(job, blobs.relative(blob.path) if blob.path else "")
        parts = blocks(made, blob)
        if job.absent:
            return Sheet(job.id, parts, job.place, job.start + len(blob.prefix))
        return Sheet(job.id, parts)

    def _write(self, items: Sequence[_Item]) -> list[int | None]:
        """On the lane. None: there is nothing to be written of this one."""
        crcs: list[int | None] = []
        for item in items:
            try:
                crcs.append(
                    self._contents.files.write(item.sheet) if item.sheet else item.crc
                )
            except Damaged:
                crcs.append(None)
        good = [
            (item.image, crc)
            for item, crc in zip(items, crcs, strict=True)
            if crc is not None
        ]
        self._ledger.rows.put(good)
        return crcs


def _unlink(paths: Sequence[str]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)
