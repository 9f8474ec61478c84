"""What is snoozed, in each ``account.db``; when to look at whom, in ``snoozed.db``.

A message is known by the base name of its file, which stays the same whatever is
rebuilt, and is another one after a COPY or MOVE: what its owner took out of the
mailbox is not found any more, and forgotten. Both databases are changed on the
account's lane, the one that may stand too early first.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.mailboxes import IAccount, IAccounts, NoSuchMailbox
from mailsuite.interfaces.snoozing import ISnoozed, Snoozed
from mailsuite.model.envelope import Once
from mailsuite.model.ids import AccountName, MailboxId, QueueId, Uid
from mailsuite.model.snooze import Terms
from mailsuite.net.lanes import Runs
from mailsuite.store.due import Due
from mailsuite.store.index import Index
from mailsuite.store.opening import NoStore

_ROWS = (
    "SELECT source, mailbox, base, terms FROM snoozed"
    " WHERE until <= ? ORDER BY until LIMIT ?"
)


class Stores(Protocol):
    """Whoever runs something with the index of an account."""

    async def open(self, account: AccountName) -> IAccount:
        """Open an account."""

    async def accounts(self) -> Sequence[AccountName]:
        """Every account that has a store."""

    async def within(
        self,
        account: AccountName,
        call: Callable[..., Any],
        *args: Any,
    ) -> Any:
        """Run ``call(index, ...)`` on the account's lane. :raises NoStore: it has none."""


@implementer(ISnoozed)
@define(eq=False)
class Waiting:
    """Provides ISnoozed; ``lane`` takes what is about no single account."""

    _stores: Stores
    _due: Due
    _lane: Runs
    _wall: Callable[[], float]
    _events: IEvents

    @classmethod
    def of(
        cls,
        stores: Stores,
        data: str,
        lane: Runs,
        wall: Callable[[], float],
        events: IEvents,
    ) -> "Waiting":
        """With its database in the data folder."""
        path = os.path.join(data, "snoozed.db")
        return cls(stores, Due(path), lane, wall, events)

    async def open(self) -> None:
        """See :meth:`ISnoozed.open`; all accounts are looked at if it was broken."""
        now = self._wall()
        broken = await self._lane.run(self._due.open, now)
        if broken:
            self._events.happened(
                "store.corrupt", account="", path=broken, reason="it is made anew"
            )
            known = await self._stores.accounts()
            await self._lane.run(self._due.put, [(one, now) for one in known])

    async def add(
        self,
        account: AccountName,
        mailbox: MailboxId,
        uid: Uid,
        source: Once,
        terms: Terms,
    ) -> bool:
        """See :meth:`ISnoozed.add`."""
        key = _key(source)
        done: bool = await self._stores.within(
            account, self._add, key, mailbox, uid, terms
        )
        return done

    def _add(
        self, index: Index, key: str, mailbox: MailboxId, uid: Uid, terms: Terms
    ) -> bool:
        row = index.rows.execute(
            "SELECT base FROM file WHERE mailbox = ? AND uid = ?", (mailbox, uid)
        ).fetchone()
        if row is None:
            return False
        self._due.lower(index.place.account, terms.until)
        statement = "INSERT OR REPLACE INTO snoozed VALUES (?, ?, ?, ?, ?)"
        values = (key, mailbox, row[0], terms.until, terms.written())
        index.facts.change([(statement, values)])
        return True

    async def next(self) -> float | None:
        """See :meth:`ISnoozed.next`."""
        return await self._lane.run(self._due.next)

    async def accounts(self, now: float, limit: int) -> Sequence[AccountName]:
        """See :meth:`ISnoozed.accounts`."""
        return await self._lane.run(self._due.accounts, now, limit)

    async def due(
        self, account: AccountName, now: float, limit: int
    ) -> Sequence[Snoozed]:
        """See :meth:`ISnoozed.due`."""
        try:
            if await self._stores.within(account, _moved):
                await self._looked(account)
            found: Sequence[Snoozed] = await self._stores.within(
                account, self._found, now, limit
            )
        except NoStore:
            await self._lane.run(self._due.drop, account)
            return []
        return found

    async def _looked(self, account: AccountName) -> None:
        """Have all mailboxes of an account looked through."""
        opened = await self._stores.open(account)
        try:
            _ = await opened.mailboxes()
        finally:
            opened.close()

    def _found(self, index: Index, now: float, limit: int) -> Sequence[Snoozed]:
        while rows := index.facts.database.execute(_ROWS, (now, limit)).fetchall():
            there = _places(index, {row[1] for row in rows}, [row[2] for row in rows])
            gone = [row[0] for row in rows if row[1:3] not in there]
            if gone:
                self._forget(index, gone)
            if len(gone) < len(rows):
                return [
                    Snoozed(key, _once(key), *place, Terms.read(terms))
                    for key, mailbox, base, terms in rows
                    if (place := there.get((mailbox, base))) is not None
                ]
        self._settle(index)
        return []

    async def forget(self, account: AccountName, keys: Sequence[str]) -> None:
        """See :meth:`ISnoozed.forget`."""
        await self._stores.within(account, self._forget, keys)

    def _forget(self, index: Index, keys: Sequence[str]) -> None:
        index.facts.change(
            ("DELETE FROM snoozed WHERE source = ?", (key,)) for key in keys
        )

    def _settle(self, index: Index) -> None:
        """Look at the account again when its next message awakens, or never."""
        name = index.place.account
        (at,) = index.facts.database.execute(
            "SELECT min(until) FROM snoozed"
        ).fetchone()
        if at is None:
            self._due.drop(name)
        else:
            self._due.put([(name, at)])

    async def waiting(self) -> int:
        """See :meth:`ISnoozed.waiting`."""
        return await self._lane.run(self._due.count)

    async def close(self) -> None:
        """See :meth:`ISnoozed.close`."""
        await self._lane.run(self._due.close)
        self._lane.stop()


