"""Settling: what an attempt brought is recorded, and then it is so.

Outcomes and the messages they bring about go into one record. A plain local
delivery is only noted: while its message stands in the journal a repetition finds
the message in the store. Whoever settles with an old lease is refused.
"""

from collections.abc import Callable, Mapping, Sequence

from attrs import define, evolve, field, frozen

from mailsuite.interfaces.journal import Position, queue_id
from mailsuite.interfaces.queueing import Lease
from mailsuite.model.envelope import Blob, Recipient, Submission
from mailsuite.model.errors import NoSpace
from mailsuite.model.outcomes import Deferred, Delivered, Expanded, Failed, Outcome
from mailsuite.queue.bounces import (
    DELAYED,
    FAILED,
    NOTICE_MARK,
    Bounces,
    Row,
    wanted,
)
from mailsuite.queue.encoding import (
    DEFERRED,
    DONE,
    EXPANDED,
    LOCAL,
    WARNED,
    Change,
    Json,
    delivered,
    head,
    recipient,
)
from mailsuite.queue.jobs import Job, Slot
from mailsuite.queue.ledger import Ground, Ledger

ALIASES_DEEP = 20  # an alias behind so many others is taken for a loop
LOCAL_TRANSPORT = "local"
DISK_FULL = "4.3.1"  # RFC 3463; without a host it is our own disk
ROOM_SECONDS = 5.0  # until our own disk is tried again: it heals without us
TEXT_CHARACTERS = 400  # of a far end's answer that are kept
UNSETTLED = Deferred("4.3.0", "the delivery ended without an answer")
BROKEN = Deferred("4.3.0", "the outcome could not be recorded")


@frozen
class Pending:
    """Outcomes on their way into the journal."""

    changes: list[list[Json]]
    children: list[Submission]
    grown: list[tuple[int, Slot]]
    """New recipients, and the number of the alias they came from."""


