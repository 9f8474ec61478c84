"""What other programs did to a Maildir: new files, other flags, missing files.

A file counts as gone only when two listings did not show it, the second of them
with directories that did not change meanwhile: one listing during renames misses
files. Flags merge three ways: what the name was when we last saw it, what it is on
disk, what the row says.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from attrs import frozen

from mailsuite.interfaces.mailboxes import LimitReached
from mailsuite.model.flags import Flags
from mailsuite.model.ids import QueueId
from mailsuite.store import expunge, flags, letters, maildir, respelling, uidlist
from mailsuite.store.box import Box
from mailsuite.store.index import Index
from mailsuite.store.insert import Row, insert
from mailsuite.store.likeness import Claims
from mailsuite.store.reading import LINED_OCTETS, bare, rows_of
from mailsuite.store.undo import transaction

RELIST_SECONDS = 60.0  # when our own changes may have hidden another's
ROWS_AT_ONCE = 500  # of new files in one transaction
LISTINGS = 5  # tries for a quiet moment
YOUNG = 20_000_000  # nanoseconds: a second change may have the same mtime

_LEADING = re.compile(r"[0-9]{1,12}")
_ONCE = re.compile(r"[0-9]+\.Q([0-9A-Z]+)R([0-9]+)A([0-9]+)\.")
_Done = tuple[str, int, int, int, int, int, int, int]
_Known = Mapping[str, tuple[int, str, str]]


def stale(index: Index, box: Box) -> bool:
    """Whether a mailbox's directories may hold what its rows do not."""
    disk = box.disk
    if disk.mtimes is None or maildir.mtimes(box.path) != disk.mtimes:
        return True
    return disk.own and index.ground.seconds() - disk.listed > RELIST_SECONDS


def unseen(index: Index, box: Box) -> bool:
    """Whether nobody looked at a mailbox since the kill that left it open."""
    return index.unclean and box.selectable and box.disk.listed < 0


@frozen
class _Sight:
    """What the listings showed; ``gone`` are base names that surely are."""

    found: Mapping[str, maildir.Found]
    gone: frozenset[str]
    mtimes: tuple[int, int] | None


def merge(index: Index, box: Box) -> None:
    """Bring rows to what the directories hold. The account's turn is held."""
    known: dict[str, tuple[int, str, str]] = {
        base: (uid, place, marks)
        for uid, base, place, marks in index.rows.execute(
            "SELECT uid, base, place, letters FROM file WHERE mailbox = ?", (box.id,)
        ).fetchall()
    }
    sight = _look(index, box, known)
    if sight.gone:
        _vanish(index, box, [known[base][0] for base in sight.gone])
    _regard(index, box, known, sight.found)
    fresh = [found for base, found in sight.found.items() if base not in known]
    if fresh:
        _adopt(index, box, fresh)
    if index.unclean or index.fresh:
        box.relist = index.lagging = True
    disk = box.disk
    disk.listed, disk.own = index.ground.seconds(), False
    young = index.ground.wall() * 1e9 - max(sight.mtimes or (0, 0)) < YOUNG
    disk.mtimes = None if young else sight.mtimes


def _look(index: Index, box: Box, known: _Known) -> _Sight:
    maildir.make(box.path)
    before: tuple[int, int] | None = maildir.mtimes(box.path)
    found, strange = maildir.look(box.path)
    if strange:
        with index.filing(box):
            respelling.settle(box.path, strange, found)
        before = maildir.mtimes(box.path)
        found = maildir.listing(box.path)
    missing = known.keys() - found.keys()
    gone: frozenset[str] = frozenset()
    for _ in range(LISTINGS if missing else 0):
        before = maildir.mtimes(box.path)
        found = maildir.listing(box.path)
        if maildir.mtimes(box.path) == before:
            gone = frozenset(missing - found.keys())
            break
        before = None
    return _Sight(found, gone, before)


def _vanish(index: Index, box: Box, uids: Sequence[int]) -> None:
    """Messages whose files others removed; their deliveries may happen again."""
    index.reserve({})
    rows = rows_of(index, box, sorted(uids))
    with index.change() as modseq:
        expunge.drop(index, box, rows, modseq, "")
        gone = {row[0] for row in rows}
        keys = [
            key for key, (mailbox, uid, _, _) in index.once.items()
            if mailbox == box.id and uid in gone
        ]  # fmt: skip
        index.rows.executemany(
            "DELETE FROM once WHERE source = ? AND recipient = ? AND action = ?", keys
        )
    for key in keys:
        del index.once[key]


def _regard(
    index: Index, box: Box, known: _Known, found: Mapping[str, maildir.Found]
) -> None:
    """Merge flags of files whose names changed."""
    moved = []
    merged: dict[int, maildir.Found] = {}
    for base, (uid, place, marks) in known.items():
        now = found.get(base)
        if now is not None and (now.place != place or now.letters != marks):
            moved.append((now.place, now.letters, box.id, uid))
            if now.letters != marks:
                merged[uid] = now
    if not moved:
        return
    before = {known[now.base][0]: known[now.base][2] for now in merged.values()}
    changes, late = [], []
    for uid, code, _, size, _, email in rows_of(index, box, sorted(merged)):
        theirs = letters.flags_of(merged[uid].letters, box.keywords)
        last = letters.flags_of(before[uid], box.keywords)
        ours = box.sets[code]
        result: Flags = (ours | (theirs - last)) - (last - theirs)
        if result != ours:
            changes.append((uid, code, box.code(box.spell(result)), size, email))
        if result != theirs:
            late.append(uid)
    if changes:
        flags.write(index, box, changes, late)
    else:
        flags.mark(index, box, late)
    _write_names(index, moved)  # last: who comes so far no more merges them again


