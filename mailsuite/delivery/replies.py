"""Messages that scripts make: replies on vacation and notices.

RFC 3834, RFC 5230, RFC 5436. Nothing is sent to lists, to programs, to the null
address, to the owner, or about junk; From is an address that the owner may use.
"""

from collections.abc import Sequence

from attrs import define, frozen

from mailsuite.delivery.copies import number
from mailsuite.delivery.ground import Ground
from mailsuite.delivery.letters import Case
from mailsuite.delivery.sending import Rate
from mailsuite.mime import autoreply, notice
from mailsuite.mime.addresses import Mailbox
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Recipient, Submission
from mailsuite.model.principals import Principal
from mailsuite.sieve import outbound
from mailsuite.sieve.actions import FileInto
from mailsuite.sieve.extensions.enotify import Notify
from mailsuite.sieve.extensions.vacation import Vacation

VACATION, NOTIFY = "vacation", "notify"
"""Kinds of mail; of the first it is remembered who has got it."""
HEADER_OCTETS = 64 * 1024  # what has more of a header is not answered
NAMED = 50  # addresses of a message among which the owner's is looked for


@frozen
class Unsent(Exception):  # noqa: N818 - a finding
    """Nobody is to get this; ``why`` is told to operators."""

    why: str


@frozen(eq=False)
class Sent:
    """A message to be sent, and where a copy of it goes."""

    child: Submission
    kind: str
    fcc: FileInto | None = None


@define(eq=False)
class Replies:
    """Makes them; ``rate`` bounds what one account sends in an hour."""

    _ground: Ground
    rate: Rate

    async def reply(self, case: Case, action: Vacation, header: bytes) -> Sent:
        """The reply to a message. :raises Unsent: there is to be none."""
        sender = await self._answered(case, action, header)
        await self._remember(case, action, sender)
        reply = autoreply.Reply(
            header,
            sender,
            await self._authors(case, action.authors),
            self._ident(case, VACATION, action.handle),
            self._ground.wall(),
            action.reason,
            action.subject,
            action.mime,
        )
        octets = autoreply.compose_reply(reply)
        child = self._child(None, (sender,), octets)
        return Sent(child, VACATION, action.fcc)

    async def _answered(self, case: Case, action: Vacation, header: bytes) -> Address:
        """Who gets a reply. :raises Unsent: nobody (RFC 5230 §4.5, §4.6)."""
        sender = case.sender
        if len(header) > HEADER_OCTETS:
            raise Unsent("its header is too long")
        why = autoreply.unwanted(header, sender)
        if sender is None or why:
            raise Unsent(why)
        if case.junk:
            raise Unsent("the message was judged to be junk")
        if await self._own(case, sender):
            raise Unsent("the owner sent it")
        if not await self._named(case, action, header):
            raise Unsent("it does not name the owner")
        return sender

    async def _remember(self, case: Case, action: Vacation, sender: Address) -> None:
        """Note who gets a reply. :raises Unsent: they have it, or it is too many."""
        memories, account = self._ground.memories, case.account.name
        once = case.once(number(VACATION, action.handle))
        key = f"{action.handle} {str(sender).casefold()}"
        if action.seconds and await memories.known(account, VACATION, key, once):
            raise Unsent("the sender has got this reply")
        self._count(case, VACATION, action.handle)
        until = self._ground.wall() + action.seconds
        if action.seconds and not await memories.remember(
            account, VACATION, key, until, once
        ):
            raise Unsent("the sender has got this reply")

    async def _named(self, case: Case, action: Vacation, header: bytes) -> bool:
        """Whether the message is for the owner and not for some list (§4.5)."""
        told = (case.account.name, str(case.recipient.address), *action.addresses)
        own = {one.casefold() for one in told}
        named = autoreply.recipients(header)
        if not own.isdisjoint(str(one).casefold() for one in named):
            return True
        for one in named[:NAMED]:
            if await self._own(case, one):
                return True
        return False

    async def _own(self, case: Case, address: Address) -> bool:
        """Whether an address is the owner's."""
        account = case.account.name
        owner = Principal(account, account)
        return await self._ground.directory.may_send_as(owner, address)

    async def notice(self, case: Case, action: Notify, header: bytes) -> Sent:
        """The notice of a message. :raises Unsent: there is to be none."""
        if case.junk:
            raise Unsent("the message was judged to be junk")
        found = [outbound.address(one) for one in action.recipients]
        to = tuple(one for one in found if one is not None)
        if not to:
            raise Unsent("it is for nobody")
        told = "\0".join(action.recipients)
        self._count(case, NOTIFY, told)
        owner = owner_of(case)
        made = notice.Notice(
            header,
            action.uri,
            await self._authors(case, action.authors),
            owner,
            self._ident(case, NOTIFY, told),
            self._ground.wall(),
            action.message,
            action.importance,
        )
        sender = None if case.sender is None else owner  # RFC 5436 §2.7
        child = self._child(sender, to, notice.compose_notice(made))
        return Sent(child, NOTIFY, action.fcc)

    def _count(self, case: Case, kind: str, what: str) -> None:
        told = f"{case.lease.id}/{case.recipient.n}/{kind}/{what}"
        if not self.rate.allows(case.account.name, told):
            raise Unsent(f"more than {self.rate.limit} in an hour")

    async def _authors(
        self, case: Case, wanted: Sequence[Mailbox]
    ) -> tuple[Mailbox, ...]:
        """Those that the script names if the owner may speak for all, or the owner."""
        for one in wanted:
            if not await self._own(case, Address(one.local, one.domain)):
                break
        else:
            if wanted:
                return tuple(wanted)
        owner = owner_of(case)
        display = wanted[0].display if len(wanted) == 1 else ""
        return (Mailbox(display, owner.local, owner.domain),)

    def _ident(self, case: Case, kind: str, what: str) -> str:
        """A Message-ID that is the same at each attempt."""
        lease = case.lease
        name = f"{lease.id}.{case.recipient.n}.{number(kind, what):x}"
        return f"<{name}@{self._ground.hostname}>"

    def _child(
        self, sender: Address | None, to: Sequence[Address], octets: bytes
    ) -> Submission:
        recipients = tuple(
            Recipient(n, one, notify="NEVER") for n, one in enumerate(to)
        )
        blob = self._ground.blobs.kept(octets)
        return submission(sender, recipients, blob)


def submission(
    sender: Address | None, recipients: tuple[Recipient, ...], blob: Blob
) -> Submission:
    """A message of ours: without a way in, so that it is signed as such."""
    marks = {}
    every = [one.address for one in recipients]
    if not all(one.ascii for one in every) or not (sender is None or sender.ascii):
        marks["smtputf8"] = "yes"
    return Submission(Envelope(sender, recipients, marks), blob)


def owner_of(case: Case) -> Address:
    """The account as an address."""
    local, _, domain = case.account.name.rpartition("@")
    return Address(local, domain)
