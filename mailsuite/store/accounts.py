"""Every account of this process, as doors, deliveries and the journal see them."""

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Concatenate, ParamSpec, TypeVar

from attrs import define, field, frozen
from zope.interface import implementer

from mailsuite.interfaces.changes import IChanges
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import (
    IJournal,
    IJournalClient,
    Kind,
    Position,
    Record,
)
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.queueing import Pending
from mailsuite.model.changes import Room
from mailsuite.model.ids import AccountName, EmailId, MailboxId, ModSeq, Uid
from mailsuite.net.lanes import Lane, Lanes
from mailsuite.net.tasks import Tasks
from mailsuite.store import census, changes, index, opening, recover
from mailsuite.store.account import Account, Counter, Desk
from mailsuite.store.append import Shared
from mailsuite.store.intake import Intake, Promises
from mailsuite.store.nearby import Nearby
from mailsuite.store.quota import ENDLESS, Quota
from mailsuite.store.recover import Recovery
from mailsuite.store.scanning import Scanner
from mailsuite.store.settings import Settings
from mailsuite.store.shelves import Follower, IGroundReactor, Shelves
from mailsuite.store.watching import Watching

P = ParamSpec("P")
R = TypeVar("R")


@frozen
class Ground:
    """What the store is given: ``data`` is the data directory, which exists.

    ``wall`` gives seconds since 1970; ``host`` stands in names of files.
    """

    reactor: IGroundReactor
    wall: Callable[[], float]
    data: str
    host: str
    events: IEvents
    directory: IDirectory
    journal: IJournal


@implementer(IAccounts, IJournalClient, IChanges)
@define(eq=False)
class Accounts:
    """Provides IAccounts, IJournalClient and IChanges.

    ``start`` before the journal replays, ``stop`` after the last caller is gone and
    before the journal stops.
    """

    _ground: Ground
    _settings: Settings
    kinds: frozenset[Kind] = frozenset({Kind.APPEND})
    pending: Pending = recover.nobody
    """Told by the queue: whose deliveries may be asked again."""
    _shelves: Shelves = field(init=False)
    _desk: Desk = field(init=False)
    _recovery: Recovery = field(init=False)
    _tasks: Tasks = field(factory=Tasks)
    _intakes: dict[Lane, Intake] = field(factory=dict)
    _shared: Shared = field(factory=Shared)

    def __attrs_post_init__(self) -> None:
        ground, settings = self._ground, self._settings
        _ = opening.checked_template(settings.maildir)
        reactor = ground.reactor
        host = ground.host.replace("/", "\\057").replace(":", "\\072")
        below = index.Ground(
            ground.data,
            settings,
            ground.events,
            ground.wall,
            reactor.seconds,
            host.replace(",", "-") or "localhost",
            ground.journal.epoch,
        )
        self._shelves = Shelves(
            reactor,
            below,
            self._tasks,
            Lanes.of(reactor, "store", max(1, settings.lanes)),
            Lanes.of(reactor, "store-sync", max(1, settings.lanes)),
        )
        self._desk = Desk(
            below,
            Scanner(reactor),
            Watching(reactor, self._tasks),
            Nearby(),
            Quota(ground.directory, reactor.seconds),
            Counter(),
        )
        self._recovery = Recovery(self._shelves.get)

    def start(self) -> None:
        """Begin to watch and to clean."""
        self._desk.watching.start()
        self._shelves.start()

    async def open(self, account: AccountName) -> Account:
        """See :meth:`IAccounts.open`."""
        shelf = self._shelves.ready(account)
        if shelf is None:
            shelf = await self._shelves.get(account)
        shelf.users += 1
        intake = self._intakes.get(shelf.lane)
        if intake is None:
            intake = Intake(self._ground.reactor, shelf.lane, self._tasks, self._shared)
            self._intakes[shelf.lane] = intake
        promises = shelf.promises
        if promises is None:
            promises = shelf.promises = Promises(
                shelf, self._shared, self._ground.journal, self._tasks
            )
        return Account(self._desk, shelf, intake, promises)

    async def room(self, account: AccountName) -> Room:
        """See :meth:`IAccounts.room`."""
        facts = await self._desk.quota.facts(account)
        if not (facts.quota_octets or facts.quota_messages):
            return ENDLESS
        shelf = self._shelves.ready(account) or await self._shelves.get(account)
        return await self._desk.quota.room(shelf)

    async def facts(
        self,
        account: AccountName,
        call: Callable[Concatenate[Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run ``call`` on the account's lane with its database of facts."""
        shelf = self._shelves.ready(account) or await self._shelves.get(account)
        return await shelf.run(
            lambda index: call(index.facts.database, *args, **kwargs)
        )

    async def within(
        self,
        account: AccountName,
        call: Callable[Concatenate[index.Index, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run ``call`` on the account's lane with its index.

        :raises NoStore: it has none yet, and none is made.
        """
        shelf = self._shelves.ready(account)
        if shelf is None:
            lane = self._shelves.lanes.lane(account)
            if not await lane.run(opening.founded, self._desk.ground, account):
                raise opening.NoStore(account)
            shelf = await self._shelves.get(account)
        return await shelf.run(call, *args, **kwargs)

    async def since(
        self, account: AccountName, modseq: ModSeq, limit: int
    ) -> changes.Since:
        """See :meth:`IChanges.since`."""
        shelf = self._shelves.ready(account) or await self._shelves.get(account)
        return await shelf.run(changes.since, modseq, limit)

    async def accounts(self) -> Sequence[AccountName]:
        """See :meth:`IChanges.accounts`."""
        return await self._shelves.lanes.lane("").run(census.known, self._desk.ground)

    async def located(
        self, account: AccountName, emails: Sequence[EmailId]
    ) -> Sequence[tuple[EmailId, MailboxId, str, Uid]]:
        """See :meth:`IChanges.located`."""
        shelf = self._shelves.ready(account) or await self._shelves.get(account)
        return await shelf.run(changes.located, emails)

    def follow(self, wake: Follower) -> Callable[[], None]:
        """See :meth:`IChanges.follow`."""
        return self._shelves.followers.add(wake)

    def replayed(self, position: Position, record: Record) -> None:
        """See :meth:`IJournalClient.replayed`."""
        self._recovery.replayed(position, record)

    async def recovered(self) -> None:
        """See :meth:`IJournalClient.recovered`."""
        await self._recovery.recovered()
        self._tasks.launch("accounts left open", census.reopen(self._shelves))

    async def evacuate(self, epoch: int) -> None:
        """See :meth:`IJournalClient.evacuate`."""
        await self._recovery.evacuate()
        await self._shelves.each(lambda shelf: shelf.run(recover.evacuate))

    async def retired(self, epoch: int) -> None:
        """See :meth:`IJournalClient.retired`."""
        self._shelves.pending = self.pending
        await self._shelves.retired(epoch)

    async def stop(self) -> None:
        """Finish what runs, close every account; the next start finds it clean."""
        self._desk.watching.stop()
        self._shelves.ending = True
        await self._tasks.settled()
        await self._shelves.stop()
        await self._desk.scanner.stop()
        self._shelves.lanes.stop()
        self._shelves.syncs.stop()