def _write_names(index: Index, moved: Sequence[tuple[str, str, int, int]]) -> None:
    with transaction(index.rows):
        index.rows.executemany(
            "UPDATE file SET place = ?, letters = ? WHERE mailbox = ? AND uid = ?",
            moved,
        )


def _order(found: maildir.Found) -> tuple[int, str]:
    match = _LEADING.match(found.base)
    return (int(match.group()) if match else 0, found.base)


def _adopt(index: Index, box: Box, fresh: Sequence[maildir.Found]) -> None:
    """Make rows of files that have none, with their old UIDs where a list tells."""
    leaving = _leaving(index, box, fresh)
    gone = [(box.id, f.base, f.relative) for f in fresh if f.base in leaving]
    if gone:
        expunge.leave(index, gone)
    new = sorted((f for f in fresh if f.base not in leaving), key=_order)
    old: dict[str, uidlist.Entry] = {}
    if index.fresh or index.unclean:
        old = uidlist.read(box.path).entries
        taken = _taken(index, box, old)
        old = {base: e for base, e in old.items() if e.uid not in taken}
    listed = [f for f in new if f.base in old]
    listed.sort(key=lambda f: old[f.base].uid)
    new = [f for f in new if f.base not in old]
    for some in _chunks(listed) + _chunks(new):
        _adopt_some(index, box, some, old)


def _leaving(index: Index, box: Box, fresh: Sequence[maildir.Found]) -> set[str]:
    """Those of messages that were expunged, whose files have not been moved yet."""
    return {
        base
        for some in _chunks(fresh)
        for (base,) in index.rows.execute(
            "SELECT base FROM removed WHERE mailbox = ?"
            " AND base IN (SELECT value FROM json_each(?))",
            (box.id, json.dumps([f.base for f in some])),
        ).fetchall()
    }


def _taken(index: Index, box: Box, old: Mapping[str, uidlist.Entry]) -> set[int]:
    if not old:
        return set()
    rows = rows_of(index, box, [entry.uid for entry in old.values()])
    gone = index.rows.execute(
        "SELECT uid FROM expunged WHERE mailbox = ?", (box.id,)
    ).fetchall()
    return {row[0] for row in rows} | {uid for (uid,) in gone}


def _chunks(found: Sequence[maildir.Found]) -> list[Sequence[maildir.Found]]:
    return [found[n : n + ROWS_AT_ONCE] for n in range(0, len(found), ROWS_AT_ONCE)]


def _adopt_some(
    index: Index,
    box: Box,
    some: Sequence[maildir.Found],
    old: Mapping[str, uidlist.Entry],
) -> None:
    told = {f.base: old[f.base].email for f in some if f.base in old}
    claims = Claims.of(index, told.values())
    index.email = max(index.email, *told.values()) if told else index.email
    index.reserve({box: len(some)}, len(some))
    rows = []
    uidnext = box.uidnext
    for found in some:
        measured = _measure(box, found)
        if measured is None or _torn(index, box, found, measured[0]):
            continue
        entry = old.get(found.base)
        uid = entry.uid if entry else uidnext
        uidnext = max(uidnext, uid + 1)
        index.email += 1
        email = told.get(found.base, 0)
        if not email or not claims.grants(email, f"{box.path}/{found.relative}"):
            email = index.email
        marks = letters.flags_of(found.letters, box.keywords)
        code = box.code(_spelled(box, marks, entry))
        rows.append(
            Row(uid, code, *measured, email, found.base, found.place, found.letters)
        )
    if rows:
        with index.change() as modseq:
            insert(index, box, rows, modseq)
            done = _deliveries(index, box, rows)
            index.rows.executemany(
                "INSERT OR IGNORE INTO once VALUES (?, ?, ?, ?, ?, ?, ?, ?)", done
            )
        index.once.update({row[:3]: row[4:] for row in done})
        index.email = max(index.email, *(row.email for row in rows))


def _torn(index: Index, box: Box, found: maildir.Found, size: int) -> bool:
    """Whether a power cut left only part of a file; the journal has it whole."""
    if not index.unclean or not maildir.is_own(found.base):
        return False
    if size >= maildir.stated_size(found.base):
        return False
    with suppress(FileNotFoundError):
        os.rename(
            f"{box.path}/{found.relative}",
            expunge.resting_place(index, box.id, f"torn.{found.base}"),
        )
    return True


def _deliveries(index: Index, box: Box, rows: Sequence[Row]) -> list[_Done]:
    """Rows of ``once`` that the names of delivered files witness."""
    done: list[_Done] = []
    for row in rows:
        match = _ONCE.match(row.base)
        if match is not None:
            source, recipient, action = match.groups()
            with suppress(ValueError):
                epoch = index.ground.memory(QueueId(source))
                key = (source, int(recipient), int(action))
                done.append((*key, epoch, box.id, row.uid, row.email, 1))
    return done


def _spelled(box: Box, told: Flags, entry: uidlist.Entry | None) -> Flags:
    with suppress(LimitReached):
        return box.spell(told.union(entry.keywords if entry else ()))
    return box.spell(told)


def _measure(box: Box, found: maildir.Found) -> tuple[int, int] | None:
    """Size with CRLF line ends, and date; None: the file is not to be had."""
    path = f"{box.path}/{found.relative}"
    try:
        status = os.stat(path, follow_symlinks=False)
        if (status.st_mode & 0o170000) != 0o100000:
            return None
        size = status.st_size
        own = maildir.is_own(found.base) and maildir.stated_size(found.base) == size
        if not own and size <= LINED_OCTETS:
            with open(maildir.open_read(path), "rb") as file:
                size += bare(file.read())
    except OSError:
        return None
    return size, int(status.st_mtime)
