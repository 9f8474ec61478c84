"""What the directory holds: the database on its thread, and the book made of it.

People's files win over the database where both name the same domain or alias.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import Factory, define, evolve, field, frozen
from twisted.internet.defer import DeferredLock

from mailsuite.directory import rows, schema
from mailsuite.directory.book import Account, Book, Rules
from mailsuite.interfaces.directory import AliasRow, Domain
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.signing import SigningKey
from mailsuite.model.errors import UsageError
from mailsuite.model.principals import StoredKeys
from mailsuite.net.lanes import Runs

One = TypeVar("One", bound=rows.Row)
TRIES = 20
"""So often in a row may another process be quicker with its change."""


@frozen
class Listing:
    """What people's own files say of domains and aliases."""

    domains: tuple[Domain, ...] = ()
    aliases: tuple[AliasRow, ...] = ()
    authentication: Mapping[str, Mapping[str, Any]] = Factory(dict)
    """Settings of ``[authentication]`` that a domain has of its own."""
    sieve: Mapping[str, tuple[Sequence[str], Sequence[str]]] = Factory(dict)
    """Files and folders of scripts before and after those of a domain's users."""


@define(eq=False, repr=False)
class State:
    """Open database and current book; one change is made at a time."""

    _path: str
    _thread: Runs
    _events: IEvents
    book: Book = field(factory=Book)
    _files: Listing = Listing()
    _database: sqlite3.Connection | None = None
    _rows: rows.Rows = field(factory=rows.Rows)
    _lock: DeferredLock = field(factory=DeferredLock, init=False)

    async def open(self) -> None:
        """Open the database and read it. :raises UsageError: it cannot be used."""
        self._database = await self._thread.run(schema.connect, self._path)
        await self._reread()

    async def close(self) -> None:
        """Close the database and end its thread."""
        if self._database is not None:
            database, self._database = self._database, None
            await self._thread.run(database.close)
        self._thread.stop()

    def arrange(self, rules: Rules, files: Listing) -> None:
        """Take over settings and files; at start and at each reload."""
        self.book.rules = rules
        self._files = files
        self._fill()

    async def put(self, *changed: rows.Row) -> None:
        """Make rows durable, whatever stands there, then count them in the book."""
        async with self._lock:
            await self._written(rows.put, changed, None)
            self._count(changed)

    async def change(self, decide: Callable[[], One], *others: rows.Row) -> One:
        """Make durable what ``decide`` makes of the book, then count it there.

        Nobody else's change comes between: it is asked again if another process
        was quicker, and what it raises ends the change.
        """
        async with self._lock:
            for _ in range(TRIES):
                row = decide()
                changed = (row, *others)
                if await self._written(rows.put, changed, self._rows.version):
                    self._count(changed)
                    return row
                await self._reread()
        raise UsageError(f"{rows.SOURCE} is being changed all the time: try again")

    async def remove(self, decide: Callable[[], One]) -> One:
        """Delete for good the row that ``decide`` finds, as :meth:`change` does."""
        async with self._lock:
            for _ in range(TRIES):
                row = decide()
                if await self._written(rows.drop, row, self._rows.version):
                    self._forget(row)
                    return row
                await self._reread()
        raise UsageError(f"{rows.SOURCE} is being changed all the time: try again")

    async def key(self, account: Account, keys: Sequence[StoredKeys]) -> None:
        """Add keys of a password, if it is still the account's; durable on return."""
        async with self._lock:
            if not await self._written(rows.key, account, keys):
                return
            known = self.book.accounts.get(account.name)
            if known is not None and known.password == account.password:
                self._count((evolve(known, keys=tuple(keys)),))

    async def unkey(self) -> None:
        """Forget everybody's keys of SCRAM, for good."""
        async with self._lock:
            if any(account.keys for account in self.book.accounts.values()):
                await self._written(rows.unkey)
                await self._reread()

    async def drop(self, row: rows.Row) -> None:
        """Delete a row for good, then forget it in the book."""
        async with self._lock:
            await self._written(rows.drop, row, None)
            self._forget(row)

    async def _written(self, write: Callable[..., Any], *what: object) -> bool:
        """Whether it was written. Who is cancelled meanwhile may not learn of it."""
        assert self._database is not None
        known = False
        try:
            done = await self._thread.run(write, self._database, *what)
            known = True
        finally:
            if not known:
                self._rows = evolve(self._rows, version=-1)  # all is read anew
        return bool(done)

    def _count(self, changed: Sequence[rows.Row]) -> None:
        for row in changed:
            for tables in (self._rows, self.book):
                _counted(tables, row)

    def _forget(self, row: rows.Row) -> None:
        for tables in (self._rows, self.book):
            _forgotten(tables, row)

    async def poll(self) -> bool:
        """Take over what another process committed. True: there was something."""
        if self._database is None:
            return False
        version = await self._thread.run(schema.data_version, self._database)
        if version == self._rows.version:
            return False
        await self._reread()
        self._events.happened("directory.reread", source=rows.SOURCE)
        return True

    async def _reread(self) -> None:
        if self._database is not None:
            self._rows = await self._thread.run(_read, self._database)
            self._fill()

    def _fill(self) -> None:
        """Make the book's tables anew and put them in place at once."""
        book, own, files = self.book, self._rows, self._files
        listed = {domain.name: domain for domain in files.domains}
        book.domains = listed | {
            name: row for name, row in own.domains.items() if name not in listed
        }
        book.accounts = dict(own.accounts)
        book.aliases = own.aliases | {row.address: row for row in files.aliases}
        book.keys = dict(own.keys)
        book.seed, book.all_keyed = own.seed, None


def _counted(tables: rows.Rows | Book, row: rows.Row) -> None:
    match row:
        case Domain():
            tables.domains[row.name] = row
        case Account():
            tables.accounts[row.name] = row
            _looked_at_anew(tables)
        case AliasRow():
            tables.aliases[row.address] = row
        case SigningKey():
            tables.keys[row.domain] = rows.in_order((*_others(tables, row), row))


def _forgotten(tables: rows.Rows | Book, row: rows.Row) -> None:
    match row:
        case Domain():
            tables.domains.pop(row.name, None)
            tables.keys.pop(row.name, None)
        case Account():
            tables.accounts.pop(row.name, None)
            _looked_at_anew(tables)
        case AliasRow():
            tables.aliases.pop(row.address, None)
        case SigningKey():
            tables.keys[row.domain] = _others(tables, row)


def _looked_at_anew(tables: rows.Rows | Book) -> None:
    if isinstance(tables, Book):
        tables.all_keyed = None


def _others(tables: rows.Rows | Book, row: SigningKey) -> tuple[SigningKey, ...]:
    known = tables.keys.get(row.domain, ())
    return tuple(key for key in known if key.selector != row.selector)


def _read(database: sqlite3.Connection) -> rows.Rows:
    """Read the rows together with the version they belong to."""
    return rows.read(database, schema.data_version(database))
