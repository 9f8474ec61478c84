"""Snoozed messages awaken: at their time they are filed where their script says.

(draft-ietf-extra-sieve-snooze §4.) One timer serves all accounts; it stands while
something is snoozed anywhere. A message is filed by a MOVE, which is done once or
not at all, and forgotten afterwards: whatever comes between, it is not filed again,
because it does not lie with the snoozed ones any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from attrs import define, evolve, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mailsuite.delivery import folders
from mailsuite.delivery.folders import INBOX
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    IAccounts,
    IMailbox,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
)
from mailsuite.interfaces.snoozing import ISnoozed, Snoozed
from mailsuite.model.changes import Appended
from mailsuite.model.envelope import Once
from mailsuite.model.errors import Damaged, NoSpace, OverQuota
from mailsuite.model.flags import SYSTEM
from mailsuite.model.ids import AccountName
from mailsuite.model.snooze import Terms
from mailsuite.net.tasks import Tasks

LOOK_SECONDS = 60.0  # at most between looks at the clock on the wall, which may be set
RETRY_SECONDS = 60.0  # before an account is tried again
PAUSE_SECONDS = 5.0  # between looks while such accounts wait
ACCOUNTS = 100  # due ones that are read at once
MESSAGES = 50  # of one account that awaken at once; each is an event

_TROUBLE = (
    *(BadName, Damaged, LimitReached, NoSpace, NoSuchMailbox, OSError, OverQuota),
)


@define(eq=False)
class Awakening:
    """Remembers what is snoozed, and files it when its time has come."""

    _reactor: IReactorTime
    _wall: Callable[[], float]
    _accounts: IAccounts
    snoozed: ISnoozed
    _events: IEvents
    _later: dict[AccountName, float] = field(factory=dict)
    """Accounts that could not be served, and when to try again."""
    _tasks: Tasks = field(factory=Tasks)
    _timer: IDelayedCall | None = None
    _running: bool = False
    _looking: bool = False

    async def start(self) -> None:
        """Begin; what is overdue awakens in the background."""
        await self.snoozed.open()
        self._running = True
        self._look()

    async def stop(self) -> None:
        """Finish the account in hand, and end."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._tasks.settled()
        await self.snoozed.close()

    async def snooze(
        self, account: AccountName, stored: Appended, source: Once, terms: Terms
    ) -> None:
        """Let a message that was stored awaken at its time; durable on return."""
        uid = stored.uids[0]
        if await self.snoozed.add(account, stored.mailbox, uid, source, terms):
            self._events.happened(
                "sieve.snoozed",
                qid=source.source,
                account=account,
                until=int(terms.until),
            )
            self._by(terms.until)

    def _by(self, at: float) -> None:
        """Look again at some time on the wall, if not sooner."""
        if not self._running:
            return
        seconds = min(max(at - self._wall(), 0.0), LOOK_SECONDS)
        if self._timer is None:
            self._timer = self._reactor.callLater(seconds, self._look)
        elif self._timer.getTime() > self._reactor.seconds() + seconds:
            self._timer.reset(seconds)

    def _look(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._looking:
            self._by(self._wall() + 1.0)
        else:
            self._tasks.launch("awakening of snoozed mail", self._awaken())

    async def _awaken(self) -> None:
        self._looking = True
        try:
            while self._running and (some := await self._due()):
                self._by(self._wall() + LOOK_SECONDS)  # should this end badly
                for account in some:
                    if self._running:
                        await self._serve(account)
            following = await self.snoozed.next()
            if following is not None:
                now = self._wall()
                self._by(following if following > now else now + PAUSE_SECONDS)
        finally:
            self._looking = False

    async def _due(self) -> Sequence[AccountName]:
        """Accounts to be served now; those that could not be wait a while."""
        now = self._wall()
        self._later = {one: at for one, at in self._later.items() if at > now}
        found = await self.snoozed.accounts(now, ACCOUNTS + len(self._later))
        return [one for one in found if one not in self._later]

    async def _serve(self, account: AccountName) -> None:
        """File all that is due in one account."""
        self._later[account] = self._wall() + RETRY_SECONDS  # whatever happens
        try:
            while rows := await self.snoozed.due(account, self._wall(), MESSAGES):
                await self._file(account, rows)
        except _TROUBLE as error:
            reason = str(error) or type(error).__name__
            self._events.happened("sieve.overslept", account=account, reason=reason)
        else:
            del self._later[account]

    async def _file(self, name: AccountName, rows: Sequence[Snoozed]) -> None:
        account = await self._accounts.open(name)
        try:
            for some in _alike(rows).values():
                mailbox = await _filed(account, some)
                await self.snoozed.forget(name, [row.key for row in some])
                self._told(name, mailbox, some)
        finally:
            account.close()

    def _told(self, name: AccountName, mailbox: str, rows: Iterable[Snoozed]) -> None:
        now = self._wall()
        for row in rows:
            self._events.happened(
                "sieve.awakened",
                qid=row.source.source,
                account=name,
                mailbox=mailbox,
                late=int(now - row.terms.until),
            )


def _alike(rows: Iterable[Snoozed]) -> Mapping[object, list[Snoozed]]:
    """Messages that are treated alike, in their order."""
    found: dict[object, list[Snoozed]] = {}
    for row in rows:
        key = row.mailbox, evolve(row.terms, until=0.0)
        found.setdefault(key, []).append(row)
    return found


async def _filed(account: IAccount, rows: Sequence[Snoozed]) -> str:
    """File messages of one mailbox that are alike; gives where."""
    terms, uids = rows[0].terms, [row.uid for row in rows]
    source = await account.mailbox(rows[0].mailbox)
    _ = await source.row()  # a file that others took away is not looked for
    await _flagged(source, rows)
    target = await _target(account, terms)
    for name in dict.fromkeys((target, INBOX)):
        with suppress(NoSuchMailbox, LimitReached):
            into = await account.mailbox(name)
            if into.id == source.id:
                return source.name
            _ = await account.transfer(source.id, uids, into.id, move=True)
            return into.name
    raise LimitReached(f"neither {target} nor INBOX takes it")


async def _flagged(source: IMailbox, rows: Sequence[Snoozed]) -> None:
    """Change flags; keywords only as far as the mailbox has room for them."""
    terms, uids = rows[0].terms, [row.uid for row in rows]
    add, drop = frozenset(terms.add), frozenset(terms.drop)
    if not add and not drop:
        return
    try:
        _ = await source.store(uids, add, drop)
    except LimitReached:
        _ = await source.store(uids, add.intersection(SYSTEM), drop)


async def _target(account: IAccount, terms: Terms) -> str:
    """The mailbox by its id, its use or its name, as ``fileinto`` finds it; or INBOX.

    Made if the script said so, when the message awakens and not before.
    """
    there = [row for row in await account.mailboxes() if row.selectable]
    for row in there:
        if terms.mailbox_id and row.objectid == terms.mailbox_id:
            return row.name
    if terms.use and (used := await folders.with_use(account, terms.use)):
        return used
    if not terms.mailbox or terms.mailbox.upper() == INBOX:
        return INBOX
    if terms.mailbox in {row.name for row in there}:
        return terms.mailbox
    if terms.create:
        with suppress(BadName, LimitReached):
            with suppress(MailboxExists):
                await folders.make(account, terms.mailbox, terms.use)
            return terms.mailbox
    return INBOX
