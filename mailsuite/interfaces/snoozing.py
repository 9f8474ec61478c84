"""Messages that wait in a mailbox until they awaken (draft-ietf-extra-sieve-snooze)."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import Interface

from mailsuite.model.envelope import Once
from mailsuite.model.ids import AccountName, MailboxId, Uid
from mailsuite.model.snooze import Terms


@frozen
class Snoozed:
    """A message whose time has come; ``key`` names it to :meth:`ISnoozed.forget`.

    ``source`` is the action that snoozed it.
    """

    key: str
    source: Once
    mailbox: MailboxId
    uid: Uid
    terms: Terms


class ISnoozed(Interface):
    """What is snoozed in all accounts. It moves no mail itself.

    Which accounts are due is known without any of them being opened.
    """

    async def open() -> None:
        """Begin. Before it nothing else is asked."""

    async def add(
        account: AccountName, mailbox: MailboxId, uid: Uid, source: Once, terms: Terms
    ) -> bool:
        """Remember a message that was stored; durable on return.

        The same source counts once, with the last terms. False: the message has left
        the mailbox, and nothing is remembered.
        """

    async def next() -> float | None:
        """When an account is to be looked at next, None: nothing is snoozed.

        Not later than the first message awakens.
        """

    async def accounts(now: float, limit: int) -> Sequence[AccountName]:
        """Accounts to be looked at by now, those that wait longest first."""

    async def due(account: AccountName, now: float, limit: int) -> Sequence[Snoozed]:
        """Messages that awaken by now, the first ones first.

        What was expunged or moved elsewhere is forgotten on the way. When it gives
        nothing the account is not looked at before its next message awakens.
        """

    async def forget(account: AccountName, keys: Sequence[str]) -> None:
        """Forget messages that have awakened; durable on return."""

    async def waiting() -> int:
        """In how many accounts something is snoozed."""

    async def close() -> None:
        """End it."""
