"""Versions of a mailbox's columns, made of raw rows and of deltas."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from mailsuite.model.changes import Columns, Delta
from mailsuite.model.flags import FlagTable
from mailsuite.model.ids import MailboxId, ModSeq, Uid
from mailsuite.store.box import Box
from mailsuite.store.reading import Raw, RawDelta
from mailsuite.store.shelf import Shelf


def coded(shelf: Shelf, box: Box, codes: Iterable[int]) -> list[int]:
    """Our flag codes as codes of the mailbox's table."""
    table, known = shelf.table(box.id)
    codes = list(codes)
    for code in set(codes).difference(known):
        known[code] = table.code(box.sets[code])
    return [known[code] for code in codes]


def made(shelf: Shelf, box: Box, raw: Raw) -> Columns:
    """Columns of all rows."""
    return _columns(
        raw.rows,
        coded(shelf, box, (row[1] for row in raw.rows)),
        (raw.modseq, box.uidvalidity, Uid(raw.uidnext)),
        shelf.table(box.id)[0],
    )


def _columns(
    rows: Sequence[Sequence[int]],
    flags: Sequence[int],
    numbers: tuple[ModSeq, int, Uid],
    table: FlagTable,
) -> Columns:
    if rows:
        uid, _, modseq, size, date, email = zip(*rows, strict=True)
    else:
        uid = modseq = size = date = email = ()
    return Columns(
        *numbers,
        table,
        array("L", uid),
        array("L", flags),
        array("Q", modseq),
        array("Q", size),
        array("q", date),
        array("Q", email),
    )


def told(shelf: Shelf, box: Box, raw: RawDelta) -> Delta:
    """A delta for a session."""
    added = None
    if raw.added:
        added = made(shelf, box, Raw(raw.modseq, raw.uidnext, raw.added))
    codes = coded(shelf, box, (row[1] for row in raw.changed))
    return Delta(
        raw.modseq,
        Uid(raw.uidnext),
        added,
        [
            (Uid(row[0]), code, ModSeq(row[2]))
            for row, code in zip(raw.changed, codes, strict=True)
        ],
        [Uid(uid) for uid in raw.vanished],
    )


def after(before: Columns, delta: Delta) -> Columns:
    """The next version; ``before`` stays as it is."""
    uid, flags, modseqs = before.uid[:], before.flags[:], before.modseqs[:]
    size, date, email = before.size, before.date, before.email
    for number, code, modseq in delta.changed:
        at = bisect_left(uid, number)
        if at < len(uid) and uid[at] == number:
            flags[at], modseqs[at] = code, modseq
    if delta.vanished:
        gone = set(delta.vanished)
        kept = [n for n, number in enumerate(uid) if number not in gone]
        uid, flags, modseqs, size, date, email = (
            array(column.typecode, [column[n] for n in kept])
            for column in (uid, flags, modseqs, size, date, email)
        )
    if delta.added is not None:
        new = delta.added
        uid, flags, modseqs = uid + new.uid, flags + new.flags, modseqs + new.modseqs
        size, date, email = size + new.size, date + new.date, email + new.email
    return Columns(
        delta.modseq, before.uidvalidity, delta.uidnext, before.table,
        uid, flags, modseqs, size, date, email,
    )  # fmt: skip


def current(shelf: Shelf, mailbox: MailboxId) -> Columns | None:
    """The version that some session still holds, if any."""
    return shelf.versions.get(mailbox)
