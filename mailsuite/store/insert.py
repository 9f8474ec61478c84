"""Rows of new messages: one way in for deliveries, copies and files of strangers."""

from collections.abc import Sequence
from typing import NamedTuple

from mailsuite.store.box import Box
from mailsuite.store.index import ADDED, Index
from mailsuite.store.uidlist import Entry

HEADER_OCTETS = 65_536  # longer headers are read from the file


class Wide(NamedTuple):
    """What the MIME scan found, as it is kept."""

    envelope: bytes
    structure: bytes
    parts: bytes
    header: bytes | None
    header_size: int
    usual: bytes | None


class Memory(NamedTuple):
    """What is remembered of a delivery, with its first message."""

    source: str
    recipient: int
    action: int
    epoch: int
    drafts: int


class Row(NamedTuple):
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
    once: Memory | None = None


_ARRIVAL = f"INSERT INTO arrival VALUES ({', '.join('?' * 21)})"
_UNSCANNED = (None,) * 6
_FORGOTTEN = (None,) * 5


def insert(index: Index, box: Box, rows: Sequence[Row], modseq: int) -> None:
    """Add messages to a mailbox within a transaction, UIDs rising.

    All tables take a message in one step: each lets go of the interpreter lock, which
    the reactor then keeps.
    """
    number = box.id
    index.rows.executemany(
        _ARRIVAL,
        [
            (number, uid, flags, modseq, size, date, email, base, place, letters)
            + (wide or _UNSCANNED)
            + (once or _FORGOTTEN)
            for uid, flags, size, date, email, base, place, letters, wide, once in rows
        ],
    )
    for row in rows:
        box.count(row.flags, 1, row.size)
        keywords: tuple[str, ...] = ()
        if len(box.keywords) > 26 and box.sets[row.flags]:
            keywords = _unlettered(box, row.flags)
        box.pending.append(Entry(row.uid, row.base, row.email, keywords))
    box.uidnext = max(box.uidnext, rows[-1].uid + 1)
    index.lagging = True
    index.touch(box, ADDED, [(row.uid, row.email) for row in rows])


def _unlettered(box: Box, code: int) -> tuple[str, ...]:
    late = set(box.keywords[26:])
    return tuple(sorted(late.intersection(box.sets[code])))
