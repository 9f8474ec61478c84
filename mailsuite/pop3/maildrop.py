"""A maildrop: INBOX as it was at login, numbered from 1 (RFC 1939 §5)."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Self

from attrs import define, field

from mailsuite.interfaces.blobs import IOctets
from mailsuite.interfaces.mailboxes import IAccount, IAccounts, IMailbox
from mailsuite.model.changes import Columns
from mailsuite.model.ids import AccountName, Uid

INBOX = "INBOX"


class NoSuchMessage(Exception):  # noqa: N818 - an answer: -ERR
    """No message of the maildrop has that number, or it is marked as deleted."""


@define(eq=False)
class Maildrop:
    """What one session sees; marks of deletion live only here until ``update``."""

    account: AccountName
    _opened: IAccount
    _inbox: IMailbox
    _columns: Columns
    _marked: set[int] = field(factory=set)

    @classmethod
    async def open(cls, accounts: IAccounts, name: AccountName) -> Self:
        """Open an account's INBOX; ``close`` gives it back."""
        account = await accounts.open(name)
        with ExitStack() as undo:
            undo.callback(account.close)
            inbox = await account.mailbox(INBOX)
            opened = cls(name, account, inbox, await inbox.snapshot())
            undo.pop_all()
        return opened

    def __len__(self) -> int:
        """How many numbers there are, marked messages counted in."""
        return len(self._columns.uid)

    @property
    def uidvalidity(self) -> int:
        """The first half of every unique-id."""
        return self._columns.uidvalidity

    def totals(self) -> tuple[int, int]:
        """Messages and octets that are not marked (STAT)."""
        sizes = self._columns.size
        gone = sum(sizes[n - 1] for n in self._marked)
        return len(sizes) - len(self._marked), sum(sizes) - gone

    def size(self, n: int) -> int:
        """Octets of message ``n``. :raises NoSuchMessage: there is none."""
        return int(self._columns.size[self._row(n)])

    def uid(self, n: int) -> Uid:
        """UID of message ``n``. :raises NoSuchMessage: there is none."""
        return Uid(self._columns.uid[self._row(n)])

    def sizes(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """(number, size) of unmarked messages from ``start`` up to ``stop``."""
        return self._rows(self._columns.size[start - 1 : stop - 1], start)

    def uids(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """(number, UID) of the same."""
        return self._rows(self._columns.uid[start - 1 : stop - 1], start)

    async def octets(self, n: int) -> IOctets:
        """Open message ``n``. :raises NoSuchMessage, KeyError, Damaged: it is gone."""
        return await self._inbox.octets(self.uid(n))

    def at_hand(self, n: int, most: int) -> IOctets | None:
        """The same of up to ``most`` octets, where nothing has to be waited for."""
        if not 0 < n <= len(self) or n in self._marked:
            return None
        if self._columns.size[n - 1] > most:
            return None
        return self._inbox.at_hand(Uid(self._columns.uid[n - 1]))

    def mark(self, n: int) -> None:
        """Mark message ``n`` as deleted. :raises NoSuchMessage: there is none."""
        self._row(n)
        self._marked.add(n)

    def unmark(self) -> None:
        """Forget all marks (RSET)."""
        self._marked.clear()

    async def update(self) -> int:
        """Remove what is marked, durably; gives how many (RFC 1939 §6)."""
        uids = [Uid(self._columns.uid[n - 1]) for n in sorted(self._marked)]
        if uids:
            await self._inbox.expunge(uids)
        self._marked.clear()
        return len(uids)

    def close(self) -> None:
        """Give the account back; marks are forgotten."""
        self._opened.close()

    def _row(self, n: int) -> int:
        if not 0 < n <= len(self) or n in self._marked:
            raise NoSuchMessage(str(n))
        return n - 1

    def _rows(self, column: Iterable[int], start: int) -> Iterator[tuple[int, int]]:
        pairs = enumerate(column, start)
        if not self._marked:
            return pairs
        return (pair for pair in pairs if pair[0] not in self._marked)
