"""What sessions read: columns, deltas, stored answers, octets; the lane's part.

Many rows come as one JSON text that SQLite makes, because each row that Python
steps to costs a hand-over of the interpreter lock while the reactor is busy.
"""

import os
import re
from array import array
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, NamedTuple

from attrs import frozen

from mailsuite.model.changes import Need, Stored
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import ModSeq
from mailsuite.store import maildir
from mailsuite.store.box import Box
from mailsuite.store.index import ADDED, CHANGED, Index
from mailsuite.store.insert import HEADER_OCTETS, Wide
from mailsuite.store.undo import failing, transaction

ROWS_OF_COLUMNS = 8_000  # in one JSON text, 3 ms of parsing
BATCH_ROWS = 500
BATCH_OCTETS = 262_144
ROWS_AT_ONCE = 20  # fetched before their octets are counted
PRELOAD_OCTETS = 65_536  # smaller messages are read whole when they are opened
NEAR_BEFORE, NEAR_AFTER = 100, 300  # UIDs whose files are likely read next
LINED_OCTETS = 256 << 20  # a file with bare LF is turned into CRLF up to this

_ONE = (
    "SELECT uid, flags, modseq, size, date, email FROM message"
    " WHERE mailbox = ? AND uid = ?"
)
_LIST = (
    "SELECT json_group_array(json_array(uid, flags, modseq, size, date, email))"
    " FROM (SELECT * FROM message WHERE mailbox = ? {} ORDER BY uid)"
)
_COLUMNS = (
    "SELECT json_array(json_group_array(uid), json_group_array(flags),"
    " json_group_array(modseq), json_group_array(size), json_group_array(date),"
    " json_group_array(email)) FROM"
    " (SELECT * FROM message WHERE mailbox = ? {} ORDER BY uid LIMIT ?)"
)
TYPES = ("L", "L", "Q", "Q", "q", "Q")
"""Of the columns uid, flags, modseq, size, date, email."""
_BARE_LF = re.compile(rb"(?<!\r)\n")


Gathered = list["array[int]"]


@frozen(eq=False)
class Flagged:
    """Flags of some messages by column, UIDs rising, with our own flag codes."""

    uid: "array[int]"
    flags: "array[int]"
    modseq: "array[int]"
    codes: frozenset[int]
    """What stands in ``flags``."""

    def __len__(self) -> int:
        return len(self.uid)


@frozen(eq=False)
class Rows(Flagged):
    """Some messages by column.

    A hundred thousand rows are six arrays and not so many lists: the reactor neither
    walks over them nor finds them when it collects garbage.
    """

    size: "array[int]"
    date: "array[int]"
    email: "array[int]"

    def chosen(self, wanted: Sequence[bool]) -> "Rows":
        """Those whose entry in ``wanted`` is true."""
        columns = (self.uid, self.flags, self.modseq, self.size, self.date, self.email)
        return _rows([array(c.typecode, compress(c, wanted)) for c in columns])


def _rows(gathered: Gathered) -> Rows:
    uid, flags, modseq, size, date, email = gathered
    return Rows(uid, flags, modseq, frozenset(flags), size, date, email)


NO_ROWS = _rows([array(code) for code in TYPES])


@frozen
class Raw:
    """Every row of a mailbox at a moment."""

    modseq: ModSeq
    uidnext: int
    rows: Rows


@frozen
class RawDelta:
    """As :class:`~mailsuite.model.changes.Delta`, with our own flag codes."""

    modseq: ModSeq
    uidnext: int
    added: Rows
    changed: Flagged
    vanished: Sequence[int]
    logged: bool = True
    """False: found out from the tables, which may lack what is long gone."""


@frozen
class Done:
    """What a session changed, and for the session itself what followed ``since``."""

    stored: Stored
    since: int = -1
    told: RawDelta | None = None


def everything(index: Index, box: Box) -> Raw:
    """All rows of a mailbox."""
    return Raw(ModSeq(box.modseq), box.uidnext, _all(index, box, ""))


def _all(index: Index, box: Box, condition: str, *values: int) -> Rows:
    """Rows that fulfil a condition, some thousand of them at a time."""
    gathered: Gathered = [array(code) for code in TYPES]
    after = 0
    while True:
        columns = index.json(
            _COLUMNS.format(f"AND uid > ? {condition}"),
            (box.id, after, *values, ROWS_OF_COLUMNS),
        )
        _extend(gathered, columns)
        if len(columns[0]) < ROWS_OF_COLUMNS:
            return _rows(gathered)
        after = columns[0][-1]


