"""One account as the reactor shares it: its turn, its barrier, who watches it."""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mailsuite.model.changes import Columns
from mailsuite.model.errors import NoSpace, UsageError
from mailsuite.model.flags import FlagTable
from mailsuite.model.ids import AccountName, MailboxId, ModSeq
from mailsuite.net.lanes import Lane
from mailsuite.net.tasks import Tasks
from mailsuite.store import opening, tidy
from mailsuite.store.append import told
from mailsuite.store.box import Box
from mailsuite.store.index import Index

if TYPE_CHECKING:
    from mailsuite.store.intake import Promises

P = ParamSpec("P")
R = TypeVar("R")

SYNC_SECONDS = 1.0  # within which a STORE is on disk

Wake = Callable[[MailboxId], None]


@define(eq=False)
class Turn:
    """Who gives UIDs holds it; reserved ones are thus told in order."""

    _held: bool = False
    _waiting: deque["Deferred[None]"] = field(factory=deque)
    given: Callable[[], None] = field(default=lambda: None)
    """Called when nobody holds it any more."""

    def take(self) -> bool:
        """Take it if it is free."""
        if self._held:
            return False
        self._held = True
        return True

    async def taken(self) -> None:
        """Wait for it and take it."""
        if not self.take():
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting

    def give(self) -> None:
        """Pass it on."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.called:
                waiting.callback(None)
                return
        self._held = False
        self.given()


@define(eq=False)
class Barrier:
    """Syncs an account's commits; callers during one share the next."""

    lane: Lane
    _waiting: list["Deferred[None]"] = field(factory=list)
    _busy: bool = False

    async def passed(self, index: Index) -> None:
        """Wait until everything that is committed now is on disk."""
        mine: Deferred[None] = Deferred()
        self._waiting.append(mine)
        if not self._busy:
            self._begin(index)
        await mine

    def _begin(self, index: Index) -> None:
        self._busy = True
        waiting, self._waiting = self._waiting, []
        work = self.lane.run(index.sync)

        def ended(result: Failure | None) -> None:
            self._busy = False
            if self._waiting:
                self._begin(index)
            for one in waiting:
                one.callback(result)

        _ = work.addBoth(ended)


@frozen
class Keeper:
    """What every shelf needs of whoever keeps them."""

    reactor: IReactorTime
    tasks: Tasks
    repair: Callable[[Index, str], Index]
    """Runs on the lane: sets a broken index aside and gives the new one."""
    risen: Callable[[AccountName], None]
    """Told when an account's ModSeq rose."""
    late: Callable[["Shelf"], None]
    """Told when an account's files lag behind its rows."""


