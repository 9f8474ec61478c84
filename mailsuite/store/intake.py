"""Messages on their way into accounts, gathered so that each hop carries many.

Deliveries (with ``once``) go straight to the lane: everything that waits for it in
one hand-over. One for which somebody waits goes at once, if few are under way even
behind those; others wait for these to come back and keep a distance to the last
hand-over, because ten messages in one cost little more than one.

An APPEND first reserves its UIDs and is written to the journal; it holds the account's
turn meanwhile, and what waits behind it goes together. Its client waits for each step:
so the lane writes its file to ``tmp`` and scans it while the barrier runs, and hears of
the barrier from the journal's thread and not by way of the reactor.
"""

from collections.abc import Sequence
from itertools import zip_longest
from types import TracebackType

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mailsuite.interfaces.journal import IJournal, Position, Record
from mailsuite.interfaces.mailboxes import NoSuchMailbox
from mailsuite.model.changes import Appended
from mailsuite.model.errors import Damaged, NoSpace
from mailsuite.model.ids import MailboxId
from mailsuite.net.lanes import Lane
from mailsuite.net.tasks import Tasks
from mailsuite.store import append, opening, outside, records
from mailsuite.store.append import Parcel, Result, Shared
from mailsuite.store.index import Index
from mailsuite.store.pieces import renumbered
from mailsuite.store.shelf import Shelf

GATHER_SECONDS = 0.01  # between two hand-overs for which nobody waits
GATHERED = 50  # deliveries that go however near the last hand-over is
FEW = 4  # under way: so many and more are waited for, to gather the next behind them

_Waiting = list[tuple[Parcel, "Deferred[Appended]"]]


@define(eq=False)
class Intake:
    """What waits for one lane."""

    _reactor: IReactorTime
    _lane: Lane
    _tasks: Tasks
    _shared: Shared
    _waiting: dict[Shelf, _Waiting] = field(factory=dict)
    _count: int = 0
    _awaited: bool = False
    _under_way: int = 0
    """Deliveries that the lane has."""
    _due: float = 0.0
    """When the next hand-over for which nobody waits may be."""
    _called: IDelayedCall | None = None
    _soon: bool = False
    """Whether that call is for the end of this turn."""

    def put(
        self, shelf: Shelf, parcel: Parcel, *, awaited: bool = True
    ) -> "Deferred[Appended]":
        """Store a delivery with the next hand-over."""
        result: Deferred[Appended] = Deferred()
        waiting = self._waiting.get(shelf)
        if waiting is None:
            waiting = self._waiting[shelf] = []
            shelf.turn.given = self.kick
        waiting.append((parcel, result))
        self._count += 1
        self._awaited = self._awaited or awaited
        self.kick()
        return result

    def kick(self) -> None:
        """Hand over soon, if there is something; not before this turn's end."""
        if not self._waiting:
            return
        if self._under_way and not (self._awaited and self._under_way < FEW):
            return
        wait = 0.0
        if not self._awaited and self._count < GATHERED:
            wait = max(0.0, self._due - self._reactor.seconds())
        called = self._called
        if called is None:
            self._called = self._reactor.callLater(wait, self._go)
        elif not wait and not self._soon:
            called.reset(0)
        self._soon = not wait

    def _go(self) -> None:
        self._called = None
        taken = [
            (shelf, waiting)
            for shelf, waiting in self._waiting.items()
            if shelf.turn.take()
        ]
        if not taken:
            return
        for shelf, waiting in taken:
            del self._waiting[shelf]
            self._count -= len(waiting)
            self._under_way += len(waiting)
            shelf.busy += 1
        self._awaited = self._awaited and bool(self._waiting)
        self._due = self._reactor.seconds() + GATHER_SECONDS
        groups = [
            (shelf.index, [parcel for parcel, _ in waiting]) for shelf, waiting in taken
        ]
        work = self._lane.run(append.keep, groups, self._shared)
        _ = work.addBoth(self._done, taken)

    def _done(
        self,
        results: list[list[Result]] | Failure,
        taken: Sequence[tuple[Shelf, _Waiting]],
    ) -> None:
        for number, (shelf, waiting) in enumerate(taken):
            self._under_way -= len(waiting)
            shelf.busy -= 1
            if isinstance(results, Failure):
                told: Sequence[Result] = [_error(results)] * len(waiting)
            else:
                told = results[number]
            broken = _broken(told)
            if broken is not None:
                parcels = [parcel for parcel, _ in waiting]
                again = Deferred.fromCoroutine(self._again(shelf, parcels, broken))
                _ = again.addBoth(_told, waiting)
                continue
            shelf.turn.give()
            shelf.changed()
            _answer(waiting, told)
        self.kick()

    async def _again(
        self, shelf: Shelf, parcels: Sequence[Parcel], broken: Exception
    ) -> Sequence[Result]:
        """Rebuild a broken index and store once more; the turn is still held."""
        try:
            await shelf.mend(broken)
            return await shelf.run(_keep, parcels, self._shared)
        finally:
            shelf.turn.give()


