"""Which mailbox a number of ``index.db`` stands for, told by ``index.db`` itself.

When ``account.db`` is lost, mailboxes get the numbers again that rows of the index,
records of the journal and tickets of jobs know them by. Every call blocks.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, nullcontext

from attrs import define, evolve, field, frozen

from mailsuite.store import schema
from mailsuite.store.facts import Mailbox
from mailsuite.store.undo import transaction

_ALL = "SELECT mailbox, guid, directory, uidvalidity, use FROM named"
_PUT = "INSERT OR REPLACE INTO named VALUES (?, ?, ?, ?, ?)"


@frozen
class Namesake:
    """A mailbox that can be selected, as the facts had it."""

    id: int
    guid: str
    directory: str
    uidvalidity: int
    use: str


def note(rows: sqlite3.Connection, boxes: Iterable[Mailbox]) -> None:
    """Write down what the facts say, where it is something else than before."""
    known = {row[0]: row for row in rows.execute(_ALL).fetchall()}
    told = {
        box.id: (box.id, box.guid, box.directory, box.uidvalidity, box.use)
        for box in boxes
        if box.selectable
    }
    gone = [(number,) for number in known.keys() - told.keys()]
    fresh = [row for number, row in told.items() if known.get(number) != row]
    if gone or fresh:
        with nullcontext() if rows.in_transaction else transaction(rows):
            rows.executemany("DELETE FROM named WHERE mailbox = ?", gone)
            rows.executemany(_PUT, fresh)


@define(eq=False)
class Remembered:
    """What an index remembers of mailboxes; each is given once."""

    _root: str
    _left: list[Namesake] = field(factory=list)
    _top: int = 0

    @classmethod
    def of(cls, home: str, root: str) -> "Remembered":
        """Ask the index in ``home``; one that is missing or broken tells nothing."""
        path = os.path.join(home, "index.db")
        if not os.path.exists(path):
            return cls(root)
        try:
            with closing(schema.connect(path, schema.INDEX, "NORMAL")) as rows:
                found = [Namesake(*row) for row in rows.execute(_ALL).fetchall()]
        except sqlite3.DatabaseError:
            found = []
        return cls(root, found, max((one.id for one in found), default=0))

    def __bool__(self) -> bool:
        """Whether it tells anything, or has told it."""
        return self._top > 0

    def take(self, directory: str, guid: str) -> Namesake | None:
        """Who had a directory; ``guid`` is what its UID list tells, empty: it is lost.

        A directory whose list tells another one is another mailbox, and one that
        tells the same is the same if it was moved, and not if it was copied.
        """
        for one in self._left:
            if one.directory == directory:
                same = guid in ("", one.guid)
            else:
                same = one.guid == guid and not os.path.isdir(
                    os.path.join(self._root, one.directory, "cur")
                )
            if same:
                self._left.remove(one)
                return one
        return None

    def numbered(self, boxes: Sequence[Mailbox]) -> list[Mailbox]:
        """Give numbers that nobody had to those that have none."""
        if not self:
            return [*boxes]
        numbered, top = [], self._top
        for box in boxes:
            top += not box.id
            numbered.append(box if box.id else evolve(box, id=top))
        return numbered
