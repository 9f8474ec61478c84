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


_COLUMNS = {"arrival": 21, "message": 7, "file": 5}
_AT_ONCE = 32  # rows of a statement
_UNSCANNED = (None,) * 6
_FORGOTTEN = (None,) * 5


def insert(index: Index, box: Box, rows: Sequence[Row], modseq: int) -> None:
    """Add messages to a mailbox within a transaction, UIDs rising."""
    if _are_plain(rows):
        _insert_plain(index, box, rows, modseq)
    else:
        _insert_all(index, box, rows, modseq)
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


def _are_plain(rows: Sequence[Row]) -> bool:
    """Whether they are in two tables alone, as those of copies are."""
    return all(row.wide is None and row.once is None for row in rows)


def _insert_plain(index: Index, box: Box, rows: Sequence[Row], modseq: int) -> None:
    """Add them to these two, which takes half the time (6 and not 13 us a row)."""
    number = box.id
    messages: list[object] = []
    files: list[object] = []
    for uid, code, size, date, email, base, place, marks, _, _ in rows:
        messages += (number, uid, code, modseq, size, date, email)
        files += (number, uid, base, place, marks)
    _insert(index, "message", messages)
    _insert(index, "file", files)


def _insert_all(index: Index, box: Box, rows: Sequence[Row], modseq: int) -> None:
    number = box.id
    values: list[object] = []
    for uid, code, size, date, email, base, place, marks, wide, once in rows:
        values += (number, uid, code, modseq, size, date, email, base, place, marks)
        values += wide or _UNSCANNED
        values += once or _FORGOTTEN
    _insert(index, "arrival", values)


def _insert(index: Index, table: str, values: list[object]) -> None:
    """Add rows to a table, or by ``arrival`` to all of them, many in one step.

    Each step lets go of the interpreter lock, which the reactor then keeps. Numbers
    of rows are powers of two, so that few statements are to be remembered.
    """
    columns = _COLUMNS[table]
    at, left = 0, len(values) // columns
    while left:
        count = min(_AT_ONCE, 1 << left.bit_length() - 1)
        end = at + count * columns
        index.rows.execute(_statement(table, count), values[at:end])
        at, left = end, left - count


def is_single(box: Box, rows: Sequence[Row]) -> bool:
    """Whether one statement does all that comes of these rows."""
    count = len(rows)
    simple = count <= _AT_ONCE and not count & count - 1
    return simple and box.is_written and not _are_plain(rows)


@cache
def _statement(table: str, count: int) -> str:
    row = f"({', '.join('?' * _COLUMNS[table])})"
    return f"INSERT INTO {table} VALUES {', '.join([row] * count)}"


def _unlettered(box: Box, code: int) -> tuple[str, ...]:
    late = set(box.keywords[letters.LETTERED :])
    return tuple(sorted(late.intersection(box.sets[code])))