@define(eq=False)
class Settling:
    """Records outcomes. ``delay`` gives the seconds until the next attempt."""

    _ledger: Ledger
    _bounces: Bounces
    _delay: Callable[[int], float]
    created: Callable[[Job], None] = field(default=lambda _job: None)
    """Told of every job that is to be tried: children, and jobs that grew."""
    heard: Callable[[Lease, Outcome], None] = field(default=lambda _lease, _out: None)
    """Told of every outcome of a transport but the local one."""

    async def settle(self, lease: Lease, outcomes: Mapping[int, Outcome]) -> bool:
        """See :meth:`IQueue.settle`."""
        job = self._ledger.jobs.get(lease.id)
        if job is None:
            return False
        slots = job.slots
        for n in outcomes:
            slot = slots.get(n)
            if slot is None or slot.lease != lease.epoch:
                return False
        if lease.transport == LOCAL_TRANSPORT:
            here: dict[int, Delivered] = {}
            for n, outcome in outcomes.items():
                if not isinstance(outcome, Delivered) or outcome.spawn:
                    break
                here[n] = outcome
            else:
                self._delivered_here(job, here)
                return True
        else:
            for outcome in outcomes.values():
                self.heard(lease, outcome)
        await self._record(job, lease, outcomes)
        return True

    def _delivered_here(self, job: Job, outcomes: Mapping[int, Delivered]) -> None:
        ledger = self._ledger
        job.version += 1
        now = ledger.ground.wall()
        changes: list[Json] = []
        for n, outcome in outcomes.items():
            filed = outcome.filed
            changes.append((n, LOCAL, filed) if filed else (n, LOCAL))
            slot = job.slots.pop(n)
            if job.kept:
                job.filed[n] = delivered(slot.recipient, filed)
            _delivered(ledger.ground, job, slot, outcome, now)
        ledger.note((job.id, job.version, changes))
        if job.kept:
            job.done.extend(outcomes)
            job.dirty = True
        if not job.slots:
            ledger.end(job)
        for n, outcome in outcomes.items():
            ledger.outcomes.came(job.id, n, outcome)

    async def _record(
        self, job: Job, lease: Lease, outcomes: Mapping[int, Outcome]
    ) -> None:
        now = self._ledger.ground.wall()
        final = {n: self._last(job, n, o, now) for n, o in outcomes.items()}
        for n in final:
            job.slots[n].lease = -lease.epoch  # nobody else's while it is written
        try:
            children = [child for o in final.values() for child in o.spawn]
            children += await self._notices(job, lease.blob, final, now)
            changes, grown = self._changes(job, lease, final, now)
            await self._write(job, lease, final, Pending(changes, children, grown))
        finally:
            for n in final:
                slot = job.slots.get(n)
                if slot is not None and slot.lease == -lease.epoch:
                    slot.lease = lease.epoch

    def _last(self, job: Job, n: int, outcome: Outcome, now: float) -> Outcome:
        """The outcome as it counts: what is deferred may have expired."""
        slot = job.slots[n]
        if isinstance(outcome, Deferred) and now >= job.expires:
            text = outcome.text or slot.text or "no attempt succeeded in time"
            status = outcome.status if outcome.status == "4.2.2" else "4.4.7"
            return Failed(status, text, outcome.host, outcome.spawn)
        if isinstance(outcome, Expanded) and slot.depth >= ALIASES_DEEP:
            return Failed("5.4.6", "the aliases of this address form a loop")
        return outcome

    async def _notices(
        self, job: Job, blob: Blob, outcomes: Mapping[int, Outcome], now: float
    ) -> Sequence[Submission]:
        failed, late = [], []
        warn = self._ledger.settings.warn
        tell = warn and not job.warned and now >= job.accepted + warn
        for n, outcome in outcomes.items():
            row = job.slots[n].recipient
            if isinstance(outcome, Failed):
                if not self._ledger.outcomes.promise(job.id, n):
                    failed.append(Row(row, outcome))
            elif isinstance(outcome, Deferred) and tell and self._told(job, row):
                late.append(Row(row, outcome))
        made: list[Submission] = []
        if failed:
            made += await self._bounces.notices(job, blob, failed, FAILED)
        if late:
            made += await self._bounces.notices(job, blob, late, DELAYED)
            job.warned = True
        return made

    def _told(self, job: Job, row: Recipient) -> bool:
        return wanted(row, DELAYED) and bool(row.origin or job.envelope.sender)

    def _changes(
        self, job: Job, lease: Lease, outcomes: Mapping[int, Outcome], now: float
    ) -> tuple[list[list[Json]], list[tuple[int, Slot]]]:
        changes: list[list[Json]] = []
        grown: list[tuple[int, Slot]] = []
        for n, outcome in outcomes.items():
            slot = job.slots[n]
            match outcome:
                case Delivered():
                    here = lease.transport == LOCAL_TRANSPORT
                    changes.append([n, LOCAL, outcome.filed] if here else [n, DONE])
                case Failed():
                    changes.append([n, DONE])
                case Deferred():
                    tried = slot.attempts + 1
                    seconds = self._delay(tried)
                    if outcome.status == DISK_FULL and not outcome.host:
                        seconds = min(seconds, ROOM_SECONDS)
                    due = min(now + seconds, max(job.expires, now + 1))
                    text = outcome.text[:TEXT_CHARACTERS]
                    changes.append(
                        [n, DEFERRED, tried, due, outcome.status, text, outcome.host]
                    )
                case Expanded():
                    added = self._grow(job, slot, outcome)
                    grown += [(n, each) for each in added]
                    rows = [recipient(each.recipient) for each in added]
                    changes.append([n, EXPANDED, slot.depth + 1, rows])
        if job.warned:
            changes.append([-1, WARNED])
        return changes, grown

    def _grow(self, job: Job, slot: Slot, outcome: Expanded) -> list[Slot]:
        added = []
        for each in outcome.recipients:
            if job.number(str(each.address).casefold()):
                whole = evolve(
                    each, n=job.next, origin=each.origin or job.envelope.sender
                )
                job.next += 1
                added.append(Slot(whole, slot.due, depth=slot.depth + 1))
        return added

    async def _write(
        self, job: Job, lease: Lease, outcomes: Mapping[int, Outcome], pending: Pending
    ) -> None:
        ledger = self._ledger
        wall = ledger.ground.wall()
        expires = wall + ledger.settings.expire
        job.version += 1
        change: Change = (job.id, job.version, pending.changes)
        if not pending.children and all(
            isinstance(o, Deferred) for o in outcomes.values()
        ):
            ledger.note(change)
            self._apply(job, lease, outcomes, pending)
            return
        children = [
            (
                head(c, wall, c.expires or expires, self._relative(c.blob)),
                c.blob,
            )
            for c in pending.children
        ]
        job.writing += 1
        try:
            place, starts = await ledger.commit([change], children)
        except (OSError, NoSpace):
            self._undone(job, lease, outcomes, pending)
            return
        finally:
            job.writing -= 1
        self._apply(job, lease, outcomes, pending)
        self._bear(job, pending.children, (place, starts), (wall, expires))

    def _relative(self, blob: Blob) -> str:
        return self._ledger.ground.blobs.relative(blob.path) if blob.path else ""

    def _bear(
        self,
        job: Job,
        children: Sequence[Submission],
        where: tuple[Position, Sequence[int]],
        times: tuple[float, float],
    ) -> None:
        wall, expires = times
        place, starts = where
        for number, (child, start) in enumerate(zip(children, starts, strict=True), 1):
            name = queue_id(place, number)
            until = child.expires or expires
            made = self._ledger.born(name, child, (wall, until), place, start)
            self._ledger.ground.events.happened(
                "queue.accepted",
                qid=name,
                size=child.blob.size,
                recipients=len(child.envelope.recipients),
                sender=str(child.envelope.sender or ""),
            )
            if NOTICE_MARK in child.envelope.marks:
                to = str(child.envelope.recipients[0].address)
                self._ledger.ground.events.happened(
                    "queue.bounced", qid=job.id, child=name, to=to
                )
            self.created(made)

    def _apply(
        self, job: Job, lease: Lease, outcomes: Mapping[int, Outcome], pending: Pending
    ) -> None:
        ledger = self._ledger
        if job.kept:
            job.dirty = True
        deferred = {c[0]: c for c in pending.changes if c[1] == DEFERRED}
        for n, outcome in outcomes.items():
            slot = job.slots[n]
            if isinstance(outcome, Deferred):
                _, _, slot.attempts, slot.due, *said = deferred[n]
                slot.status, slot.text, slot.host = said
                slot.lease = 0
                self._tell(job, slot, outcome)
                continue
            del job.slots[n]
            here = lease.transport == LOCAL_TRANSPORT
            if here and job.kept and isinstance(outcome, Delivered):
                job.done.append(n)
                job.filed[n] = delivered(slot.recipient, outcome.filed)
            self._tell(job, slot, outcome)
        for _, each in pending.grown:
            job.slots[each.recipient.n] = each
        if not job.slots:
            ledger.end(job)
        elif pending.grown:
            self.created(job)
        self._answer(job, outcomes)

    def _answer(self, job: Job, outcomes: Mapping[int, Outcome]) -> None:
        """Tell who waits, now that everything is as the outcomes say."""
        known = self._ledger.outcomes
        for n, outcome in outcomes.items():
            if isinstance(outcome, Deferred):
                known.put_off(job.id, n)
            else:
                known.came(job.id, n, outcome)

    def _undone(
        self, job: Job, lease: Lease, outcomes: Mapping[int, Outcome], pending: Pending
    ) -> None:
        """The record does not stand. What is final and alone is owed.

        A message that another server took must not be sent again; the journal forgets
        what is only noted when it has no room. What brings children about is tried
        again.
        """
        for _, each in pending.grown:
            job.seen.discard(str(each.recipient.address).casefold())
        now = self._ledger.ground.wall()
        for n, outcome in outcomes.items():
            final = isinstance(outcome, Delivered) and not outcome.spawn
            one = {n: outcome if final else BROKEN}
            changes, _ = self._changes(job, lease, one, now)
            job.version += 1
            change: Change = (job.id, job.version, changes)
            if final:
                self._ledger.owing.append(change)
            else:
                self._ledger.note(change)
            self._apply(job, lease, one, Pending(changes, [], []))

    def _tell(self, job: Job, slot: Slot, outcome: Outcome) -> None:
        ground = self._ledger.ground
        happened = ground.events.happened
        recipient = str(slot.recipient.address)
        match outcome:
            case Delivered():
                _delivered(ground, job, slot, outcome, ground.wall())
            case Expanded():
                into = len(outcome.recipients)
                happened("queue.expanded", qid=job.id, recipient=recipient, into=into)
            case Deferred() | Failed():
                failed = isinstance(outcome, Failed)
                due = {} if failed else {"due": round(slot.due)}
                happened(
                    "queue.failed" if failed else "queue.deferred",
                    qid=job.id,
                    recipient=recipient,
                    transport=slot.transport,
                    status=outcome.status,
                    text=f"{outcome.host} {outcome.text}".strip()[:TEXT_CHARACTERS],
                    **due,
                )


def _delivered(
    ground: Ground, job: Job, slot: Slot, outcome: Delivered, now: float
) -> None:
    ground.events.happened(
        "queue.delivered",
        qid=job.id,
        recipient=str(slot.recipient.address),
        transport=slot.transport,
        seconds=round(now - job.accepted, 3),
        text=outcome.text,
    )