@define(eq=False)
class Shelf:
    """The shared state of an open account."""

    index: Index
    lane: Lane
    barrier: Barrier
    keeper: Keeper
    promises: "Promises | None" = None
    """APPENDs of this account, made by whoever opens it first."""
    users: int = 0
    busy: int = 0
    """Parcels on their way: it must not be closed."""
    turn: Turn = field(factory=Turn)
    versions: "WeakValueDictionary[MailboxId, Columns]" = field(
        factory=WeakValueDictionary
    )
    tables: dict[MailboxId, tuple[Box | None, FlagTable, dict[int, int]]] = field(
        factory=dict
    )
    watchers: list[Wake] = field(factory=list)
    closing: bool = False
    octets_coming: int = 0
    messages_coming: int = 0
    _modseq: int = 0
    _told: dict[MailboxId, int] = field(factory=dict)
    _waking: IDelayedCall | None = None
    _syncing: IDelayedCall | None = None

    @property
    def name(self) -> AccountName:
        """The account's name."""
        return self.index.place.account

    async def run(
        self,
        call: Callable[Concatenate[Index, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run ``call(index, ...)`` on the lane, once more if that may help.

        A broken index is rebuilt before, on a full disk room is made.

        :raises NoSpace: the disk is full.
        """
        self.busy += 1
        try:
            return await self.lane.run(lambda: self._call(call, *args, **kwargs))
        finally:
            self.busy -= 1
            self.changed()

    def put(
        self,
        result: "Deferred[R] | None",
        call: Callable[Concatenate[Index, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """As :meth:`run`, from any thread; who waits for it keeps the shelf busy."""
        self.lane.put(result, lambda: self._call(call, *args, **kwargs))

    async def alone(
        self,
        call: Callable[Concatenate[Index, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """As :meth:`run`, holding the turn: for what gives UIDs or changes names."""
        await self.turn.taken()
        try:
            return await self.run(call, *args, **kwargs)
        finally:
            self.turn.give()

    def _call(
        self,
        call: Callable[Concatenate[Index, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        try:
            return call(self.index, *args, **kwargs)
        except (sqlite3.Error, OSError) as error:
            _relieve(self, error)
        try:
            return call(self.index, *args, **kwargs)
        except (sqlite3.Error, OSError) as error:
            if (known := told(error)) is error:
                raise
            raise known from error

    async def mend(self, error: Exception) -> None:
        """Rebuild the index after a failure that :meth:`run` did not see."""
        broken = self.index

        def repaired() -> None:
            if self.index is broken:
                self.index = self.keeper.repair(broken, str(error))

        await self.lane.run(repaired)

    def table(self, box: Box) -> tuple[FlagTable, dict[int, int]]:
        """The mailbox's table of flags, and our codes as codes of it.

        An index that was rebuilt has boxes, and codes, of its own.
        """
        mine, table, codes = self.tables.get(box.id) or (None, FlagTable(), {})
        if mine is not box:
            codes = {0: 0}
            self.tables[box.id] = (box, table, codes)
        return table, codes

    def changed(self) -> None:
        """Tell whoever follows what the account's lane does.

        Watchers are woken, soon, of mailboxes whose ModSeq rose or that are gone.
        """
        modseq = self.index.modseq
        rose = modseq != self._modseq
        if rose:
            self._modseq = modseq
            self.keeper.risen(self.name)
        if self.index.lagging:
            self.keeper.late(self)
        if self.watchers and self._waking is None and (rose or self._risen()):
            self._waking = self.keeper.reactor.callLater(0, self._wake)

    def _risen(self) -> list[MailboxId]:
        boxes = dict(self.index.boxes)
        gone = [mailbox for mailbox in self._told if mailbox not in boxes]
        return gone + [b.id for b in boxes.values() if self._told.get(b.id) != b.modseq]

    def _wake(self) -> None:
        self._waking = None
        risen = self._risen()
        for mailbox in risen:
            box = self.index.boxes.get(mailbox)
            if box is not None:
                self._told[mailbox] = box.modseq
            else:
                self._told.pop(mailbox, None)
        for wake in list(self.watchers):
            for mailbox in risen:
                wake(mailbox)

    def watch(self, wake: Wake) -> None:
        """Add a watcher; it is told of what changes from now on."""
        if not self.watchers:
            boxes = list(self.index.boxes.values())
            self._told = {box.id: box.modseq for box in boxes}
        self.watchers.append(wake)

    async def synced(self) -> ModSeq:
        """Pass a barrier; gives the ModSeq that stood before it."""
        modseq = ModSeq(self.index.modseq)
        await self.barrier.passed(self.index)
        return modseq

    def sync_soon(self) -> None:
        """Have a barrier within a second; many calls share it."""
        if self._syncing is None:
            self._syncing = self.keeper.reactor.callLater(SYNC_SECONDS, self._sync)

    def _sync(self) -> None:
        self._syncing = None
        if not self.closing:
            self.keeper.tasks.launch(
                "sync of an index", self.barrier.passed(self.index)
            )

    def end(self) -> None:
        """Stop the timers; the shelf is closed."""
        self.closing = True
        for call in (self._waking, self._syncing):
            if call is not None and call.active():
                call.cancel()
        self._waking = self._syncing = None


def _relieve(shelf: Shelf, error: sqlite3.Error | OSError) -> None:
    """Rebuild a broken index, make room on a full disk; raise what else it is."""
    if isinstance(error, sqlite3.Error) and opening.is_corrupt(error):
        shelf.index = shelf.keeper.repair(shelf.index, str(error))
    elif isinstance(told(error), NoSpace):
        tidy.make_room(shelf.index)
    else:
        raise error


def check_open(shelf: Shelf) -> None:
    """:raises UsageError: the account was closed."""
    if shelf.closing:
        raise UsageError("the account is closed")
