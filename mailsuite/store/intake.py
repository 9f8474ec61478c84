"""Messages on their way into accounts, gathered so that each hop carries many.

Deliveries (with ``once``) go straight to the lane: everything that waits for it in
one hand-over. An APPEND first reserves its UIDs and is written to the journal; it
holds the account's turn meanwhile, and what waits behind it goes together.
"""

from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mailsuite.interfaces.journal import IJournal
from mailsuite.model.changes import Appended
from mailsuite.model.ids import MailboxId
from mailsuite.net.lanes import Lane
from mailsuite.net.tasks import Tasks
from mailsuite.store import append, opening, records
from mailsuite.store.append import Parcel, Result, Shared
from mailsuite.store.index import Index
from mailsuite.store.shelf import Shelf

_Waiting = list[tuple[Parcel, "Deferred[Appended]"]]


@define(eq=False)
class Intake:
    """What waits for one lane."""

    _reactor: IReactorTime
    _lane: Lane
    _tasks: Tasks
    _waiting: dict[Shelf, _Waiting] = field(factory=dict)
    _shared: Shared = field(factory=Shared)
    _busy: bool = False
    _called: bool = False

    async def put(self, shelf: Shelf, parcel: Parcel) -> Appended:
        """Store a delivery with the next hand-over."""
        result: Deferred[Appended] = Deferred()
        waiting = self._waiting.get(shelf)
        if waiting is None:
            waiting = self._waiting[shelf] = []
            shelf.turn.given = self.kick
        waiting.append((parcel, result))
        self.kick()
        return await result

    def kick(self) -> None:
        """Hand over at the end of this turn of the reactor, if there is something."""
        if self._waiting and not self._busy and not self._called:
            self._called = True
            _ = self._reactor.callLater(0, self._go)

    def _go(self) -> None:
        self._called = False
        if self._busy:
            return
        taken = [
            (shelf, waiting)
            for shelf, waiting in self._waiting.items()
            if shelf.turn.take()
        ]
        if not taken:
            return
        for shelf, _ in taken:
            del self._waiting[shelf]
            shelf.busy += 1
        self._busy = True
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
        self._busy = False
        for number, (shelf, waiting) in enumerate(taken):
            shelf.busy -= 1
            if isinstance(results, Failure):
                told: Sequence[Result] = [_error(results)] * len(waiting)
            else:
                told = results[number]
            broken = next((e for e in told if _broken(e)), None)
            if broken is not None:
                self._tasks.launch(
                    "repair of an index", self._again(shelf, waiting, broken)
                )
                continue
            shelf.turn.give()
            shelf.changed()
            _answer(waiting, told)
        self.kick()

    async def _again(self, shelf: Shelf, waiting: _Waiting, broken: Result) -> None:
        """Rebuild a broken index and store once more; the turn is still held."""
        parcels = [parcel for parcel, _ in waiting]
        try:
            await shelf.mend(_as_error(broken))
            told: Sequence[Result] = await shelf.run(_keep, parcels, self._shared)
        except Exception as error:
            told = [error] * len(waiting)
        finally:
            shelf.turn.give()
        _answer(waiting, told)

    async def keep(self, shelf: Shelf, parcels: Sequence[Parcel]) -> Sequence[Result]:
        """Store parcels now; the caller holds the turn."""
        told = await shelf.run(_keep, parcels, self._shared)
        broken = next((e for e in told if _broken(e)), None)
        if broken is not None:
            await shelf.mend(_as_error(broken))
            told = await shelf.run(_keep, parcels, self._shared)
        return told


def _keep(index: Index, parcels: Sequence[Parcel], shared: Shared) -> list[Result]:
    return append.keep([(index, parcels)], shared)[0]


def _broken(result: Result) -> bool:
    return isinstance(result, Exception) and opening.is_corrupt(result)


def _as_error(result: Result) -> Exception:
    assert isinstance(result, Exception)
    return result


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


@define(eq=False)
class Promises:
    """APPENDs of one account: journal first, together where several wait."""

    _shelf: Shelf
    _intake: Intake
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
        try:
            while self._waiting:
                await self._shelf.turn.taken()
                waiting, self._waiting = self._waiting, []
                try:
                    told = await self._kept([parcel for parcel, _ in waiting])
                except Exception as error:
                    told = [error] * len(waiting)
                finally:
                    self._shelf.turn.give()
                _answer(waiting, told)
        finally:
            self._busy = False

    async def _kept(self, parcels: Sequence[Parcel]) -> Sequence[Result]:
        index = self._shelf.index
        wanted: dict[MailboxId, int] = {}
        for parcel in parcels:
            number = wanted.get(parcel.mailbox, 0)
            wanted[parcel.mailbox] = number + len(parcel.pieces)
            if any(piece.draft.blob.octets is None for piece in parcel.pieces):
                await self._shelf.run(append.stage, parcel)
        await self._shelf.run(_reserve, wanted) if _short(index, wanted) else None
        self._number(index, parcels)
        modseq = index.modseq + 1
        name = index.place.account
        positions = await self._journal.commit(
            [records.record(name, p.mailbox, p.pieces, modseq) for p in parcels]
        )
        for parcel, position in zip(parcels, positions, strict=True):
            parcel.epoch = position.epoch
        told = await self._intake.keep(self._shelf, parcels)
        for parcel, result in zip(parcels, told, strict=True):
            if isinstance(result, Exception):
                base = parcel.pieces[0].base
                self._journal.note(records.withdrawal(name, parcel.mailbox, base))
        return told

    def _number(self, index: Index, parcels: Sequence[Parcel]) -> None:
        """Give UIDs, which the turn keeps ours."""
        following: dict[MailboxId, int] = {}
        for parcel in parcels:
            box = index.box(parcel.mailbox)
            uid = following.get(box.id, box.uidnext)
            parcel.pieces = [
                append.renumbered(piece, uid + n)
                for n, piece in enumerate(parcel.pieces)
            ]
            following[box.id] = uid + len(parcel.pieces)


def _short(index: Index, wanted: dict[MailboxId, int]) -> bool:
    return any(
        index.box(mailbox).uidnext + count > index.box(mailbox).uid_limit
        for mailbox, count in wanted.items()
    )


def _reserve(index: Index, wanted: dict[MailboxId, int]) -> None:
    index.reserve({index.box(mailbox): n for mailbox, n in wanted.items()})


Journalled = Callable[[Shelf], Promises]
