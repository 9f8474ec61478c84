"""Jobs that come back from rows and spool when they are due."""

from collections.abc import Sequence

from attrs import define, field
from twisted.internet.task import deferLater

from mailsuite.model.errors import Damaged
from mailsuite.queue.contents import Contents
from mailsuite.queue.encoding import job as make_job
from mailsuite.queue.files import Files
from mailsuite.queue.jobs import Job
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.shelves import CHUNK, Shelves
from mailsuite.queue.tables import Destination, Kept

POLL = 1.0  # seconds between looks at the rows
Read = list[tuple[Job | None, Kept, str]]
"""Jobs made of rows and files; None with the reason where that was not possible."""


@define(eq=False)
class Returns:
    """Takes due jobs out of the rows, up to the limit on active ones."""

    _ledger: Ledger
    _contents: Contents
    _shelves: Shelves
    files: Files = field(init=False)
    _next: float = 0.0
    _busy: bool = False

    def __attrs_post_init__(self) -> None:
        self.files = self._contents.files

    def wanted(self, now: float) -> bool:
        """Whether it is time for a :meth:`turn`."""
        return not self._busy and now >= self._next

    async def turn(self, now: float, hosts: Sequence[Destination]) -> Sequence[Job]:
        """Write what changed, let jobs rest, and take those out that are due."""
        self._busy = True
        await self._shelves.lock.acquire()
        try:
            return await self._turn(now, hosts)
        finally:
            self._shelves.lock.release()
            self._busy = False
            self._next = now + POLL

    async def _turn(self, now: float, hosts: Sequence[Destination]) -> Sequence[Job]:
        ledger = self._ledger
        if hosts:
            await ledger.lane.run(ledger.rows.put_destinations, hosts)
        if not self._shelves.any:
            return []
        kept = [job for job in ledger.jobs.values() if job.spooled]
        for first in range(0, len(kept), CHUNK):
            await self._keep(kept[first : first + CHUNK])
        room = ledger.settings.active_jobs - sum(
            j.spooled for j in ledger.jobs.values()
        )
        if room <= 0:
            return []
        found = await ledger.lane.run(self._due, now, room)
        return await self.arrived(found)

    async def _keep(self, jobs: Sequence[Job]) -> None:
        """Write those that changed, and let those rest for which it is not time."""
        ledger, shelves = self._ledger, self._shelves
        dirty = [job for job in jobs if job.dirty and job.idle]
        if dirty:
            await shelves.keep(dirty)
        rest = [j.id for j in jobs if j.id in ledger.jobs and shelves.may_rest(j)]
        if rest:
            await shelves.put_away(rest)
        if not dirty and not rest:
            await deferLater(ledger.ground.reactor, 0)

    def _due(self, now: float, room: int) -> Read:
        """On the lane."""
        return self.read(self._ledger.rows.due(now, room))

    def read(self, found: Sequence[Kept]) -> Read:
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

    async def arrived(self, found: Read) -> Sequence[Job]:
        """Take jobs in that were read; set aside those that cannot be read."""
        ledger = self._ledger
        jobs = []
        for job, kept, why in found:
            if kept.id in ledger.jobs:
                continue
            if job is None:
                await self._contents.broken(kept, why)
                continue
            ledger.jobs[job.id] = job
            jobs.append(job)
        return jobs
