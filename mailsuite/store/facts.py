"""``account.db``: what cannot be worked out again.

Names, ids and validities of mailboxes, their limits of numbers, subscriptions.
Every commit is synced before it returns. Lost, it is made again from directories
and the headers of UID lists.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence

from attrs import define, field, frozen

from mailsuite.store import schema
from mailsuite.store.undo import failing, transaction

NUMBERS_AT_ONCE = 1_000  # UIDs, mod-sequences and email ids per synced commit
CORRUPT = ".corrupt-"  # in the name of a database that is set aside, before the time


_ADD = (
    "INSERT INTO mailbox (id, name, directory, uidvalidity, uid_limit,"
    " guid, use, selectable) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@frozen
class Mailbox:
    """A row of ``mailbox``; ``directory`` is the one last written on disk."""

    id: int
    name: str
    directory: str
    uidvalidity: int
    uid_limit: int
    guid: str
    use: str
    selectable: bool = field(converter=bool)


@define(eq=False)
class Facts:
    """The open database. All calls block."""

    path: str
    database: sqlite3.Connection = field(init=False)
    modseq_limit: int = 2
    email_limit: int = 0
    remade: bool = False
    """They were lost, and are guessed from what lies beside them."""

    def __attrs_post_init__(self) -> None:
        self.database = schema.connect(self.path, schema.FACTS, "FULL")
        with failing(self.database.close):
            facts = dict(self.database.execute("SELECT key, value FROM fact"))
            self.modseq_limit = int(facts.get("modseq_limit", 2))
            self.email_limit = int(facts.get("email_limit", 0))

    def mailboxes(self) -> list[Mailbox]:
        """Every mailbox."""
        rows = self.database.execute(
            "SELECT id, name, directory, uidvalidity, uid_limit, guid, use,"
            " selectable FROM mailbox ORDER BY id"
        )
        return [Mailbox(*row) for row in rows.fetchall()]

    def change(self, statements: Iterable[tuple[str, Sequence[object]]]) -> None:
        """Do all of them in one synced transaction."""
        with transaction(self.database):
            for statement, values in statements:
                self.database.execute(statement, values)

    def limits(self, modseq: int, email: int, uids: Iterable[tuple[int, int]]) -> None:
        """Write limits: of the account, and (limit, mailbox) pairs."""
        statement = "INSERT OR REPLACE INTO fact VALUES (?, ?)"
        self.change(
            [
                (statement, ("modseq_limit", modseq)),
                (statement, ("email_limit", email)),
                *(("UPDATE mailbox SET uid_limit = ? WHERE id = ?", u) for u in uids),
            ]
        )
        self.modseq_limit, self.email_limit = modseq, email

    def validity(self, wall: float) -> int:
        """A UIDVALIDITY that no mailbox of the account ever had."""
        row = self.database.execute(
            "SELECT max(coalesce((SELECT value FROM fact WHERE key = 'validity'), 0),"
            " coalesce((SELECT max(uidvalidity) FROM mailbox), 0))"
        ).fetchone()
        return min(max(int(wall), int(row[0]) + 1), (1 << 32) - 1)

    def add(self, box: Mailbox) -> list[tuple[str, Sequence[object]]]:
        """What makes a row of a mailbox; an id of 0 lets the database choose."""
        return [
            (
                _ADD,
                (
                    box.id or None,
                    box.name,
                    box.directory,
                    box.uidvalidity,
                    box.uid_limit,
                    box.guid,
                    box.use,
                    int(box.selectable),
                ),
            ),
            (
                "INSERT OR REPLACE INTO fact VALUES ('validity', ?)",
                (box.uidvalidity,),
            ),
        ]

    def subscriptions(self) -> list[str]:
        """Every subscribed name."""
        rows = self.database.execute("SELECT name FROM subscription ORDER BY name")
        return [name for (name,) in rows.fetchall()]

    def doomed(self) -> list[str]:
        """Directories of mailboxes that were deleted, perhaps still there."""
        rows = self.database.execute("SELECT directory FROM doomed")
        return [directory for (directory,) in rows.fetchall()]

    def value(self, key: str) -> str:
        """A fact as text; empty if there is none."""
        row = self.database.execute(
            "SELECT value FROM fact WHERE key = ?", (key,)
        ).fetchone()
        return str(row[0]) if row else ""

    def close(self) -> None:
        """Let go of it."""
        self.database.close()


def new_guid() -> str:
    """128 random bits in hexadecimal, as UID lists carry them."""
    return secrets.token_hex(16)


def set_aside(path: str, wall: float) -> str:
    """Rename a broken database and its log; gives the new name."""
    target = first = f"{path}{CORRUPT}{int(wall)}"
    number = 0
    while os.path.exists(target):
        number += 1
        target = f"{first}-{number}"
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.rename(path + suffix, target + suffix)
    return target
