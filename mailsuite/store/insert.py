"""Rows of new messages: one way in for deliveries, copies and files of strangers."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from mailsuite.store import letters
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


Memory = tuple[str, int, int, int, int]
"""What is remembered of a delivery, with its first message.

Source, recipient and action, the epoch until which, and how many drafts it had.
"""


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


_COLUMNS = 21  # of ``arrival``
_ARRIVAL = f"({', '.join('?' * _COLUMNS)})"
_AT_ONCE = 32  # rows of a statement
_UNSCANNED = (None,) * 6
_FORGOTTEN = (None,) * 5


def insert(index: Index, box: Box, rows: Sequence[Row], modseq: int) -> None:
    """Add messages to a mailbox within a transaction, UIDs rising."""
    number = box.id
    values: list[object] = []
    for uid, code, size, date, email, base, place, marks, wide, once in rows:
        values += (number, uid, code, modseq, size, date, email, base, place, marks)
        values += wide or _UNSCANNED
        values += once or _FORGOTTEN
    _insert(index, values)
    lettered = len(box.keywords) <= letters.LETTERED
    pairs = []
    for uid, code, size, _, email, base, *_ in rows:
        tally = box.tallies[code]
        tally.messages += 1
        tally.octets += size
        keywords = () if lettered else _unlettered(box, code)
        box.pending.append(Entry(uid, base, email, keywords))
        pairs.append((uid, email))
    box.uidnext = max(box.uidnext, rows[-1].uid + 1)
    index.lagging = True
    index.touch(box, ADDED, pairs)


def _insert(index: Index, values: list[object]) -> None:
    """Add rows to all tables, many in one step.

    Each step lets go of the interpreter lock, which the reactor then keeps. Numbers
    of rows are powers of two, so that few statements are to be remembered.
    """
    at, left = 0, len(values) // _COLUMNS
    while left:
        count = min(_AT_ONCE, 1 << left.bit_length() - 1)
        end = at + count * _COLUMNS
        index.rows.execute(_statement(count), values[at:end])
        at, left = end, left - count


def is_single(box: Box, rows: Sequence[Row]) -> bool:
    """Whether one statement does all that comes of these rows."""
    count = len(rows)
    simple = count <= _AT_ONCE and not count & count - 1
    return simple and box.is_written


@cache
def _statement(count: int) -> str:
    return f"INSERT INTO arrival VALUES {', '.join([_ARRIVAL] * count)}"


def _unlettered(box: Box, code: int) -> tuple[str, ...]:
    late = set(box.keywords[letters.LETTERED :])
    return tuple(sorted(late.intersection(box.sets[code])))