def _some(index: Index, box: Box, uids: Sequence[int]) -> Rows:
    """Rows of messages, UIDs rising; those that are gone are left out."""
    gathered: Gathered = [array(code) for code in TYPES]
    for first in range(0, len(uids), ROWS_OF_COLUMNS):
        part = uids[first : first + ROWS_OF_COLUMNS]
        if part[-1] - part[0] < len(part):
            chosen = "AND uid BETWEEN ? AND ?"
            values: tuple[object, ...] = (box.id, part[0], part[-1], len(part))
        else:
            chosen = "AND uid IN (SELECT value FROM json_each(?))"
            values = (box.id, as_json(part), len(part))
        _extend(gathered, index.json(_COLUMNS.format(chosen), values))
    return _rows(gathered)


def _extend(gathered: Gathered, columns: Sequence[Sequence[int]]) -> None:
    for whole, part in zip(gathered, columns, strict=True):
        whole.extend(part)


def rows_of(index: Index, box: Box, uids: Sequence[int]) -> Sequence[Sequence[int]]:
    """Rows of some messages; those that are gone are left out."""
    if len(uids) < 2:
        return index.rows.execute(_ONE, (box.id, *uids)).fetchall() if uids else []
    low, high = min(uids), max(uids)
    if high - low < 2 * len(uids) + 50:
        found = index.json(_LIST.format("AND uid BETWEEN ? AND ?"), (box.id, low, high))
        if len(found) == len(uids) == high - low + 1:
            return found
        wanted = set(uids)
        return [row for row in found if row[0] in wanted]
    return index.json(
        _LIST.format("AND uid IN (SELECT value FROM json_each(?))"),
        (box.id, as_json(uids)),
    )


def as_json(numbers: Iterable[int]) -> str:
    """Numbers as a JSON list, for ``json_each``."""
    return f"[{','.join(map(str, numbers))}]"


def delta(index: Index, box: Box, since: int) -> RawDelta:
    """What happened in a mailbox after ``since``."""
    if since >= box.modseq:
        return RawDelta(ModSeq(box.modseq), box.uidnext, NO_ROWS, NO_ROWS, [])
    entries = index.log.since(since)
    if entries is None:
        return _old_delta(index, box, since)
    fate: dict[int, int] = {}
    came = set()
    for number, uid, kind, _ in entries:
        if number == box.id:
            fate[uid] = kind
            if kind == ADDED:
                came.add(uid)
    there = sorted(uid for uid, kind in fate.items() if kind <= CHANGED)
    rows = _some(index, box, there)
    new = [uid in came for uid in rows.uid]
    return RawDelta(
        ModSeq(box.modseq),
        box.uidnext,
        rows.chosen(new),
        rows.chosen([not one for one in new]),
        sorted(uid for uid, kind in fate.items() if kind > CHANGED and uid not in came),
    )


def _old_delta(index: Index, box: Box, since: int) -> RawDelta:
    """The same from the tables: which rows are new cannot be told from changed.

    They are given as changed where the UID is below the first that came later.
    """
    rows = _all(index, box, "AND modseq > ?", since)
    gone = index.rows.execute(
        "SELECT uid FROM expunged WHERE modseq > ? AND mailbox = ?", (since, box.id)
    ).fetchall()
    first = index.rows.execute(
        "SELECT max(uid) FROM message WHERE mailbox = ? AND modseq <= ?",
        (box.id, since),
    ).fetchone()[0]
    new = [uid > (first or 0) for uid in rows.uid]
    return RawDelta(
        ModSeq(box.modseq),
        box.uidnext,
        rows.chosen(new),
        rows.chosen([not one for one in new]),
        sorted(uid for (uid,) in gone),
        logged=False,
    )


_COLUMN = {
    Need.ENVELOPE: "wide.envelope",
    Need.STRUCTURE: "wide.structure",
    Need.PARTS: "wide.parts",
    Need.HEADER: "wide.header",
    Need.USUAL: "usual.fields",
}

Answer = tuple[Any, ...]
"""UID, email, stored octets; these are None where no scan is kept, or too long."""


