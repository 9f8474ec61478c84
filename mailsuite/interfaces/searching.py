"""Ranked word search; derived, disposable, never part of IMAP SEARCH."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import Interface

from mailsuite.model.ids import AccountName


@frozen
class Hit:
    """One message that matches, best first; the same one in each mailbox."""

    mailbox: str
    uid: int
    score: float
    sender: str
    subject: str
    date: float


class ISearchIndex(Interface):
    """Answers lag behind deliveries by seconds, and say so by nothing else."""

    async def ask(account: AccountName, words: str, limit: int) -> Sequence[Hit]:
        """Messages that hold all the words, at most ``limit``."""

    async def drop(account: AccountName) -> None:
        """Forget the account's index; it is built again in the background."""