def _keep(index: Index, parcels: Sequence[Parcel], shared: Shared) -> list[Result]:
    return append.keep([(index, parcels)], shared)[0]


def _broken(told: Sequence[Result]) -> Exception | None:
    """The first of these that says that the index is broken."""
    errors = [each for each in told if isinstance(each, Exception)]
    return next(filter(opening.is_corrupt, errors), None) if errors else None


def _error(failure: Failure) -> Exception:
    error = failure.value
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def _answer(waiting: _Waiting, told: Sequence[Result]) -> None:
    for (_, caller), result in zip(waiting, told, strict=True):
        if caller.called:
            continue
        if isinstance(result, Exception):
            caller.errback(Failure(result))
        else:
            caller.callback(result)


def _told(told: Sequence[Result] | Failure, waiting: _Waiting) -> None:
    """Answer callers with their results, or all of them with one failure."""
    if isinstance(told, Failure):
        told = [_error(told)] * len(waiting)
    _answer(waiting, told)


@define(eq=False)
class _Told:
    """Answers callers at the end of a block, or with what was raised within it.

    For an APPEND a Deferred of the block's own would cost more than its steps.
    """

    _waiting: _Waiting
    results: Sequence[Result] = ()

    def __enter__(self) -> "_Told":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self.results = [error] * len(self._waiting)
        elif error is not None:
            return False
        _answer(self._waiting, self.results)
        return True


@define(eq=False)
class _Promise:
    """Parcels that are being journaled; the lane goes on when the journal says so."""

    _shelf: Shelf
    _parcels: Sequence[Parcel]
    _shared: Shared
    kept: "Deferred[list[Result]]" = field(factory=Deferred)

    def begun(self) -> None:
        """See :meth:`Hearer.begun`."""
        self._shelf.put(None, append.prepare, self._parcels)

    def told(self, result: Sequence[Position] | Exception) -> None:
        """See :meth:`Hearer.told`."""
        self._shelf.put(self.kept, append.fulfil, result, self._parcels, self._shared)


