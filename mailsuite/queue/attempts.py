"""One attempt: a lease to a transport, and what comes of what it leaves."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from attrs import define, evolve, field

from mailsuite.interfaces.queueing import IDelivery, Lease
from mailsuite.model.envelope import Blob, Envelope
from mailsuite.model.errors import Damaged
from mailsuite.model.outcomes import Deferred, Outcome
from mailsuite.net.tasks import Tasks
from mailsuite.queue.contents import Contents
from mailsuite.queue.jobs import Job, Slot
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.settling import LOCAL_TRANSPORT, UNSETTLED, Settling

NO_ROUTE = Deferred("4.3.0", "the way of this address could not be found out")
TIMED_OUT = Deferred("4.3.0", "the delivery took too long")


@define(eq=False)
class Attempts:
    """Gives leases out; all of it runs on the reactor."""

    _ledger: Ledger
    _contents: Contents
    _transports: Mapping[str, IDelivery]
    _settling: Settling
    _tasks: Tasks
    _wait: Callable[[Job], None]
    """Lets a job rest until it is due."""
    halted: bool = True
    _numbers: "count[int]" = field(factory=lambda: count(1))
    _leases: dict[int, tuple[Lease, Job, float]] = field(factory=dict)

    async def deliver(self, transport: str, job: Job, slots: Sequence[Slot]) -> None:
        """Lease these recipients to their transport, and see what comes of it."""
        epoch = next(self._numbers)
        mine = []
        for slot in slots:
            slot.waiting = False
            if job.slots.get(slot.recipient.n) is slot and not slot.held:
                slot.lease = epoch
                mine.append(slot)
        if not mine or self.halted:
            self._give_up(job, mine)
            return
        ledger = self._ledger
        now = ledger.ground.wall()
        lease = _lease(job, job.blob, mine, (epoch, transport))
        self._leases[epoch] = (lease, job, now + ledger.settings.lease)
        try:
            if job.absent or self._contents.reading:
                lease = evolve(lease, blob=await self._content(job, lease))
            await self._transports[transport].deliver(lease, self._settling.settle)
        except Damaged as error:
            await self._contents.set_aside(job, str(error))
        finally:
            self._leases.pop(epoch, None)
            if job.slots:
                self._put_off(job, lease, UNSETTLED)

    async def _content(self, job: Job, lease: Lease) -> Blob:
        """What is to be delivered; it may have to be read.

        Mail for accounts here keeps its order when it is tried first. Nothing else
        waits for content but its own.
        """
        if lease.attempt == 1 and lease.transport == LOCAL_TRANSPORT:
            return await self._contents.in_turn(job)
        return await self._contents.content(job) if job.absent else job.blob

    def _give_up(self, job: Job, slots: Sequence[Slot]) -> None:
        for slot in slots:
            slot.lease = 0
        if job.slots:
            self._wait(job)

    def _put_off(self, job: Job, lease: Lease, outcome: Deferred) -> None:
        """Defer what a lease left unsettled, and let the job wait."""
        left = {
            each.n: outcome
            for each in lease.recipients
            if (slot := job.slots.get(each.n)) is not None and slot.lease == lease.epoch
        }
        if left:
            self._tasks.launch("put off", self._settle_late(job, lease, left))
        else:
            self._wait(job)

    async def _settle_late(
        self, job: Job, lease: Lease, left: Mapping[int, Outcome]
    ) -> None:
        await self._settling.settle(lease, left)
        if job.slots:
            self._wait(job)

    def lost(self, job: Job, slots: Sequence[Slot]) -> None:
        """Defer recipients whose way could not be found out."""
        epoch = next(self._numbers)
        for slot in slots:
            slot.waiting, slot.lease = False, epoch
        self._put_off(job, _lease(job, job.blob, slots, (epoch, "")), NO_ROUTE)

    async def expire(self, job: Job) -> None:
        """Send back what is still open; nothing is tried any more."""
        slots = [s for s in job.slots.values() if s.idle and not s.held]
        if not slots:
            return
        epoch = next(self._numbers)
        for slot in slots:
            slot.lease = epoch
        blob = job.blob
        try:
            if job.absent:
                blob = await self._contents.content(job)
        except Damaged as error:
            await self._contents.set_aside(job, str(error))
            return
        lease = _lease(job, blob, slots, (epoch, ""))
        late: dict[int, Outcome] = {
            s.recipient.n: Deferred(s.status or "4.4.7", s.text, s.host) for s in slots
        }
        await self._settling.settle(lease, late)
        if job.slots:
            self._wait(job)

    def renew(self, lease: Lease) -> bool:
        """See :meth:`IQueue.renew`."""
        found = self._leases.pop(lease.epoch, None)
        if found is None:
            return False
        job = found[1]
        until = self._ledger.ground.wall() + self._ledger.settings.lease
        self._leases[lease.epoch] = (lease, job, until)
        held = [job.slots.get(each.n) for each in lease.recipients]
        return any(slot is not None and slot.lease == lease.epoch for slot in held)

    def revoke(self, now: float) -> None:
        """Take back leases that were held too long; their holders are fenced."""
        for epoch, (lease, job, until) in list(self._leases.items()):
            if until > now:
                return
            del self._leases[epoch]
            self._put_off(job, lease, TIMED_OUT)


def _lease(
    job: Job, blob: Blob, slots: Sequence[Slot], which: tuple[int, str]
) -> Lease:
    attempt = 1
    found = []
    for slot in slots:
        found.append(slot.recipient)
        if slot.attempts >= attempt:
            attempt = slot.attempts + 1
    recipients = tuple(found)
    envelope = job.envelope
    if len(recipients) != len(envelope.recipients):
        envelope = Envelope(envelope.sender, recipients, envelope.marks)
    epoch, transport = which
    return Lease(
        job.id,
        epoch,
        envelope,
        blob,
        recipients,
        transport,
        attempt,
        job.accepted,
        job.awaited,
    )
