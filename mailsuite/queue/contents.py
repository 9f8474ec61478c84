"""The octets of jobs: back into memory, or out of the queue when unreadable."""

from attrs import define, evolve

from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import QueueId
from mailsuite.queue.encoding import DONE
from mailsuite.queue.files import Files
from mailsuite.queue.jobs import Job
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.tables import Kept


@define(eq=False)
class Contents:
    """Reads from the journal while a job's segment stands, then from the spool."""

    _ledger: Ledger
    files: Files
    reading: int = 0
    """How many jobs wait in :meth:`in_turn`."""

    async def content(self, job: Job) -> Blob:
        """Bring a job's content back into memory. :raises Damaged: it cannot be."""
        blob = await self._ledger.lane.run(self._read, job.id, job)
        job.blob = evolve(job.blob, prefix=blob.prefix, octets=blob.octets)
        self._ledger.hold(job)
        return job.blob

    async def in_turn(self, job: Job) -> Blob:
        """Have a job's content in memory; who asks first has it first.

        A job that has its content only waits for those before it.

        :raises Damaged: it cannot be read.
        """
        self.reading += 1
        try:
            if job.absent:
                return await self.content(job)
            await self._ledger.lane.run(_nothing)
        finally:
            self.reading -= 1
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
        ledger.ground.events.happened(
            "queue.corrupt", qid=job.id, reason=f"{path}: {why}"
        )
        job.version += 1
        ledger.note((job.id, job.version, [[n, DONE] for n in job.slots]))
        job.slots.clear()
        ledger.end(job)

    async def broken(self, kept: Kept, why: str) -> None:
        """The same for a job of which only the rows can be read."""
        ledger = self._ledger
        path = await ledger.lane.run(self.files.aside, kept.id, why)
        ledger.ground.events.happened(
            "queue.corrupt", qid=kept.id, reason=f"{path}: {why}"
        )
        changes = [[slot.recipient.n, DONE] for slot in kept.slots]
        ledger.note((kept.id, kept.version + 1, changes))
        await ledger.lane.run(ledger.rows.drop, kept.id)


def _nothing() -> None:
    """What is done on the lane only for the sake of what comes before it."""
