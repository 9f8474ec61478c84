"""STORE on the lane: rows at once, names of files later (RFC 3501 §6.4.6)."""

from array import array
from collections.abc import Callable, Sequence

from mailsuite.model.changes import Stored
from mailsuite.model.flags import Flags
from mailsuite.model.ids import ModSeq, Uid
from mailsuite.store.box import Box
from mailsuite.store.index import CHANGED, Index
from mailsuite.store.reading import (
    NO_ROWS,
    Done,
    Flagged,
    RawDelta,
    as_json,
    rows_of,
)
from mailsuite.store.undo import transaction

_UPDATE_ONE = "UPDATE message SET flags = ?, modseq = ? WHERE mailbox = ? AND uid = ?"
_UPDATE = (
    "UPDATE message SET flags = ?, modseq = ? WHERE mailbox = ?"
    " AND uid IN (SELECT value FROM json_each(?))"
)

_Fate = Callable[[Flags], Flags]
_Change = tuple[int, int, int, int, int]
"""UID, code, new code, size, email."""


def store(index: Index, box: Box, uids: Sequence[int], add: Flags, drop: Flags) -> Done:
    """Add and drop flags. :raises LimitReached: too many keywords."""
    add, drop = box.spell(add), _known(box, drop)
    return _apply(index, box, uids, lambda flags: (flags - drop) | add)


def replace(index: Index, box: Box, uids: Sequence[int], flags: Flags) -> Done:
    """Set flags to exactly these, as :func:`store`."""
    flags = box.spell(flags)
    return _apply(index, box, uids, lambda _: flags)


def _known(box: Box, flags: Flags) -> Flags:
    """Flags to drop: a keyword that the mailbox never had needs no learning."""
    return box.spell(
        frozenset(f for f in flags if f[:1] == "\\" or f.lower() in box.spelled)
    )


def _apply(index: Index, box: Box, uids: Sequence[int], fate: _Fate) -> Done:
    wanted = sorted(set(uids))
    rows = rows_of(index, box, wanted)
    found = {row[0] for row in rows}
    missing = [Uid(uid) for uid in wanted if uid not in found]
    codes: dict[int, int] = {}
    changes = []
    for uid, code, _, size, _, email in rows:
        after = codes.get(code)
        if after is None:
            after = codes[code] = box.code(fate(box.sets[code]))
        if after != code:
            changes.append((uid, code, after, size, email))
    if not changes:
        return Done(Stored(ModSeq(box.modseq), [], missing))
    before = ModSeq(box.modseq)
    write(index, box, changes)
    touched = [Uid(row[0]) for row in changes]
    stored = Stored(ModSeq(box.modseq), touched, missing, before)
    return Done(stored, before, _told(box, changes))


def _told(box: Box, changes: Sequence[_Change]) -> RawDelta:
    """What a session is told of its own change."""
    uid = array("L", [change[0] for change in changes])
    flags = array("L", [change[2] for change in changes])
    modseq = array("Q", [box.modseq]) * len(changes)
    changed = Flagged(uid, flags, modseq, frozenset(flags))
    return RawDelta(ModSeq(box.modseq), box.uidnext, NO_ROWS, changed, [])


def write(
    index: Index,
    box: Box,
    changes: Sequence[_Change],
    lagging: Sequence[int] | None = None,
) -> None:
    """Give messages new flags.

    A trigger marks their files as lagging; ``lagging`` names others than all of them.
    """
    index.reserve({})
    by_code: dict[int, list[int]] = {}
    for uid, _, after, _, _ in changes:
        by_code.setdefault(after, []).append(uid)
    single = len(by_code) == 1 and lagging is None and box.is_written
    with index.change(single=single) as modseq:
        for after, some in by_code.items():
            _update(index, box, some, after, modseq)
        if lagging is not None:
            _unmark(index, box, [change[0] for change in changes])
            mark(index, box, lagging)
        for _, before, after, size, _ in changes:
            box.count(before, -1, -size)
            box.count(after, 1, size)
        index.touch(box, CHANGED, [(change[0], change[4]) for change in changes])
    index.lagging = True
    if len(box.keywords) > 26:
        box.relist = True


def _update(
    index: Index, box: Box, uids: Sequence[int], code: int, modseq: int
) -> None:
    """Write the new flags; one message, which is what most clients change, by itself."""
    one = len(uids) == 1
    index.rows.execute(
        _UPDATE_ONE if one else _UPDATE,
        (
            code,
            modseq,
            box.id,
            uids[0] if one else as_json(uids),
        ),
    )


def _unmark(index: Index, box: Box, uids: Sequence[int]) -> None:
    index.rows.execute(
        "DELETE FROM lagging WHERE mailbox = ?"
        " AND uid IN (SELECT value FROM json_each(?))",
        (box.id, as_json(uids)),
    )


def mark(index: Index, box: Box, uids: Sequence[int]) -> None:
    """Remember that names of files do not tell the flags of rows."""
    if uids:
        index.lagging = True
        index.rows.execute(
            "INSERT OR IGNORE INTO lagging SELECT ?, value FROM json_each(?)",
            (box.id, as_json(uids)),
        )


def claim_recent(index: Index, box: Box, *, look: bool) -> tuple[Uid, Uid]:
    """Take RECENT, or ``look`` at it: UIDs that were in no session.

    From the first and before the second; files that are taken leave ``new``.
    """
    first, end = Uid(box.recent), Uid(box.uidnext)
    if first < end and not look:
        with transaction(index.rows):
            index.rows.execute(
                "INSERT OR REPLACE INTO box VALUES (?, ?, ?, ?)",
                (box.id, box.uidnext, box.uidnext, box.modseq),
            )
            index.rows.execute(
                "INSERT OR IGNORE INTO lagging SELECT mailbox, uid FROM file"
                " WHERE mailbox = ? AND uid >= ? AND place = 'new'",
                (box.id, first),
            )
        box.recent = end
        index.lagging = True
    return min(first, end), end


def recent(index: Index, box: Box) -> int:
    """How many messages were in no session yet."""
    if box.recent >= box.uidnext:
        return 0
    row = index.rows.execute(
        "SELECT count(*) FROM message WHERE mailbox = ? AND uid >= ?",
        (box.id, box.recent),
    ).fetchone()
    return int(row[0])
