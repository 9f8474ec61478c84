"""The queue as the rest of the house sees it."""

import os
from collections.abc import Mapping, Sequence
from functools import partial

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import (
    IJournalClient,
    Kind,
    Position,
    Record,
    queue_id,
)
from mailsuite.interfaces.queueing import (
    IDelivery,
    IQueue,
    IRouting,
    Lease,
    Listed,
    Page,
    Pending,
)
from mailsuite.model.envelope import Submission
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Outcome
from mailsuite.net.lanes import Lane
from mailsuite.queue.bounces import Bounces
from mailsuite.queue.contents import Contents
from mailsuite.queue.depth import Depth
from mailsuite.queue.encoding import blocks, head
from mailsuite.queue.files import Files
from mailsuite.queue.ledger import Ground, Ledger
from mailsuite.queue.listing import Listing
from mailsuite.queue.patience import Patience
from mailsuite.queue.recover import Fold, Recovery
from mailsuite.queue.returns import Returns
from mailsuite.queue.rows import Rows
from mailsuite.queue.schedule import Schedule, delay
from mailsuite.queue.settings import Settings
from mailsuite.queue.settling import Settling
from mailsuite.queue.shelves import Shelves
from mailsuite.queue.space import Space

STOP_SECONDS = 10.0  # for deliveries under way at a clean stop
NAMELESS = QueueId("")  # has no record yet
_KINDS = frozenset((Kind.MESSAGE, Kind.OUTCOME, Kind.STOP))


