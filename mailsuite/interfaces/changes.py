"""What durable followers (the search index) read of an account's changes."""

from collections.abc import Callable, Sequence

from zope.interface import Interface

from mailsuite.model.ids import AccountName, EmailId, MailboxId, ModSeq, Uid


class IChanges(Interface):
    """A reader of committed changes; nothing is published, only read."""

    async def since(
        account: AccountName, modseq: ModSeq, limit: int
    ) -> tuple[ModSeq, Sequence[tuple[EmailId, str]], Sequence[EmailId]]:
        """Changes after ``modseq``: (reached, (email, path) added, gone emails).

        ``path`` is the message's file now; it may have moved by the time it is
        opened. ``gone`` are emails of which no copy is left.
        """

    async def accounts() -> Sequence[AccountName]:
        """Every account that has a store."""

    async def located(
        account: AccountName, emails: Sequence[EmailId]
    ) -> Sequence[tuple[EmailId, MailboxId, str, Uid]]:
        """Where emails lie: mailbox id and name, and UID; absent ones left out."""

    def follow(wake: Callable[[AccountName], None]) -> Callable[[], None]:
        """Call ``wake`` after any account changed; lossy, coalesced.

        For durable followers that read :meth:`since` after it. Gives the call
        that ends it. ``wake`` is called in the midst of a delivery, before that is
        answered: it takes note, asks the store for nothing and raises nothing.
        """
