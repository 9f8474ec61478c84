"""Whether the ids of emails in a UID list are those of our own emails.

A folder that came from another account brings its list along, whose ids may already
stand for other messages: those would get their envelopes, and one EMAILID would name
two contents (RFC 8474 §5.1).
"""

import filecmp
import json
import os
from collections.abc import Iterable

from attrs import define, field

from mailsuite.store import maildir
from mailsuite.store.index import Index

_KNOWN = (
    "SELECT email, mailbox, base, place, letters FROM message JOIN file"
    " USING (mailbox, uid) WHERE email IN (SELECT value FROM json_each(?))"
)


@define(eq=False)
class Claims:
    """Ids that are claimed by files, each with a file that has it already."""

    _held: dict[int, str] = field(factory=dict)

    @classmethod
    def of(cls, index: Index, emails: Iterable[int]) -> "Claims":
        """With what rows of the account tell of these ids."""
        rows = index.rows.execute(_KNOWN, (json.dumps(list(emails)),)).fetchall()
        return cls(
            {
                email: f"{index.boxes[mailbox].path}/{maildir.relative(*name)}"
                for email, mailbox, *name in rows
                if mailbox in index.boxes
            }
        )

    def grants(self, email: int, path: str) -> bool:
        """Whether a file may have an id: nothing has it, or the same message."""
        held = self._held.setdefault(email, path)
        return held == path or _same(held, path)


def _same(one: str, other: str) -> bool:
    """Two links to a file or two files alike; also if that cannot be told."""
    try:
        first, second = (os.stat(p, follow_symlinks=False) for p in (one, other))
        if (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino):
            return True
        return first.st_size == second.st_size and filecmp.cmp(one, other, False)
    except OSError:
        return True
