"""The transport ``events``: scripts look at messages that IMAP clients touched.

RFC 6785. Everything that comes of a job and is sent or copied is in the one record
that ends it; flags are set before that, and setting them again changes nothing. So a
job that is repeated after a kill does everything once. Jobs of one account run one
after another, in the order of what happened.
"""

from collections.abc import Awaitable, Callable

from attrs import define, field
from twisted.internet.defer import DeferredLock
from zope.interface import implementer

from mailsuite.delivery.filing import Filing
from mailsuite.delivery.handles import Handles
from mailsuite.delivery.occasions import Occasion, owner
from mailsuite.delivery.rounds import Round
from mailsuite.interfaces.directory import Alias, Local
from mailsuite.interfaces.mailboxes import IAccounts, LimitReached, NoSuchMailbox
from mailsuite.interfaces.queueing import IDelivery, Lease, Settle
from mailsuite.model.changes import Columns
from mailsuite.model.errors import Damaged, NoSpace
from mailsuite.model.ids import AccountName
from mailsuite.model.outcomes import Deferred, Delivered, Failed, Outcome

OPEN_ACCOUNTS = 20  # kept open between jobs
GONE = Delivered("the mailbox is gone")
NO_SPACE = Deferred("4.3.1", "the disk is full")
TROUBLE = Deferred("4.3.0", "the mailbox cannot be read now")
NOWHERE = Failed("5.1.2", "there is no such domain")


@define(eq=False)
@implementer(IDelivery)
class Attending:
    """Runs one job after another; ``ended`` is told of each that is over."""

    _filing: Filing
    _accounts: IAccounts
    _renew: Callable[[Lease], Awaitable[bool]]
    _ended: Callable[[Occasion], None]
    _handles: Handles = field(init=False)
    _locks: dict[AccountName, DeferredLock] = field(factory=dict)
    _columns: dict[AccountName, Columns] = field(factory=dict)
    """What the last job saw, kept for the next: the store tells only what changed."""

    def __attrs_post_init__(self) -> None:
        self._handles = Handles(self._accounts, OPEN_ACCOUNTS)

    async def deliver(self, lease: Lease, settle: Settle) -> None:
        """See :meth:`IDelivery.deliver`; mail that somebody sent here is refused."""
        recipient = lease.recipients[0]
        occasion = Occasion.read(recipient.marks)
        if occasion is None:
            refused = (one.n for one in lease.recipients)
            await settle(lease, dict.fromkeys(refused, NOWHERE))
            return
        name = occasion.account
        lock = self._locks.setdefault(name, DeferredLock())
        going_on = False
        try:
            await lock.acquire()
            try:
                outcome, round_ = await self._attend(lease, occasion)
                going_on = round_ is not None and bool(round_.rest)
                await settle(lease, {recipient.n: outcome})
                if round_ is not None:
                    await round_.tell()
            finally:
                lock.release()
                if not lock.locked:
                    self._locks.pop(name, None)
                    self._columns.pop(name, None)
        finally:
            if not going_on:
                self._ended(occasion)

    async def _attend(
        self, lease: Lease, occasion: Occasion
    ) -> tuple[Outcome, Round | None]:
        name = occasion.account
        if not await self._known(name):
            return GONE, None
        try:
            held = await self._handles.take(name)
            try:
                place = held.account, await held.account.mailbox(occasion.mailbox)
                round_ = await Round.begin(self._filing, lease, occasion, place)
                self._columns[name] = round_.columns
                room = await self._accounts.room(name)
                outcome = await round_.run(room, self._renew)
            finally:
                self._handles.give(held)
        except NoSuchMailbox:
            return GONE, None
        except NoSpace:
            return NO_SPACE, None
        except (OSError, Damaged, LimitReached):
            self._handles.drop(name)
            return TROUBLE, None
        return outcome, round_

    async def _known(self, account: AccountName) -> bool:
        """Whether there still is such an account: opening would make one."""
        (found,) = await self._filing.ground.directory.resolve([owner(account)])
        return isinstance(found, Local | Alias) and found.account == account

    def close(self) -> None:
        """Let all accounts go."""
        self._handles.close()