@define(eq=False)
@implementer(IQueue, IJournalClient)
class Queue:
    """Made before the journal starts; :meth:`start` follows the journal's start."""

    _ground: Ground
    _routing: IRouting
    _transports: Mapping[str, IDelivery]
    _settings: Settings
    kinds: frozenset[Kind] = _KINDS
    depth: Depth = field(init=False)
    """What monitoring asks."""
    pending: Pending = field(init=False)
    """Which of some jobs are open."""
    _ledger: Ledger = field(init=False)
    _patience: Patience = field(init=False)
    _shelves: Shelves = field(init=False)
    _returns: Returns = field(init=False)
    _schedule: Schedule = field(init=False)
    _settling: Settling = field(init=False)
    _space: Space = field(init=False)
    _listing: Listing = field(init=False)
    _fold: Fold = field(init=False)
    _stopping: bool = False

    def __attrs_post_init__(self) -> None:
        ground, settings = self._ground, self._settings
        rows = Rows(os.path.join(ground.folder, "queue.db"))
        ledger = Ledger(ground, settings, rows, Lane(ground.reactor, "queue"))
        self._ledger, self.depth = ledger, Depth(ledger)
        contents = Contents(ledger, Files(ground.folder, ground.journal))
        self._patience = Patience(ground.reactor, ledger.outcomes)
        self._shelves = Shelves(ledger, contents)
        self.pending = self._shelves.pending
        self._returns = Returns(ledger, contents, self._shelves)
        self._settling = Settling(
            ledger,
            Bounces(ground, self._routing),
            lambda attempts: delay(ledger.settings, attempts),
        )
        self._schedule = Schedule(
            ledger,
            contents,
            self._returns,
            self._routing,
            self._transports,
            self._settling,
        )
        self._settling.created = self._schedule.add
        self._settling.heard = self._schedule.heard
        self._space = Space(ledger)
        self._listing = Listing(ledger, self._shelves, self._returns, self._schedule)
        self._fold = _fold(ground)

    # Its life

    async def start(self) -> None:
        """Begin to deliver; the journal takes records by now."""
        self._space.start()
        for job in list(self._ledger.jobs.values()):
            self._schedule.add(job)
        self._schedule.start()

    async def stop(self) -> None:
        """Accept nothing, let deliveries end (10 s at most), then halt.

        What is open stays in the journal or the rows. The journal still runs.
        """
        self._stopping = True
        self._schedule.halt()
        await self._space.stop()
        await self._schedule.stop(STOP_SECONDS)
        await self._ledger.pay()
        self._ledger.flush()

    def close(self) -> None:
        """Close the rows; the journal has stopped by now. Blocks."""
        self._patience.stop()
        ledger = self._ledger
        ledger.lane.stop()
        ledger.rows.close()

    def reload(self, settings: Settings) -> None:
        """Let other settings count from now on."""
        self._settings = self._ledger.settings = settings
        self._schedule.reload()

    # IQueue

    async def accept(self, submissions: Sequence[Submission]) -> Sequence[QueueId]:
        """See :meth:`IQueue.accept`."""
        space, ledger = self._space, self._ledger
        while space.crowded():
            await space.wait()
        if self._stopping:
            raise NoSpace("the queue is stopping")
        now = self._ground.wall()
        expires = now + ledger.settings.expire
        names: list[QueueId] = []
        fresh: list[tuple[int, Submission, float, int]] = []
        records: list[Record] = []
        for n, submission in enumerate(submissions):
            once, blob = submission.once, submission.blob
            if once is not None and once in ledger.onces:
                names.append(ledger.onces[once][0])
                continue
            names.append(NAMELESS)
            path = self._ground.blobs.relative(blob.path) if blob.path else ""
            until = submission.expires or expires
            body = blocks(head(submission, now, until, path), blob)
            fresh.append((n, submission, until, len(body[0])))
            records.append(Record(Kind.MESSAGE, body))
        places = await self._ground.journal.commit(records) if records else ()
        for place, (n, submission, until, start) in zip(places, fresh, strict=True):
            name = names[n] = queue_id(place)
            job = ledger.born(name, submission, (now, until), place, start)
            if submission.awaited:
                job.awaited = True
                ledger.outcomes.expect(name, job.slots)
            self._schedule.fresh(job)
        return names

    async def outcome(
        self,
        id: QueueId,  # noqa: A002 - as the interface says
        recipient: int,
        within: float,
    ) -> Outcome | None:
        """See :meth:`IQueue.outcome`."""
        outcomes = self._ledger.outcomes
        known = outcomes.known(id, recipient)
        job = self._ledger.jobs.get(id)
        slot = None if job is None else job.slots.get(recipient)
        try:
            if known is not None or slot is None or (slot.attempts and slot.idle):
                return known
            return await self._patience.wait(id, recipient, within)
        finally:
            outcomes.unwait(id, recipient)

    async def settle(self, lease: Lease, outcomes: Mapping[int, Outcome]) -> bool:
        """See :meth:`IQueue.settle`."""
        return await self._settling.settle(lease, outcomes)

    async def renew(self, lease: Lease) -> bool:
        """See :meth:`IQueue.renew`."""
        return self._schedule.attempts.renew(lease)

    async def browse(self, after: str, limit: int) -> Page:
        """See :meth:`IQueue.browse`."""
        return await self._listing.browse(after, limit)

    async def show(self, id: QueueId) -> Sequence[Listed]:  # noqa: A002 - same
        """See :meth:`IQueue.show`."""
        return await self._listing.show(id)

    async def change(self, ids: Sequence[QueueId] | None, action: str) -> int:
        """See :meth:`IQueue.change`."""
        return await self._listing.change(ids, action)

    # IJournalClient

    def replayed(self, position: Position, record: Record) -> None:
        """See :meth:`IJournalClient.replayed`."""
        self._fold.record(position, record)

    async def recovered(self) -> None:
        """See :meth:`IJournalClient.recovered`."""
        recovery = Recovery(self._ledger, self._shelves, self._returns, self._fold)
        self._schedule.lines.restore(await recovery.run())
        self._fold = _fold(self._ground)

    async def evacuate(self, epoch: int) -> None:
        """See :meth:`IJournalClient.evacuate`."""
        await self._shelves.evacuate(epoch)

    async def retired(self, epoch: int) -> None:
        """See :meth:`IJournalClient.retired`."""
        await self._shelves.retired(epoch)


def _fold(ground: Ground) -> Fold:
    return Fold(ground.folder, partial(_damaged, ground.events))


def _damaged(events: IEvents, position: Position, why: str) -> None:
    events.happened("queue.corrupt", qid=queue_id(position), reason=why)
