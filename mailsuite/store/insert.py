"""Rows of new messages: one way in for deliveries, copies and files of strangers."""

from collections.abc import Sequence

from attrs import frozen

from mailsuite.store.box import Box
from mailsuite.store.index import ADDED, Index
from mailsuite.store.uidlist import Entry

HEADER_OCTETS = 65_536  # longer headers are read from the file


@frozen
class Wide:
    """What the MIME scan found, as it is kept."""

    envelope: bytes
    structure: bytes
    parts: bytes
    header: bytes | None
    header_size: int


@frozen
class Row:
    """One message to be: ``flags`` is a code of its mailbox."""

    uid: int
    flags: int
    size: int
    date: int
    email: int
    base: str
    place: str
    letters: str
    wide: Wide | None = None


_MESSAGE = "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)"
_FILE = "INSERT INTO file VALUES (?, ?, ?, ?, ?)"
_WIDE = "INSERT OR IGNORE INTO wide VALUES (?, ?, ?, ?, ?, ?)"


def insert(index: Index, box: Box, rows: Sequence[Row], modseq: int) -> None:
    """Add messages to a mailbox within a transaction, UIDs rising."""
    number = box.id
    index.rows.executemany(
        _MESSAGE,
        [(number, r.uid, r.flags, modseq, r.size, r.date, r.email) for r in rows],
    )
    index.rows.executemany(
        _FILE, [(number, r.uid, r.base, r.place, r.letters) for r in rows]
    )
    wide(index, [(r.email, r.wide) for r in rows if r.wide is not None])
    for row in rows:
        box.count(row.flags, 1, row.size)
        keywords: tuple[str, ...] = ()
        if len(box.keywords) > 26 and box.sets[row.flags]:
            keywords = _unlettered(box, row.flags)
        box.pending.append(Entry(row.uid, row.base, row.email, keywords))
    box.uidnext = max(box.uidnext, rows[-1].uid + 1)
    index.lagging = True
    index.touch(box, ADDED, [(row.uid, row.email) for row in rows])


def wide(index: Index, rows: Sequence[tuple[int, Wide]]) -> None:
    """Keep scans of emails; one that is there stays."""
    if rows:
        index.rows.executemany(
            _WIDE,
            [
                (email, w.envelope, w.structure, w.parts, w.header, w.header_size)
                for email, w in rows
            ],
        )


def _unlettered(box: Box, code: int) -> tuple[str, ...]:
    late = set(box.keywords[26:])
    return tuple(sorted(late.intersection(box.sets[code])))
