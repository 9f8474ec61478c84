"""The transport ``local``: aliases are expanded, mail is filed into accounts.

The append carries ``Once(queue id, recipient, 0)``: however often a delivery is
repeated, the message is in the mailbox once.
"""

from collections.abc import Sequence
from contextlib import suppress

from attrs import define, evolve, field
from twisted.internet.defer import Deferred as Pending
from twisted.internet.defer import gatherResults
from zope.interface import implementer

from mailsuite.delivery import folders
from mailsuite.delivery.expand import expand
from mailsuite.delivery.filing import Filing
from mailsuite.delivery.folders import INBOX
from mailsuite.delivery.handles import Handles
from mailsuite.delivery.letters import Case
from mailsuite.delivery.occasions import COPIED, DOMAIN, copied, owner
from mailsuite.delivery.scheduling import Order
from mailsuite.delivery.settings import Settings
from mailsuite.delivery.written import return_path
from mailsuite.interfaces.directory import Alias, IDirectory, Local, Resolution, Unknown
from mailsuite.interfaces.mailboxes import (
    BadName,
    IAccount,
    IAccounts,
    LimitReached,
    NoSuchMailbox,
)
from mailsuite.interfaces.queueing import IDelivery, Lease, Settle
from mailsuite.model.address import Address
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import (
    CALENDAR,
    FILED,
    JUNK,
    Blob,
    Once,
    Recipient,
    Submission,
)
from mailsuite.model.errors import Damaged, NoSpace, OverQuota
from mailsuite.model.outcomes import (
    Deferred,
    Delivered,
    Failed,
    Outcome,
)

CIRCLE = 1_000  # addresses looked at to find out whether aliases end somewhere

DELIVERED = Delivered("stored")
FULL = Deferred("4.2.2", "the mailbox is full")
NO_SPACE = Deferred("4.3.1", "the disk is full")
TROUBLE = Deferred("4.3.0", "the mailbox cannot be written now")
UNREADABLE = Deferred("4.3.0", "the message cannot be read now")
LOOP = Failed("5.4.6", "the aliases of this address form a loop")
NOBODY = Failed("5.1.1", "there is no such mailbox here")
RETURN_PATH = b"Return-Path:"
ELSEWHERE = Deferred("4.4.4", "the domain is no longer one of ours")


