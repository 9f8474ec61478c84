"""The accounts that are open: found, opened once, tidied, closed when idle."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFromThreads,
    IReactorTime,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.interfaces.queueing import Pending
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import AccountName
from mailsuite.net.lanes import Lanes
from mailsuite.net.tasks import Tasks
from mailsuite.store import expunge, opening, recover, spare, tidy
from mailsuite.store.index import Ground, Index, Place
from mailsuite.store.shelf import Barrier, Keeper, Shelf

CLEAN_SECONDS = 60.0  # between looks for expunged mail whose time has passed


class IGroundReactor(IReactorTime, IReactorFromThreads):
    """What the store needs of a reactor."""


Follower = Callable[[AccountName], None]


@define(eq=False)
class Followers:
    """Whoever wants to know which accounts changed."""

    _wakes: list[Follower] = field(factory=list)

    def add(self, wake: Follower) -> Callable[[], None]:
        """Call ``wake`` from now on, until the call that this gives."""

        def told(account: AccountName) -> None:
            wake(account)

        self._wakes.append(told)

        def end() -> None:
            if told in self._wakes:
                self._wakes.remove(told)

        return end

    def changed(self, account: AccountName) -> None:
        """Let them take note."""
        for wake in list(self._wakes):
            wake(account)


@define(eq=False)
class _Open:
    """An account that is open, or waited for while it is opened."""

    shelf: Shelf | None = None
    waiting: list["Deferred[None]"] = field(factory=list)

    async def waited(self) -> None:
        """Wait until it is open, or cannot be opened."""
        waiting: Deferred[None] = Deferred()
        self.waiting.append(waiting)
        await waiting

    def wake(self) -> None:
        """Let those look again who waited."""
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.callback(None)


@define(eq=False)
class Shelves:
    """Every open account of the process, and the timers that look after them."""

    reactor: IGroundReactor
    ground: Ground
    tasks: Tasks
    lanes: Lanes
    syncs: Lanes
    epoch: int = 0
    """Journal segments up to it are retired."""
    pending: Pending = recover.nobody
    """Whose deliveries are remembered longer."""
    _open: dict[AccountName, _Open] = field(factory=dict)
    _late: set[Shelf] = field(factory=set)
    _timers: list[IDelayedCall] = field(factory=list)
    _tidying: bool = False
    ending: bool = False
    """Nothing is opened any more that nobody asked for."""
    followers: Followers = field(factory=Followers)
    _keeper: Keeper = field(init=False)
    _log: Logger = field(factory=Logger)

    def __attrs_post_init__(self) -> None:
        self._keeper = Keeper(
            self.reactor,
            self.tasks,
            partial(_repaired, self.ground),
            self.followers.changed,
            self.late,
        )

    def start(self) -> None:
        """Begin to look after old files and spare room."""
        spare.keep(self.ground.data)
        self._later(CLEAN_SECONDS, self._clean)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers = [timer for timer in self._timers if timer.active()]
        self._timers.append(self.reactor.callLater(seconds, call))

    def ready(self, account: AccountName) -> Shelf | None:
        """The account's shelf if it is open, at once."""
        known = self._open.get(account)
        if known is None or known.shelf is None:
            return None
        if len(self._open) > 1:
            self._open[account] = self._open.pop(account)
        return known.shelf

    async def get(self, account: AccountName) -> Shelf:
        """The account's shelf, opened if need be.

        :raises BadName: no account can have that name.
        """
        while (known := self._open.get(account)) is not None:
            shelf = self.ready(account)
            if shelf is not None:
                return shelf
            await known.waited()
        place = opening.place(self.ground, account)
        entry = self._open[account] = _Open()
        opened: Deferred[Shelf] = Deferred()

        def told(result: Shelf | Failure) -> None:
            if not opened.called:  # who asked may be gone: it is open for others
                opened.callback(result)
            entry.wake()  # who asked first goes on first

        work = Deferred.fromCoroutine(self._opened(account, entry, place))
        _ = work.addBoth(told)
        return await opened

    async def _opened(self, account: AccountName, entry: _Open, place: Place) -> Shelf:
        lane = self.lanes.lane(account)
        try:
            index = await lane.run(opening.opened, self.ground, place)
            barrier = Barrier(self.syncs.lane(account))
            shelf = Shelf(index, lane, barrier, self._keeper)
            if self.epoch:
                await recover.forgotten(shelf, self.epoch, self.pending)
            entry.shelf = shelf
        finally:
            if entry.shelf is None:
                del self._open[account]
        if index.lagging:
            self.late(entry.shelf)
        self._shrink(entry)
        return entry.shelf

    def _shrink(self, wanted: _Open) -> None:
        """Close accounts that nobody used for longest, but for one just opened."""
        surplus = len(self._open) - self.ground.settings.open_accounts
        for account, entry in list(self._open.items()):
            if surplus <= 0:
                return
            shelf = entry.shelf
            if shelf is None or entry is wanted:
                continue
            if not shelf.users and not shelf.busy:
                self.tasks.launch("closing an account", self._close(account, entry))
                surplus -= 1

    async def _close(self, account: AccountName, entry: _Open) -> None:
        shelf, entry.shelf = entry.shelf, None
        assert shelf is not None
        shelf.end()
        self._late.discard(shelf)
        try:
            await shelf.lane.run(opening.close, shelf.index)
        finally:
            del self._open[account]
            entry.wake()

    def late(self, shelf: Shelf) -> None:
        """Files of the account lag behind; they follow in some seconds."""
        self._late.add(shelf)
        if not self._tidying:
            self._tidying = True
            self._later(self.ground.settings.names, self._tidy)

    def _tidy(self) -> None:
        self._tidying = False
        late, self._late = self._late, set()
        self.tasks.launch("names of files", self._follow(late))

    async def _follow(self, late: set[Shelf]) -> None:
        for shelf in late:
            try:
                more = True
                while more and not shelf.closing:  # others' calls go in between
                    more = await shelf.run(tidy.tidy)
            except (OSError, NoSpace, sqlite3.Error):
                self._log.failure("names in {account}", account=shelf.name)
                self.late(shelf)

    async def each(self, work: Callable[[Shelf], Awaitable[None]]) -> None:
        """Do something for every open account, whatever is wrong with another.

        :raises NoSpace: the disk is full, for all of them.
        """
        for entry in list(self._open.values()):
            shelf = entry.shelf
            if shelf is not None and not shelf.closing:
                try:
                    await work(shelf)
                except (OSError, sqlite3.Error):
                    self._log.failure("files of {account}", account=shelf.name)

    async def retired(self, epoch: int) -> None:
        """Segments up to ``epoch`` are gone."""
        self.epoch = max(self.epoch, epoch)
        await self.each(lambda shelf: recover.forgotten(shelf, epoch, self.pending))

    def _clean(self) -> None:
        self._later(CLEAN_SECONDS, self._clean)
        self.tasks.launch("old files", self._cleaned())

    async def _cleaned(self) -> None:
        age = float(self.ground.settings.removed)
        await self.each(lambda shelf: shelf.run(opening.clean, age))
        await self.lanes.lane(self.ground.data).run(spare.keep, self.ground.data)

    async def stop(self) -> None:
        """Close every account; what waited is finished before."""
        self._tidying = True  # and no timer is set any more for what lags
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        for account, entry in list(self._open.items()):
            if entry.shelf is None:
                await entry.waited()
            if entry.shelf is not None:
                await self._close(account, entry)


def _repaired(ground: Ground, broken: Index, reason: str) -> Index:
    """On the lane: set a broken index aside and open the account anew."""
    with suppress(sqlite3.Error, OSError):  # the new one takes them for new
        while expunge.follow(broken):
            pass
    opening.close(broken, clean=False)
    opening.aside(ground, broken.place, "index.db", reason)
    return opening.opened(ground, broken.place)