def answers(
    index: Index, box: Box, uids: Sequence[int], needs: Sequence[Need]
) -> tuple[list[Answer], int]:
    """What is stored of the first of ``uids``, and the last that was looked at.

    What is not stored may be a longer header than any that is.
    """
    some = uids[:BATCH_ROWS]
    dense = some[-1] - some[0] + 1 == len(some)
    where = "BETWEEN ? AND ?" if dense else "IN (SELECT value FROM json_each(?))"
    values = (some[0], some[-1]) if dense else (as_json(some),)
    cursor = index.rows.execute(
        f"SELECT uid, message.email, {_joined(needs)}"
        f" WHERE mailbox = ? AND uid {where} ORDER BY uid",
        (box.id, *values),
    )
    result: list[Answer] = []
    octets = 0
    while octets < BATCH_OCTETS and (rows := cursor.fetchmany(ROWS_AT_ONCE)):
        result += rows
        octets += sum(
            HEADER_OCTETS if part is None else len(part)
            for row in rows
            for part in row[2:]
        )
    cursor.close()
    return result, result[-1][0] if octets >= BATCH_OCTETS else some[-1]


def _joined(needs: Sequence[Need]) -> str:
    """Columns, and the tables they are in."""
    names = [_COLUMN[need] for need in needs]
    tables = sorted({name.partition(".")[0] for name in names})
    joins = [f"LEFT JOIN {t} ON {t}.email = message.email" for t in tables]
    return f"{', '.join(names)} FROM message {' '.join(joins)}"


class Opened(NamedTuple):
    """A message's octets: whole in ``content``, or behind ``descriptor``."""

    size: int
    content: bytes | None
    descriptor: int = -1


Name = tuple[int, str, str, str, int]
"""UID; base, place and letters of the file's name; size."""

_NAMES = (
    "SELECT json_group_array(json_array(uid, base, place, letters, size))"
    " FROM file JOIN message USING (mailbox, uid)"
    " WHERE mailbox = ? AND uid BETWEEN ? AND ?"
)


def opened_near(
    index: Index, box: Box, uid: int, *, alone: bool
) -> tuple[Opened, Sequence[Name]]:
    """As :func:`opened`, with the file's name, unless ``alone`` with others near."""
    found = opened(index, box, uid)
    with failing(_close, found):
        first, last = (uid, uid) if alone else (uid - NEAR_BEFORE, uid + NEAR_AFTER)
        names: Sequence[Any] = index.json(_NAMES, (box.id, first, last))
        return found, names


def _close(found: Opened) -> None:
    if found.descriptor >= 0:
        os.close(found.descriptor)


def opened(index: Index, box: Box, uid: int) -> Opened:
    """Open a message. :raises KeyError: no such UID. :raises Damaged: bad file."""
    row = index.rows.execute(
        "SELECT base, place, letters, size FROM file JOIN message USING (mailbox, uid)"
        " WHERE mailbox = ? AND uid = ?",
        (box.id, uid),
    ).fetchone()
    if row is None:
        raise KeyError(uid)
    try:
        descriptor = _found(box, row)
        with failing(os.close, descriptor):
            return _read(descriptor, row[3])
    except OSError as error:
        raise Damaged(f"message {uid} cannot be read") from error


def _found(box: Box, row: tuple[str, str, str, int]) -> int:
    base, place, letters, _ = row
    try:
        return maildir.open_read(f"{box.path}/{maildir.relative(base, place, letters)}")
    except FileNotFoundError:
        other = maildir.locate(box.path, base)
        if other is None:
            raise
        box.disk.mtimes = None
        return maildir.open_read(os.path.join(box.path, other.relative))


def _read(descriptor: int, size: int) -> Opened:
    found = os.fstat(descriptor).st_size
    if found == size and size > PRELOAD_OCTETS:
        return Opened(size, None, descriptor)
    if found > LINED_OCTETS or found > size:
        raise OSError("the file has not the size of the message")
    content = bytearray()
    while block := os.read(descriptor, 1 << 20):
        content += block
    octets = bytes(content)
    if len(octets) != size:
        octets = _BARE_LF.sub(b"\r\n", octets)
    if len(octets) != size:
        raise OSError("the file has not the size of the message")
    os.close(descriptor)
    return Opened(size, octets)


def bare(octets: bytes) -> int:
    """How many lines end without CR."""
    return octets.count(b"\n") - octets.count(b"\r\n")


def keep_wide(index: Index, scans: Sequence[tuple[int, Wide]]) -> None:
    """Keep what scans made later found, each with its email."""
    with transaction(index.rows):
        index.rows.executemany(
            "INSERT OR REPLACE INTO wide VALUES (?, ?, ?, ?, ?, ?)",
            [(email, *wide[:5]) for email, wide in scans],
        )
        index.rows.executemany(
            "INSERT OR REPLACE INTO usual VALUES (?, ?)",
            [(email, wide.usual) for email, wide in scans if wide.usual is not None],
        )
