"""Messages that leave: rows in one transaction, files afterwards, in the background.

A file goes to ``removed/`` beside the Maildir, where undoing still finds it, and is
unlinked when its time has passed. Its row in ``removed`` stays until then, so that a
file that was not moved yet is never taken for new; ``path`` tells where in the mailbox
such a file lies.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter

from mailsuite.model.changes import Stored
from mailsuite.model.ids import MailboxId, ModSeq, Uid
from mailsuite.store import maildir
from mailsuite.store.box import Box
from mailsuite.store.index import VANISHED, Index
from mailsuite.store.reading import NO_ROWS, Done, RawDelta, as_json, rows_of
from mailsuite.store.undo import transaction

LEFT_AT_ONCE = 500  # moved in one call of the lane
CLEAN_ROWS = 1_000  # unlinked in one call of the lane

Leaving = tuple[int, str, str]
"""Mailbox, base name, path below the mailbox's directory."""


def expunge(index: Index, box: Box, uids: Sequence[int]) -> Done:
    """Remove messages; rows are committed, the barrier is the caller's."""
    wanted = sorted(set(uids))
    rows = rows_of(index, box, wanted)
    found = {row[0] for row in rows}
    missing = [Uid(uid) for uid in wanted if uid not in found]
    if not rows:
        return Done(Stored(ModSeq(box.modseq), [], missing))
    before = box.modseq
    index.reserve({})
    with index.change() as modseq:
        drop(index, box, rows, modseq, "expunged")
    gone, now = [Uid(row[0]) for row in rows], ModSeq(box.modseq)
    told = RawDelta(now, box.uidnext, NO_ROWS, NO_ROWS, gone)
    return Done(Stored(now, gone, missing), before, told)


def drop(
    index: Index,
    box: Box,
    rows: Sequence[Sequence[int]],
    modseq: int,
    reason: str,
) -> None:
    """Take rows out within a transaction; their files follow (:func:`follow`).

    ``reason`` stands in ``removed``; empty when the files are gone already.
    """
    uids = as_json(row[0] for row in rows)
    chosen = "mailbox = ? AND uid IN (SELECT value FROM json_each(?))"
    execute = index.rows.execute
    emails = {row[0]: row[5] for row in rows}
    if reason:
        execute(
            "INSERT OR REPLACE INTO removed SELECT mailbox, base, uid, email,"
            " place || '/' || base || CASE place WHEN 'new' THEN '' ELSE ? || letters END,"
            " ?, ?"
            f" FROM file JOIN message USING (mailbox, uid) WHERE {chosen}",
            (maildir.INFO, reason, index.ground.wall(), box.id, uids),
        )
        index.leaving = index.lagging = True
    execute(
        "INSERT OR REPLACE INTO expunged SELECT ?, mailbox, uid, email"
        f" FROM message WHERE {chosen}",
        (modseq, box.id, uids),
    )
    for table in ("message", "file", "lagging"):
        execute(f"DELETE FROM {table} WHERE {chosen}", (box.id, uids))
    _drop_scans(index, emails.values())
    for row in rows:
        box.count(row[1], -1, -row[3])
    box.dead += len(rows)
    if box.pending:
        box.pending = [entry for entry in box.pending if entry.uid not in emails]
    index.touch(box, VANISHED, emails.items())


def _drop_scans(index: Index, emails: Iterable[int]) -> None:
    """Forget scans of emails of which no copy is left."""
    some = as_json(emails)
    index.rows.execute(
        "DELETE FROM wide WHERE email IN (SELECT value FROM json_each(?))"
        " AND email NOT IN (SELECT email FROM message WHERE email IN"
        " (SELECT value FROM json_each(?)))",
        (some, some),
    )


def follow(index: Index) -> bool:
    """Move some files of removed rows away; True: more of them are left."""
    if index.leaving:
        rows = index.rows.execute(
            "SELECT mailbox, base, path FROM removed WHERE path != '' LIMIT ?",
            (LEFT_AT_ONCE,),
        ).fetchall()
        if rows:
            leave(index, rows)
        index.leaving = len(rows) == LEFT_AT_ONCE
    return index.leaving


def leave(index: Index, rows: Sequence[Leaving]) -> None:
    """Move files of removed rows out of their Maildirs."""

    def move(mailbox: int, base: str, path: str) -> None:
        os.rename(path, resting_place(index, mailbox, base))

    _each(index, rows, move)
    with transaction(index.rows):
        index.rows.executemany(
            "UPDATE removed SET path = '' WHERE mailbox = ? AND base = ?",
            [row[:2] for row in rows],
        )


def _each(
    index: Index, rows: Sequence[Leaving], act: Callable[[int, str, str], None]
) -> None:
    """Act on every file, wherever in its Maildir it is; others may have been quicker."""
    for mailbox, files in groupby(rows, itemgetter(0)):
        box = index.boxes.get(MailboxId(mailbox))
        if box is None or not box.selectable:
            continue  # its folder was moved as a whole
        listing: dict[str, maildir.Found] | None = None
        with index.filing(box):
            for _, base, path in files:
                try:
                    act(mailbox, base, f"{box.path}/{path}")
                except FileNotFoundError:
                    if listing is None:
                        listing = maildir.listing(box.path)
                    found = listing.get(base)
                    if found is not None:
                        with suppress(FileNotFoundError):
                            act(mailbox, base, f"{box.path}/{found.relative}")


def _unlink(_mailbox: int, _base: str, path: str) -> None:
    os.unlink(path)


def resting_place(index: Index, mailbox: int, base: str) -> str:
    """Where a removed file waits to be unlinked."""
    name = f"{mailbox}.{base}"
    if len(os.fsencode(name)) > 250:  # NAME_MAX is 255
        name = f"{mailbox}.{hashlib.sha256(os.fsencode(base)).hexdigest()}"
    return os.path.join(index.place.removed, name)


def clean(index: Index, age: float) -> bool:
    """Unlink what was removed ``age`` seconds ago; True if there is more of it."""
    before = index.ground.wall() - age
    rows = index.rows.execute(
        "SELECT mailbox, base, path FROM removed WHERE at <= ? LIMIT ?",
        (before, CLEAN_ROWS),
    ).fetchall()
    if not rows:
        return False
    _each(index, [row for row in rows if row[2]], _unlink)
    for mailbox, base, _ in rows:
        maildir.discard(resting_place(index, mailbox, base))
    with transaction(index.rows):
        index.rows.executemany(
            "DELETE FROM removed WHERE mailbox = ? AND base = ?",
            [row[:2] for row in rows],
        )
    return len(rows) == CLEAN_ROWS
