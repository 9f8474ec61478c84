"""Who is tried when: due jobs go to their transports, the rest waits.

Each attempt asks the routing anew. Recipients of one job that go the same way are
one lease. What the transport leaves unsettled is deferred.
"""

import random
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import count

from attrs import define, evolve, field
from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mailsuite.interfaces.queueing import IDelivery, IRouting, Lease
from mailsuite.model.envelope import Blob, Envelope
from mailsuite.model.errors import Damaged
from mailsuite.model.outcomes import Deferred, Outcome
from mailsuite.net.tasks import Tasks
from mailsuite.queue.jobs import Job, Slot
from mailsuite.queue.leases import LOCAL_TRANSPORT, UNSETTLED, Settling
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.lines import Lines, Place
from mailsuite.queue.settings import Settings
from mailsuite.queue.shelves import Shelves

TICK = 0.5  # seconds between looks at what is due
STARTED = 200  # jobs started in one turn of the reactor
UNREACHABLE = "4.4."  # RFC 3463: network and routing; it is the host, not the mail
NO_ROUTE = Deferred("4.3.0", "the way of this address could not be found out")
TIMED_OUT = Deferred("4.3.0", "the delivery took too long")


def delay(settings: Settings, attempts: int) -> float:
    """Seconds until the next attempt: exponential, with jitter of a quarter."""
    factor = settings.retry_factor ** min(attempts - 1, 60)
    most = min(settings.retry_first * factor, settings.retry_most)
    return most * (0.875 + random.random() / 4)


