"""Who is tried when: due jobs go to their transports, the rest waits.

Each attempt asks the routing anew. Recipients of one job that go the same way are
one lease. What the transport leaves unsettled is deferred.

Jobs are handed over in the order in which they were accepted, over a restart too:
what comes before all of the backlog has begun stands behind it.
"""

import random
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import count, islice

from attrs import define, field
from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import LoopingCall

from mailsuite.interfaces.queueing import IDelivery, IRouting, Lease
from mailsuite.model.address import Address
from mailsuite.model.outcomes import Deferred, Outcome
from mailsuite.net.tasks import Tasks
from mailsuite.queue.attempts import Attempts
from mailsuite.queue.contents import Contents
from mailsuite.queue.jobs import Job, Slot
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.lines import Limits, Lines, Place
from mailsuite.queue.returns import Returns
from mailsuite.queue.settings import Settings
from mailsuite.queue.settling import LOCAL_TRANSPORT, Settling

TICK = 0.5  # seconds between looks at what is due
STARTED = 50  # jobs started in one turn of the reactor
UNREACHABLE = "4.4."  # RFC 3463: network and routing; it is the host, not the mail


def delay(settings: Settings, attempts: int) -> float:
    """Seconds until the next attempt: exponential, with jitter of a quarter."""
    factor = settings.retry_factor ** min(attempts - 1, 60)
    most = min(settings.retry_first * factor, settings.retry_most)
    return most * (0.875 + random.random() / 4)


def limits(settings: Settings) -> Limits:
    """Deliveries at once: local, to other servers, to one domain."""
    return (
        max(1, settings.local_deliveries),
        max(1, settings.remote_deliveries),
        max(1, settings.domain_deliveries),
    )


@define(eq=False)
class Schedule:
    """Starts deliveries. All of it runs on the reactor."""

    _ledger: Ledger
    _contents: Contents
    _returns: Returns
    _routing: IRouting
    _transports: Mapping[str, IDelivery]
    _settling: Settling
    attempts: Attempts = field(init=False)
    lines: Lines = field(init=False)
    _tasks: Tasks = field(factory=Tasks)
    _heap: list[tuple[float, int, Job]] = field(factory=list)
    _fresh: list[Job] = field(factory=list)
    _numbers: "count[int]" = field(factory=lambda: count(1))
    _loop: LoopingCall | None = None
    _running: bool = False
    _behind: bool = False
    """Whether something is left that was accepted before the start."""

    def __attrs_post_init__(self) -> None:
        ledger = self._ledger
        self.lines = Lines(
            limits(ledger.settings), lambda attempts: delay(ledger.settings, attempts)
        )
        self.attempts = Attempts(
            self._ledger,
            self._contents,
            self._transports,
            self._settling,
            self._tasks,
            self.wait,
        )

    def reload(self) -> None:
        """The ledger has other settings now."""
        self.lines.limit(limits(self._ledger.settings))

    def start(self) -> None:
        """Begin to deliver."""
        self._running = self._behind = True
        self.attempts.halted = False
        self._loop = loop = LoopingCall(self._tick)
        loop.clock = self._ledger.ground.reactor
        _ = loop.start(TICK, now=True)

    def halt(self) -> None:
        """Start nothing any more; what runs goes on."""
        self._running = False
        self.attempts.halted = True
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
        if due <= now and self._running and not self._behind:
            self._tasks.launch("queue", self._attempt((job,), now))
        else:
            heappush(self._heap, (min(due, job.expires), next(self._numbers), job))

    def fresh(self, job: Job) -> None:
        """Try a job that was accepted now, with all others of this turn.

        Who handed it over is answered first, and what a batch of the journal
        brought goes to the store together.
        """
        if not self._fresh:
            _ = self._ledger.ground.reactor.callLater(0, self._start_fresh)
        self._fresh.append(job)

    def _start_fresh(self) -> None:
        jobs, self._fresh = self._fresh[:STARTED], self._fresh[STARTED:]
        if self._fresh:
            _ = self._ledger.ground.reactor.callLater(0, self._start_fresh)
        if self._running and not self._behind:
            now = self._ledger.ground.wall()
            self._tasks.launch("queue", self._attempt(jobs, now))
            return
        for job in jobs:
            self.add(job)

    def _tick(self) -> None:
        if not self._running:
            return
        ledger = self._ledger
        ledger.flush()
        now = ledger.ground.wall()
        ledger.outcomes.forget(now)
        for _ in range(STARTED):
            if not self._heap or self._heap[0][0] > now:
                self._behind = False
                break
            _, _, job = heappop(self._heap)
            if ledger.jobs.get(job.id) is job:
                self._tasks.launch("queue", self._attempt((job,), now))
        else:
            _ = ledger.ground.reactor.callLater(0, self._tick)
        self.attempts.revoke(now)
        if self._returns.wanted(now):
            self._tasks.launch("queue rows", self._load(now))

    async def _load(self, now: float) -> None:
        for job in await self._returns.turn(now, self.lines.taken_changes()):
            self.add(job)

    async def _attempt(self, jobs: Sequence[Job], now: float) -> None:
        """Find the ways of all that is due, with one question, and bring it there."""
        tried: list[tuple[Job, Sequence[Slot]]] = []
        addresses: list[Address] = []
        for job in jobs:
            if now >= job.expires:
                self._tasks.launch("queue", self.attempts.expire(job))
                continue
            slots = job.due(now)
            if not slots:
                self.wait(job)
                continue
            tried.append((job, slots))
            for slot in slots:
                slot.waiting = True
                addresses.append(slot.recipient.address)
        names: Sequence[str] | None = None
        try:
            names = await self._routing.transports(addresses)
        finally:
            if names is None:
                self._unrouted(tried, now)
        following = iter(names)
        for job, due in tried:
            ways = list(islice(following, len(due)))
            for place in self._places(job, due, ways, now):
                if self.lines.enter(place):
                    self._tasks.launch("delivery", self._carry(place))

    def _unrouted(
        self, tried: Sequence[tuple[Job, Sequence[Slot]]], now: float
    ) -> None:
        """No way could be found out: of several jobs each asks alone, once more.

        At a stop nobody asks any more: who was cut off waits for the next start.
        """
        for job, slots in tried:
            if len(tried) == 1 or not self._running:
                self.attempts.lost(job, slots)
                continue
            for slot in slots:
                slot.waiting = False
            self._tasks.launch("queue", self._attempt((job,), now))

    def _places(
        self, job: Job, slots: Sequence[Slot], names: Sequence[str], now: float
    ) -> list[Place]:
        if len(slots) == 1 and names[0] == LOCAL_TRANSPORT:
            slots[0].transport = LOCAL_TRANSPORT
            return [(self.lines.line(LOCAL_TRANSPORT, ""), job, slots)]
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
                await self.attempts.deliver(line.transport, job, slots)
                going = False
                place = self.lines.leave(line)
            finally:
                if going:
                    other = self.lines.leave(line)
                    if other is not None:
                        self._tasks.launch("delivery", self._carry(other))

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
