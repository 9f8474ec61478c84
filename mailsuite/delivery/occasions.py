"""An IMAP event as a job of the queue: what it says, and where the queue takes it.

RFC 6785. Such a job has no content: its one recipient has a mark that names the
messages. It and the copies that come of it go to addresses in a domain that cannot
exist (RFC 2606 §2), so that no rule for real mail ever touches them.
"""

import json
import re
from collections.abc import Sequence

from attrs import asdict, define, frozen
from zope.interface import implementer

from mailsuite.interfaces.happenings import Happening
from mailsuite.interfaces.queueing import IRouting
from mailsuite.model.address import Address
from mailsuite.model.envelope import (
    FILED,
    Blob,
    Envelope,
    Marks,
    Recipient,
    Submission,
)
from mailsuite.model.flags import ordered
from mailsuite.model.ids import AccountName, MailboxId, Uid

TRANSPORT = "events"
BATCH = 400  # messages that one job names
DOMAIN = ".imap-events.invalid"
RUN, FILE, ENTER = "run", "file", "enter"
"""Local parts: scripts are run, a copy is filed, a calendar gets an object."""
EVENT, COPIED = "event", "copied"
"""Marks of such recipients: an :class:`Occasion`, and whose copy from when this is."""

_ODD = re.compile(r"[^a-z0-9.-]+")


@frozen
class Occasion:
    """What one job is about: messages of a mailbox of an account.

    ``script`` names the account's script as the mailbox had it when it happened,
    empty: none. ``name`` is the mailbox's then. ``ticket`` tells jobs of this process.
    """

    ticket: str
    account: AccountName
    user: str
    cause: str
    mailbox: MailboxId
    uidvalidity: int
    name: str
    source: str
    script: str
    flags: Sequence[str] | None
    changed: Sequence[str]
    uids: Sequence[Uid]

    @classmethod
    def of(
        cls, account: AccountName, name: str, script: str, what: Happening
    ) -> "Occasion":
        """Of everything that happened; without a ticket yet."""
        return cls(
            "",
            account,
            what.user,
            what.cause,
            what.mailbox,
            what.uidvalidity,
            name,
            what.source,
            script,
            None if what.flags is None else ordered(what.flags),
            ordered(what.changed),
            what.uids,
        )

    @classmethod
    def read(cls, marks: Marks) -> "Occasion | None":
        """What marks of a recipient say; None: it is not one of ours."""
        mark = marks.get(EVENT)
        return None if mark is None else cls(**json.loads(mark))

    def submission(self, nothing: Blob) -> Submission:
        """The job; nobody learns of its failure but operators."""
        told = json.dumps(asdict(self), separators=(",", ":"))
        return job(RUN, self.account, {EVENT: told}, None, nothing)


def filing(account: AccountName, date: float, filed: str, copy: Blob) -> Submission:
    """A copy of a stored message that goes where ``filed`` says.

    It is octet for octet as it was, with its date. Its owner learns if it never fits.
    """
    marks = {COPIED: f"{date} {account}", FILED: filed}
    return job(FILE, account, marks, owner(account), copy)


def copied(recipient: Recipient) -> tuple[AccountName, float] | None:
    """Whose copy this is and its date; None: it is mail that came."""
    mark = recipient.marks.get(COPIED)
    if mark is None:
        return None
    date, _, account = mark.partition(" ")
    return AccountName(account), float(date)


def owner(account: AccountName) -> Address:
    """The account as an address."""
    local, _, domain = account.rpartition("@")
    return Address(local, domain)


def job(
    what: str,
    account: AccountName,
    marks: Marks,
    sender: Address | None,
    blob: Blob,
) -> Submission:
    """A job of our own for an account; ``marks`` say what it is."""
    domain = _ODD.sub("-", account.lower().replace("@", ".")) + DOMAIN
    recipient = Recipient(0, Address(what, domain), notify="", marks=marks)
    return Submission(Envelope(sender, (recipient,)), blob)


@implementer(IRouting)
@define(eq=False)
class Routing:
    """Takes our own jobs where they belong, all others where ``inner`` says."""

    _inner: IRouting

    async def transports(self, addresses: Sequence[Address]) -> Sequence[str]:
        """See :meth:`IRouting.transports`."""
        for one in addresses:
            if one.domain.endswith(DOMAIN):
                break
        else:
            return await self._inner.transports(addresses)
        named = {RUN: TRANSPORT, FILE: "local", ENTER: "local"}
        found = []
        for one in addresses:
            if one.domain.endswith(DOMAIN):
                found.append(named.get(one.local, TRANSPORT))
            else:
                found += await self._inner.transports([one])
        return found