@define(eq=False)
@implementer(IDelivery)
class LocalDelivery:
    """Delivers to accounts; each recipient is settled when its fate is known."""

    _accounts: IAccounts
    _directory: IDirectory
    _settings: Settings
    filing: Filing | None = None
    """What runs scripts; without it there are none."""
    _handles: Handles = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._handles = Handles(self._accounts, self._settings.open_accounts)

    async def deliver(self, lease: Lease, settle: Settle) -> None:
        """See :meth:`IDelivery.deliver`."""
        recipients = lease.recipients
        found = await self._directory.resolve([each.address for each in recipients])
        if len(recipients) > 1:
            await self._several(lease, found, settle)
            return
        recipient, what = recipients[0], found[0]
        if COPIED in recipient.marks or CALENDAR in recipient.marks:
            what = await self._whose(recipient)
        if isinstance(what, Local):
            filed = await self._file(lease, recipient, what)
            await settle(lease, {recipient.n: filed})
        else:
            await self._one(lease, recipient, what, settle)

    async def _whose(self, recipient: Recipient) -> Resolution:
        """The account that a copy is for, and no other, if it is still there."""
        order, copy = Order.read(recipient.marks), copied(recipient)
        account = order.account if order is not None else copy[0] if copy else None
        assert account is not None
        (found,) = await self._directory.resolve([owner(account)])
        if isinstance(found, Local | Alias) and found.account == account:
            return Local(account)
        return Unknown()

    async def _several(
        self, lease: Lease, found: Sequence[Resolution], settle: Settle
    ) -> None:
        """At once; the store takes appends that come together together."""
        work = [
            Pending.fromCoroutine(self._one(lease, recipient, what, settle))
            for recipient, what in zip(lease.recipients, found, strict=True)
        ]
        await gatherResults(work, consumeErrors=True)

    async def _one(
        self, lease: Lease, recipient: Recipient, what: Resolution, settle: Settle
    ) -> None:
        if isinstance(what, Local):
            outcome = await self._file(lease, recipient, what)
        elif isinstance(what, Alias):
            outcome = await self._expand(lease, recipient, what)
        elif isinstance(what, Unknown):
            outcome = NOBODY
        elif recipient.address.domain.endswith(DOMAIN):
            outcome = NOBODY  # somebody wrote to a place of ours for events
        else:
            outcome = ELSEWHERE
        await settle(lease, {recipient.n: outcome})

    async def _expand(self, lease: Lease, recipient: Recipient, what: Alias) -> Outcome:
        """Others instead of this one, once its own copy is in its account."""
        spawn: tuple[Submission, ...] = ()
        if what.account is not None:
            filed = await self._file(lease, recipient, Local(what.account))
            if isinstance(filed, Deferred):
                return filed
            spawn = filed.spawn  # what the owner's script refuses others still get
        elif await self._endless(what.targets):
            return LOOP
        others = expand(recipient, what.targets, self._settings.alias_targets)
        return evolve(others, spawn=spawn)

    async def _endless(self, targets: Sequence[Address]) -> bool:
        """Whether these lead to aliases alone, in a circle."""
        seen: set[str] = set()
        while targets and len(seen) < CIRCLE:
            found = await self._directory.resolve(targets)
            aliases = [one for one in found if isinstance(one, Alias)]
            if len(aliases) < len(found) or any(one.account for one in aliases):
                return False
            seen.update(str(target).casefold() for target in targets)
            following = [target for one in aliases for target in one.targets]
            targets = [one for one in following if str(one).casefold() not in seen]
        return not targets

    async def _file(self, lease: Lease, recipient: Recipient, what: Local) -> Outcome:
        try:
            held = await self._handles.take(what.account)
            try:
                return await self._append(held.account, lease, recipient, what.detail)
            finally:
                self._handles.give(held)
        except OverQuota:
            return FULL
        except NoSpace:
            return NO_SPACE
        except Damaged:
            return UNREADABLE
        except (OSError, LimitReached, NoSuchMailbox):
            self._handles.drop(what.account)
            return TROUBLE

    async def _append(
        self, account: IAccount, lease: Lease, recipient: Recipient, detail: str
    ) -> Outcome:
        marks, blob = recipient.marks, lease.blob
        copy = copied(recipient) if marks else None
        order = Order.read(marks) if marks else None
        if order is not None:
            assert self.filing is not None
            entering = Case(lease, recipient, account, "", blob)
            return await self.filing.enter(entering, order)
        if copy is None:
            blob = arrived(blob, recipient.sender or lease.envelope.sender)
        date = 0.0 if copy is None else copy[1]
        filing, before = self.filing, marks.get(FILED)
        if filing is not None and before is None:
            chain = await filing.chain(account.name)
            if chain:
                case = Case(lease, recipient, account, detail, blob)
                return await filing.file(case, chain)
        elif filing is not None and before:
            case = Case(lease, recipient, account, detail, blob, date=date)
            return await filing.again(case, before)
        drafts = [Draft(blob, date=date)]
        once = Once(lease.id, recipient.n, 0, lease.awaited)
        if JUNK in marks:
            await account.append(await folders.junk(account), drafts, once)
            return DELIVERED
        if detail and self._settings.detail_folders:
            folder = await folders.detailed(account, detail)
            if folder:
                with suppress(NoSuchMailbox, BadName):  # it may have gone meanwhile
                    await account.append(folder, drafts, once)
                    return DELIVERED
        await account.append(INBOX, drafts, once)
        return DELIVERED

    def reload(self, settings: Settings) -> None:
        """Let other settings count from now on."""
        self._settings = settings
        self._handles.limit = settings.open_accounts

    def close(self) -> None:
        """Let all accounts go."""
        self._handles.close()


def arrived(blob: Blob, sender: Address | None) -> Blob:
    """The octets of a final delivery: Return-Path comes first (RFC 5321 §4.4).

    Reception put it there already when all recipients were accounts of ours.
    """
    if blob.prefix.startswith(RETURN_PATH):
        return blob
    path = return_path(sender)
    return evolve(blob, size=len(path) + blob.size, prefix=path + blob.prefix)
