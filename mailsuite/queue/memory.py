"""A queue in memory, for tests and for the assembly ``memory``.

It keeps the promises of :class:`~mailsuite.interfaces.queueing.IQueue` but one:
nothing outlives the process. Jobs are tried at once, and then only by ``retry``.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count

from attrs import define, evolve, field
from zope.interface import implementer

from mailsuite.interfaces.queueing import (
    IDelivery,
    IQueue,
    IRouting,
    Lease,
    Listed,
    Page,
)
from mailsuite.model.envelope import Once, Submission
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Deferred, Expanded, Outcome
from mailsuite.net.tasks import Tasks
from mailsuite.queue.jobs import Job, Slot
from mailsuite.queue.ledger import Outcomes


@define(eq=False)
@implementer(IQueue)
class MemoryQueue:
    """Hands jobs to ``transports`` as soon as they are accepted."""

    _routing: IRouting
    _transports: Mapping[str, IDelivery]
    jobs: dict[QueueId, Job] = field(factory=dict)
    accepted: list[Submission] = field(factory=list)
    _onces: dict[Once, QueueId] = field(factory=dict)
    _outcomes: Outcomes = field(factory=Outcomes)
    _numbers: "count[int]" = field(factory=lambda: count(1))
    _tasks: Tasks = field(factory=Tasks)

    async def accept(self, submissions: Sequence[Submission]) -> Sequence[QueueId]:
        """See :meth:`IQueue.accept`."""
        names = []
        for submission in submissions:
            once = submission.once
            if once is not None and once in self._onces:
                names.append(self._onces[once])
                continue
            name = QueueId(f"0G1G{next(self._numbers):X}")
            if once is not None:
                self._onces[once] = name
            names.append(name)
            self.accepted.append(submission)
            slots = {each.n: Slot(each, 0.0) for each in submission.envelope.recipients}
            following = max(slots, default=0) + 1
            job = Job(
                name, submission.envelope, submission.blob, 0.0, 0.0, slots, following
            )
            self.jobs[name] = job
            self._tasks.launch("memory queue", self._attempt(job))
        return names

    async def _attempt(self, job: Job) -> None:
        slots = [s for s in job.slots.values() if not s.lease and not s.held]
        ways = await self._routing.transports([s.recipient.address for s in slots])
        for slot, way in zip(slots, ways, strict=True):
            if slot.lease or slot.held:
                continue
            slot.lease, slot.transport = next(self._numbers), way
            lease = Lease(
                job.id,
                slot.lease,
                evolve(job.envelope, recipients=(slot.recipient,)),
                job.blob,
                (slot.recipient,),
                way,
                slot.attempts + 1,
                0.0,
            )
            try:
                await self._transports[way].deliver(lease, self.settle)
            finally:
                if slot.lease == lease.epoch:
                    left = Deferred("4.3.0", "not settled")
                    await self.settle(lease, {slot.recipient.n: left})

    async def settle(self, lease: Lease, outcomes: Mapping[int, Outcome]) -> bool:
        """See :meth:`IQueue.settle`."""
        job = self.jobs.get(lease.id)
        slots = {} if job is None else job.slots
        if job is None or any(
            n not in slots or slots[n].lease != lease.epoch for n in outcomes
        ):
            return False
        for n, outcome in outcomes.items():
            slot = slots[n]
            if isinstance(outcome, Deferred):
                slot.lease = 0
                slot.attempts += 1
                slot.status, slot.text = outcome.status, outcome.text
                self._outcomes.put_off(job.id, n)
            else:
                del slots[n]
                if isinstance(outcome, Expanded):
                    self._grow(job, outcome)
                self._outcomes.came(job.id, n, outcome)
            await self.accept(outcome.spawn)
        if not slots:
            self.jobs.pop(job.id, None)
        return True

    def _grow(self, job: Job, outcome: Expanded) -> None:
        for each in outcome.recipients:
            if job.number(str(each.address).casefold()):
                job.slots[job.next] = Slot(evolve(each, n=job.next), 0.0)
                job.next += 1
        self._tasks.launch("memory queue", self._attempt(job))

    async def outcome(
        self,
        id: QueueId,  # noqa: A002 - as the interface says
        recipient: int,
        within: float,
    ) -> Outcome | None:
        """See :meth:`IQueue.outcome`; it never waits."""
        return self._outcomes.known(id, recipient)

    async def renew(self, lease: Lease) -> bool:
        """See :meth:`IQueue.renew`."""
        job = self.jobs.get(lease.id)
        held = {} if job is None else job.slots
        return any(
            each.n in held and held[each.n].lease == lease.epoch
            for each in lease.recipients
        )

    async def browse(self, after: str, limit: int) -> Page:
        """See :meth:`IQueue.browse`."""
        rows = [row for name in sorted(self.jobs) for row in self.jobs[name].listed()]
        rest = [row for row in rows if f"{row.id}/{row.recipient}" > after]
        some = tuple(rest[:limit])
        more = len(rest) > limit
        return Page(some, f"{some[-1].id}/{some[-1].recipient}" if more else "")

    async def show(self, id: QueueId) -> Sequence[Listed]:  # noqa: A002 - same
        """See :meth:`IQueue.show`."""
        job = self.jobs.get(id)
        return [] if job is None else list(map(partial(_marked, job), job.listed()))

    async def change(self, ids: Sequence[QueueId] | None, action: str) -> int:
        """See :meth:`IQueue.change`."""
        if action not in {"retry", "hold", "release", "remove"}:
            raise UsageError(f"there is no action {action}")
        names = list(self.jobs) if ids is None else ids
        jobs = [self.jobs[name] for name in names if name in self.jobs]
        for job in jobs:
            if action == "remove":
                del self.jobs[job.id]
                continue
            for slot in job.slots.values():
                slot.held = action == "hold" or (slot.held and action == "retry")
            if action != "hold":
                self._tasks.launch("memory queue", self._attempt(job))
        return len(jobs)


def _marked(job: Job, row: Listed) -> Listed:
    own = job.slots[row.recipient].recipient.marks
    return evolve(row, marks={**job.envelope.marks, **own})