@define(eq=False)
class Promises:
    """APPENDs of one account: journal first, together where several wait."""

    _shelf: Shelf
    _shared: Shared
    _journal: IJournal
    _tasks: Tasks
    _waiting: _Waiting = field(factory=list)
    _busy: bool = False

    async def put(self, parcel: Parcel) -> Appended:
        """Store a client's message; durable on return."""
        result: Deferred[Appended] = Deferred()
        self._waiting.append((parcel, result))
        if not self._busy:
            self._busy = True
            self._tasks.launch("APPEND", self._work())
        return await result

    async def _work(self) -> None:
        turn = self._shelf.turn
        try:
            while self._waiting:
                await turn.taken()
                try:
                    waiting, self._waiting = self._waiting, []
                    ready = [pair for pair in waiting if await self._ready(*pair)]
                    with _Told(ready) as told:
                        told.results = await self._settled([p for p, _ in ready])
                finally:
                    turn.give()
                    self._shelf.changed()  # who waits was answered before
        finally:
            self._busy = False

    async def _ready(self, parcel: Parcel, caller: "Deferred[Appended]") -> bool:
        """Whether its mailbox is there and its large messages are staged."""
        try:
            _ = self._shelf.index.box(parcel.mailbox)
            if any(piece.draft.blob.octets is None for piece in parcel.pieces):
                await self._shelf.run(append.stage, parcel)
        except (NoSuchMailbox, NoSpace, OSError, Damaged):
            caller.errback(Failure())
            return False
        return True

    async def _settled(self, parcels: Sequence[Parcel]) -> Sequence[Result]:
        """Store parcels; those that cannot be leave nothing behind."""
        told: Sequence[Result] = ()
        try:
            told = await self._kept(parcels)
        finally:
            vain = [
                parcel
                for parcel, result in zip_longest(parcels, told)
                if parcel.staged and not isinstance(result, Appended)
            ]
            if vain:
                await self._shelf.run(append.unstage, vain)
        return told

    async def _kept(self, parcels: Sequence[Parcel]) -> Sequence[Result]:
        if not parcels:
            return []
        index = self._shelf.index
        wanted: dict[MailboxId, int] = {}
        for parcel in parcels:
            number = wanted.get(parcel.mailbox, 0)
            wanted[parcel.mailbox] = number + len(parcel.pieces)
        if _unready(index, wanted):
            await self._shelf.run(_make_ready, wanted)
        self._number(index, parcels)
        modseq = index.modseq + 1
        name = index.place.account
        promised = [records.record(name, p.mailbox, p.pieces, modseq) for p in parcels]
        told = await self._fulfilled(parcels, promised)
        for parcel, result in zip(parcels, told, strict=True):
            if isinstance(result, Exception):
                base = parcel.pieces[0].base
                self._journal.note(records.withdrawal(name, parcel.mailbox, base))
        return told

    async def _fulfilled(
        self, parcels: Sequence[Parcel], promised: Sequence[Record]
    ) -> Sequence[Result]:
        """Store parcels once their records stand."""
        shelf, shared = self._shelf, self._shared
        promise = _Promise(shelf, parcels, shared)
        shelf.busy += 1
        try:
            self._journal.commit_for(promised, promise)
            results = await promise.kept
        finally:
            shelf.busy -= 1
        broken = _broken(results)
        if broken is not None:
            await shelf.mend(broken)
            results = await shelf.run(_keep, parcels, shared)
        return results

    def _number(self, index: Index, parcels: Sequence[Parcel]) -> None:
        """Give UIDs, which the turn keeps ours."""
        following: dict[MailboxId, int] = {}
        for parcel in parcels:
            box = index.box(parcel.mailbox)
            uid = following.get(box.id, box.uidnext)
            parcel.pieces = [
                renumbered(piece, uid + n) for n, piece in enumerate(parcel.pieces)
            ]
            following[box.id] = uid + len(parcel.pieces)


def _unready(index: Index, wanted: dict[MailboxId, int]) -> bool:
    found = [(index.box(mailbox), count) for mailbox, count in wanted.items()]
    return any(
        box.uidnext + count > box.uid_limit or outside.unseen(index, box)
        for box, count in found
    )


def _make_ready(index: Index, wanted: dict[MailboxId, int]) -> None:
    """Reserve UIDs; after a kill, files of strangers are given theirs before."""
    boxes = {index.box(mailbox): count for mailbox, count in wanted.items()}
    for box in boxes:
        if outside.unseen(index, box):
            outside.merge(index, box)
    index.reserve(boxes)