def _key(source: Once) -> str:
    return f"{source.source}/{source.recipient}/{source.action}"


def _once(key: str) -> Once:
    source, recipient, action = key.split("/")
    return Once(QueueId(source), int(recipient), int(action))


def _moved(index: Index) -> bool:
    """Whether it is not known in which mailbox something lies, after damage."""
    row = index.facts.database.execute(
        "SELECT 1 FROM snoozed WHERE mailbox = 0 LIMIT 1"
    ).fetchone()
    return row is not None


def _places(
    index: Index, mailboxes: set[int], bases: Sequence[str]
) -> dict[tuple[int, str], tuple[MailboxId, Uid]]:
    """Which of these files lie in these mailboxes, 0: in any, and as what."""
    return {
        (asked, base): (mailbox, uid)
        for asked in mailboxes
        for mailbox, base, uid in index.rows.execute(
            "SELECT mailbox, base, uid FROM file WHERE mailbox = coalesce(?, mailbox)"
            " AND base IN (SELECT value FROM json_each(?))",
            (asked or None, json.dumps(bases)),
        ).fetchall()
    }


@implementer(ISnoozed)
@define(eq=False)
class InMemory:
    """Provides ISnoozed over accounts in memory; for tests."""

    _accounts: IAccounts
    _rows: dict[AccountName, dict[str, Snoozed]] = field(factory=dict)

    async def open(self) -> None:
        """See :meth:`ISnoozed.open`."""

    async def add(
        self,
        account: AccountName,
        mailbox: MailboxId,
        uid: Uid,
        source: Once,
        terms: Terms,
    ) -> bool:
        """See :meth:`ISnoozed.add`."""
        row = Snoozed(_key(source), source, mailbox, uid, terms)
        if await self._there(account, row):
            self._rows.setdefault(account, {})[row.key] = row
            return True
        return False

    async def _there(self, account: AccountName, row: Snoozed) -> bool:
        opened = await self._accounts.open(account)
        try:
            rows = await (await opened.mailbox(row.mailbox)).snapshot()
        except NoSuchMailbox:
            return False
        finally:
            opened.close()
        return row.uid in rows.uid

    async def next(self) -> float | None:
        """See :meth:`ISnoozed.next`."""
        return min(map(_first, self._rows.values()), default=None)

    async def accounts(self, now: float, limit: int) -> Sequence[AccountName]:
        """See :meth:`ISnoozed.accounts`."""
        due = [one for one, rows in self._rows.items() if _first(rows) <= now]
        return sorted(due, key=lambda one: _first(self._rows[one]))[:limit]

    async def due(
        self, account: AccountName, now: float, limit: int
    ) -> Sequence[Snoozed]:
        """See :meth:`ISnoozed.due`."""
        rows = self._rows.get(account, {}).values()
        found: list[Snoozed] = []
        for row in sorted(rows, key=lambda row: row.terms.until):
            if row.terms.until <= now and len(found) < limit:
                if await self._there(account, row):
                    found.append(row)
                else:
                    await self.forget(account, [row.key])
        return found

    async def forget(self, account: AccountName, keys: Sequence[str]) -> None:
        """See :meth:`ISnoozed.forget`."""
        rows = self._rows.get(account, {})
        for key in keys:
            rows.pop(key, None)
        if not rows:
            self._rows.pop(account, None)

    async def waiting(self) -> int:
        """See :meth:`ISnoozed.waiting`."""
        return len(self._rows)

    async def close(self) -> None:
        """See :meth:`ISnoozed.close`."""


def _first(rows: dict[str, Snoozed]) -> float:
    return min(row.terms.until for row in rows.values())
