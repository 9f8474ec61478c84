"""Versions of a mailbox's columns, made of raw rows and of deltas."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping

from mailsuite.model.changes import Changed, Columns, Delta
from mailsuite.model.ids import MailboxId, ModSeq, Uid
from mailsuite.store.box import Box
from mailsuite.store.reading import Flagged, Raw, RawDelta
from mailsuite.store.shelf import Shelf

ROWS_AT_ONCE = 2_000  # more of them are looked at on the lane


async def made(shelf: Shelf, box: Box, raw: Raw) -> Columns:
    """Columns of all rows."""
    rows = raw.rows
    return Columns(
        raw.modseq,
        box.uidvalidity,
        Uid(raw.uidnext),
        shelf.table(box)[0],
        rows.uid,
        await _coded(shelf, box, rows),
        rows.modseq,
        rows.size,
        rows.date,
        rows.email,
    )


async def _coded(shelf: Shelf, box: Box, rows: Flagged) -> "array[int]":
    """Our flag codes as codes of the mailbox's table."""
    table, known = shelf.table(box)
    for code in sorted(rows.codes.difference(known)):
        known[code] = table.code(box.sets[code])
    if all(known[code] == code for code in rows.codes):
        return rows.flags
    if len(rows) <= ROWS_AT_ONCE:
        return _translated(rows.flags, known)
    return await shelf.lane.run(_translated, rows.flags, dict(known))


def _translated(codes: "array[int]", known: Mapping[int, int]) -> "array[int]":
    return array("L", map(known.__getitem__, codes))


async def told(shelf: Shelf, box: Box, raw: RawDelta) -> Delta:
    """A delta for a session."""
    added = None
    if len(raw.added):
        added = await made(shelf, box, Raw(raw.modseq, raw.uidnext, raw.added))
    changed = raw.changed
    return Delta(
        raw.modseq,
        Uid(raw.uidnext),
        added,
        Changed(changed.uid, await _coded(shelf, box, changed), changed.modseq),
        [Uid(uid) for uid in raw.vanished],
    )


def unchanged(box: Box) -> Delta:
    """A delta that tells of no change."""
    return Delta(ModSeq(box.modseq), Uid(box.uidnext), None, (), ())


async def next_version(shelf: Shelf, before: Columns, delta: Delta) -> Columns:
    """The columns after ``delta``, made on the lane where that takes long."""
    if len(delta.changed) + len(delta.vanished) <= ROWS_AT_ONCE:
        return after(before, delta)
    return await shelf.lane.run(after, before, delta)


def follow(shelf: Shelf, box: Box, since: int, delta: Delta) -> Columns | None:
    """Make the version after a logged delta of few flags and expunges the current one.

    Whoever asks for the columns next has them without a wait, as long as what this
    gives is held.
    """
    before = current(shelf, box.id)
    if before is None or before.modseq != since or delta.added is not None:
        return None
    if len(delta.changed) + len(delta.vanished) > ROWS_AT_ONCE:
        return None
    version = shelf.versions[box.id] = after(before, delta)
    return version


def after(before: Columns, delta: Delta) -> Columns:
    """The next version; ``before`` stays as it is, and shares what did not change."""
    uid, flags, modseqs = before.uid, before.flags[:], before.modseqs[:]
    size, date, email = before.size, before.date, before.email
    for number, code, modseq in delta.changed:
        at = bisect_left(uid, number)
        if at < len(uid) and uid[at] == number:
            flags[at], modseqs[at] = code, modseq
    if delta.vanished:
        kept = _kept(uid, delta.vanished)
        uid, flags, modseqs, size, date, email = (
            _pieces(column, kept) for column in (uid, flags, modseqs, size, date, email)
        )
    if delta.added is not None:
        new = delta.added
        uid, flags, modseqs = uid + new.uid, flags + new.flags, modseqs + new.modseqs
        size, date, email = size + new.size, date + new.date, email + new.email
    return Columns(
        delta.modseq, before.uidvalidity, delta.uidnext, before.table,
        uid, flags, modseqs, size, date, email,
    )  # fmt: skip


def _kept(uids: "array[int]", gone: Iterable[int]) -> list[slice]:
    """Where those stand that stay: few steps, however large the mailbox is."""
    kept, start = [], 0
    for number in sorted(gone):
        at = bisect_left(uids, number, start)
        if at < len(uids) and uids[at] == number:
            kept.append(slice(start, at))
            start = at + 1
    return [*kept, slice(start, len(uids))]


def _pieces(column: "array[int]", kept: Iterable[slice]) -> "array[int]":
    found = array(column.typecode)
    for piece in kept:
        found += column[piece]
    return found


def current(shelf: Shelf, mailbox: MailboxId) -> Columns | None:
    """The version that some session still holds, if any."""
    return shelf.versions.get(mailbox)
