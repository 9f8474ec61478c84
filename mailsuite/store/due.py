"""``snoozed.db``: which accounts have mail that is to awaken, and when the first of it.

Derived from the ``account.db`` of these accounts, so that none of them is opened to
know that nothing is due. An account may stand in it too early, which costs a look at
it, and never too late. Commits are synced. Lanes call it, one at a time.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from threading import Lock

from attrs import define, field

from mailsuite.model.ids import AccountName
from mailsuite.store import facts, opening, schema
from mailsuite.store.undo import transaction

VERSIONS = (
    """
    CREATE TABLE due (account TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX due_at ON due (at);
    """,
)


@define(eq=False)
class Due:
    """The open database. All calls block."""

    _path: str
    _database: sqlite3.Connection | None = None
    _lock: Lock = field(factory=Lock)

    def open(self, wall: float) -> str:
        """Open or make it; gives where a broken one was put, if it was broken.

        :raises UsageError: a newer suite wrote it.
        """
        broken = ""
        try:
            self._database = schema.connect(self._path, VERSIONS, "FULL")
        except sqlite3.DatabaseError as error:
            if not opening.is_corrupt(error):
                raise
            broken = facts.set_aside(self._path, wall)
            self._database = schema.connect(self._path, VERSIONS, "FULL")
        return broken

    @property
    def _opened(self) -> sqlite3.Connection:
        assert self._database is not None
        return self._database

    def lower(self, account: AccountName, at: float) -> None:
        """Look at an account no later than that."""
        with self._lock:
            row = self._opened.execute(
                "SELECT at FROM due WHERE account = ?", (account,)
            ).fetchone()
            if row is None or at < row[0]:
                self._put([(account, at)])

    def put(self, rows: Iterable[tuple[AccountName, float]]) -> None:
        """Look at accounts then, whatever was known of them."""
        with self._lock:
            self._put(rows)

    def _put(self, rows: Iterable[tuple[AccountName, float]]) -> None:
        with transaction(self._opened):
            self._opened.executemany("INSERT OR REPLACE INTO due VALUES (?, ?)", rows)

    def drop(self, account: AccountName) -> None:
        """Look at it no more."""
        with self._lock:
            self._opened.execute("DELETE FROM due WHERE account = ?", (account,))

    def accounts(self, now: float, limit: int) -> Sequence[AccountName]:
        """Accounts to be looked at by now, the first ones first."""
        with self._lock:
            rows = self._opened.execute(
                "SELECT account FROM due WHERE at <= ? ORDER BY at LIMIT ?",
                (now, limit),
            ).fetchall()
        return [AccountName(account) for (account,) in rows]

    def next(self) -> float | None:
        """When the next account is to be looked at."""
        with self._lock:
            (at,) = self._opened.execute("SELECT min(at) FROM due").fetchone()
        return None if at is None else float(at)

    def count(self) -> int:
        """How many accounts stand in it."""
        with self._lock:
            (count,) = self._opened.execute("SELECT count(*) FROM due").fetchone()
        return int(count)

    def close(self) -> None:
        """Let go of it."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
