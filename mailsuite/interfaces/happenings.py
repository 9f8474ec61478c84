"""What IMAP clients do to messages, told to whoever runs scripts then (RFC 6785)."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import Interface

from mailsuite.interfaces.mailboxes import IAccount
from mailsuite.model.flags import Flags
from mailsuite.model.ids import AccountName, MailboxId, Uid


@frozen(eq=False)
class Happening:
    """Messages of one mailbox to which one command did the same.

    ``cause`` is APPEND, COPY or FLAG (RFC 6785 §4.3), ``user`` who logged in.
    ``flags`` are those that the messages have now, None: whatever they have;
    ``changed`` those of them that came or went, of a FLAG. ``source`` names the
    mailbox that they were copied or moved from.
    """

    cause: str
    user: str
    mailbox: MailboxId
    uidvalidity: int
    uids: Sequence[Uid]
    flags: Flags | None = None
    changed: Flags = frozenset()
    source: str = ""


class IHappenings(Interface):
    """Runs scripts for what sessions did; nothing of it ever fails a command."""

    async def awaited(account: IAccount, mailbox: MailboxId) -> bool:
        """Whether scripts may run at what happens there; cheap where none do."""

    async def happened(account: IAccount, what: Sequence[Happening]) -> None:
        """Let scripts run soon, each message once; durable on return.

        Called before the command is answered. What the scripts do has no further
        events. Many messages are taken over piece by piece, with turns of the
        reactor in between; where the disk is full nothing runs, and operators see it.
        """

    async def settled(account: AccountName, mailbox: MailboxId) -> None:
        """Wait for scripts that look at messages there, some seconds at most.

        Called before messages go, so that the scripts still find them.
        """