@define(eq=False)
class Schedule:
    """Starts deliveries. All of it runs on the reactor."""

    _ledger: Ledger
    _shelves: Shelves
    _routing: IRouting
    _transports: Mapping[str, IDelivery]
    _settling: Settling
    lines: Lines
    _tasks: Tasks = field(factory=Tasks)
    _heap: list[tuple[float, int, Job]] = field(factory=list)
    _numbers: "count[int]" = field(factory=lambda: count(1))
    _leases: dict[int, tuple[Lease, Job, float]] = field(factory=dict)
    _loop: LoopingCall | None = None
    _running: bool = False
    _log: Logger = field(factory=Logger)

    def start(self) -> None:
        """Begin to deliver."""
        self._running = True
        self._loop = loop = LoopingCall(self._tick)
        loop.clock = self._ledger.ground.reactor
        _ = loop.start(TICK, now=True)

    def halt(self) -> None:
        """Start nothing any more; what runs goes on."""
        self._running = False
        if self._loop is not None and self._loop.running:
            self._loop.stop()

    async def stop(self, within: float) -> None:
        """Wait for what runs, then cancel it: its recipients are deferred."""
        ended = Pending.fromCoroutine(self._tasks.settled())
        reactor = self._ledger.ground.reactor
        _ = ended.addTimeout(within, reactor, onTimeoutCancel=lambda _r, _s: None)
        await ended
        await self._tasks.stop()
        await self._tasks.settled()

    def add(self, job: Job) -> None:
        """Try a job when it is due."""
        due = job.next_due
        if due is None:
            return
        now = self._ledger.ground.wall()
        if due <= now and self._running:
            self._tasks.launch("queue", self._attempt(job, now))
        else:
            heappush(self._heap, (min(due, job.expires), next(self._numbers), job))

    def _tick(self) -> None:
        ledger = self._ledger
        ledger.flush()
        now = ledger.ground.wall()
        ledger.outcomes.forget(now)
        for _ in range(STARTED):
            if not self._heap or self._heap[0][0] > now:
                break
            _, _, job = heappop(self._heap)
            if ledger.jobs.get(job.id) is job:
                self._tasks.launch("queue", self._attempt(job, now))
        else:
            _ = ledger.ground.reactor.callLater(0, self._tick_again)
        self._revoke(now)
        if self._shelves.wanted(now):
            self._tasks.launch("queue rows", self._load(now))

    def _tick_again(self) -> None:
        if self._running:
            self._tick()

    async def _load(self, now: float) -> None:
        for job in await self._shelves.turn(now, self.lines.taken_changes()):
            self.add(job)

    def _revoke(self, now: float) -> None:
        for epoch, (lease, job, until) in list(self._leases.items()):
            if until > now:
                return
            del self._leases[epoch]
            self._put_off(job, lease, TIMED_OUT)

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

    async def _attempt(self, job: Job, now: float) -> None:
        """Find each due recipient's way and bring it there."""
        if now >= job.expires:
            await self._expire(job, now)
            return
        slots = job.due(now)
        if not slots:
            self.wait(job)
            return
        for slot in slots:
            slot.waiting = True
        names: Sequence[str] | None = None
        try:
            names = await self._routing.transports(
                [slot.recipient.address for slot in slots]
            )
        finally:
            if names is None:
                self._lost(job, slots)
        first: Place | None = None
        for place in self._places(job, slots, names, now):
            if not self.lines.enter(place):
                continue
            if first is None:
                first = place
            else:
                self._tasks.launch("delivery", self._carry(place))
        if first is not None:
            await self._carry(first)

    def _places(
        self, job: Job, slots: Sequence[Slot], names: Sequence[str], now: float
    ) -> list[Place]:
        groups: dict[tuple[str, str], list[Slot]] = {}
        for slot, name in zip(slots, names, strict=True):
            slot.transport = name
            domain = "" if name == LOCAL_TRANSPORT else slot.recipient.address.domain
            groups.setdefault((name, domain), []).append(slot)
        places: list[Place] = []
        late = False
        for (name, domain), some in groups.items():
            line = self.lines.line(name, domain)
            seconds = self.lines.blocked(line, now)
            if not seconds:
                places.append((line, job, some))
                continue
            late = True
            for slot in some:
                slot.waiting = False
                slot.due = now + seconds
        if late:
            self.wait(job)
        return places

    async def _carry(self, place: Place | None) -> None:
        """Deliver, and then whatever else waits for the same place."""
        while place is not None:
            line, job, slots = place
            place = None
            going = True
            try:
                await self._deliver(line.transport, line.domain, job, slots)
                going = False
                place = self.lines.leave(line)
            finally:
                if going:
                    other = self.lines.leave(line)
                    if other is not None:
                        self._tasks.launch("delivery", self._carry(other))

    async def _deliver(
        self, transport: str, domain: str, job: Job, slots: Sequence[Slot]
    ) -> None:
        epoch = next(self._numbers)
        mine = [s for s in slots if job.slots.get(s.recipient.n) is s and not s.held]
        for slot in slots:
            slot.waiting = False
        for slot in mine:
            slot.lease = epoch
        if not mine or not self._running:
            self._give_up(job, mine)
            return
        ledger = self._ledger
        now = ledger.ground.wall()
        lease = _lease(job, job.blob, mine, (epoch, transport))
        self._leases[epoch] = (lease, job, now + ledger.settings.lease)
        try:
            if job.blob.octets is None and not job.blob.path:
                lease = evolve(lease, blob=await self._shelves.content(job))
            await self._transports[transport].deliver(lease, self._settling.settle)
        except Damaged as error:
            await self._shelves.set_aside(job, str(error))
        finally:
            self._leases.pop(epoch, None)
            if job.slots:
                self._put_off(job, lease, UNSETTLED)

    def _give_up(self, job: Job, slots: Sequence[Slot]) -> None:
        for slot in slots:
            slot.lease = 0
        if job.slots:
            self.wait(job)

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
            self.wait(job)

    async def _settle_late(
        self, job: Job, lease: Lease, left: Mapping[int, Outcome]
    ) -> None:
        await self._settling.settle(lease, left)
        if job.slots:
            self.wait(job)

    def _lost(self, job: Job, slots: Sequence[Slot]) -> None:
        epoch = next(self._numbers)
        for slot in slots:
            slot.waiting, slot.lease = False, epoch
        self._put_off(job, _lease(job, job.blob, slots, (epoch, "")), NO_ROUTE)

    async def _expire(self, job: Job, now: float) -> None:
        """Send back what is still open; nothing is tried any more."""
        slots = [s for s in job.slots.values() if s.idle and not s.held]
        if not slots:
            return
        epoch = next(self._numbers)
        for slot in slots:
            slot.lease = epoch
        blob = job.blob
        try:
            if blob.octets is None and not blob.path:
                blob = await self._shelves.content(job)
        except Damaged as error:
            await self._shelves.set_aside(job, str(error))
            return
        lease = _lease(job, blob, slots, (epoch, ""))
        late: dict[int, Outcome] = {
            s.recipient.n: Deferred(s.status or "4.4.7", s.text, s.host) for s in slots
        }
        await self._settling.settle(lease, late)
        if job.slots:
            self.wait(job)

    def wait(self, job: Job) -> None:
        """Let a job rest until it is due again; its content leaves memory."""
        due = job.next_due
        if due is None or self._ledger.jobs.get(job.id) is not job:
            return
        if job.idle:
            self._ledger.let_go(job)
        heappush(self._heap, (min(due, job.expires), next(self._numbers), job))

    def heard(self, lease: Lease, outcome: Outcome) -> None:
        """An outcome tells whether its host is there."""
        if not lease.transport or not lease.recipients:
            return
        domain = lease.recipients[0].address.domain
        if isinstance(outcome, Deferred) and outcome.status.startswith(UNREACHABLE):
            now = self._ledger.ground.wall()
            self.lines.failed(lease.transport, domain, now)
        else:
            self.lines.answered(lease.transport, domain)


def _lease(
    job: Job, blob: Blob, slots: Sequence[Slot], which: tuple[int, str]
) -> Lease:
    recipients = tuple(slot.recipient for slot in slots)
    envelope = job.envelope
    if len(recipients) != len(envelope.recipients):
        envelope = Envelope(envelope.sender, recipients, envelope.marks)
    epoch, transport = which
    attempt = max((slot.attempts for slot in slots), default=0) + 1
    return Lease(
        job.id, epoch, envelope, blob, recipients, transport, attempt, job.accepted
    )
