"""Messages that leave: rows in one transaction, files afterwards.

A file goes to ``removed/`` beside the Maildir, where open sessions and undoing
still find it, and is unlinked when its time has passed. Its row in ``removed``
stays until then, so that a file that was not moved yet is never taken for new.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

from mailsuite.model.changes import Stored
from mailsuite.model.ids import ModSeq, Uid
from mailsuite.store import maildir
from mailsuite.store.box import Box
from mailsuite.store.index import VANISHED, Index
from mailsuite.store.reading import NO_ROWS, Done, RawDelta, as_json, rows_of

CLEAN_ROWS = 1_000  # unlinked in one call of the lane


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
        files = drop(index, box, rows, modseq, "expunged")
    leave(index, box, files)
    gone, now = [Uid(row[0]) for row in rows], ModSeq(box.modseq)
    told = RawDelta(now, box.uidnext, NO_ROWS, NO_ROWS, gone)
    return Done(Stored(now, gone, missing), before, told)


def drop(
    index: Index,
    box: Box,
    rows: Sequence[Sequence[int]],
    modseq: int,
    reason: str,
) -> list[tuple[str, str, str]]:
    """Take rows out within a transaction; gives their files' names.

    ``reason`` stands in ``removed``; empty when the files are gone already.
    """
    uids = as_json(row[0] for row in rows)
    chosen = "mailbox = ? AND uid IN (SELECT value FROM json_each(?))"
    execute = index.rows.execute
    files = execute(
        f"SELECT base, place, letters, uid FROM file WHERE {chosen}", (box.id, uids)
    ).fetchall()
    emails = {row[0]: row[5] for row in rows}
    if reason:
        index.rows.executemany(
            "INSERT OR REPLACE INTO removed VALUES (?, ?, ?, ?, '', ?, ?)",
            [
                (box.id, file[0], file[3], emails[file[3]], reason, index.ground.wall())
                for file in files
            ],
        )
    for table in ("message", "file", "lagging", "staged"):
        execute(f"DELETE FROM {table} WHERE {chosen}", (box.id, uids))
    index.rows.executemany(
        "INSERT OR REPLACE INTO expunged VALUES (?, ?, ?, ?)",
        [(modseq, box.id, row[0], row[5]) for row in rows],
    )
    _drop_scans(index, emails.values())
    for row in rows:
        box.count(row[1], -1, -row[3])
    box.dead += len(rows)
    if box.pending:
        box.pending = [entry for entry in box.pending if entry.uid not in emails]
    index.touch(box, VANISHED, emails.items())
    return [file[:3] for file in files]


def _drop_scans(index: Index, emails: Iterable[int]) -> None:
    """Forget scans of emails of which no copy is left."""
    some = as_json(emails)
    index.rows.execute(
        "DELETE FROM wide WHERE email IN (SELECT value FROM json_each(?))"
        " AND email NOT IN (SELECT email FROM message WHERE email IN"
        " (SELECT value FROM json_each(?)))",
        (some, some),
    )


def leave(index: Index, box: Box, files: Iterable[tuple[str, str, str]]) -> None:
    """Move files of removed rows out of the Maildir, wherever in it they are."""
    listing: dict[str, maildir.Found] | None = None
    with index.filing(box):
        for base, place, letters in files:
            target = resting_place(index, box.id, base)
            try:
                os.rename(
                    f"{box.path}/{maildir.relative(base, place, letters)}", target
                )
            except FileNotFoundError:
                if listing is None:
                    listing = maildir.listing(box.path)
                found = listing.get(base)
                if found is not None:
                    with suppress(FileNotFoundError):
                        os.rename(f"{box.path}/{found.relative}", target)


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
        "SELECT mailbox, base FROM removed WHERE at <= ? LIMIT ?", (before, CLEAN_ROWS)
    ).fetchall()
    for mailbox, base in rows:
        maildir.discard(resting_place(index, mailbox, base))
    if rows:
        index.rows.executemany(
            "DELETE FROM removed WHERE mailbox = ? AND base = ?", rows
        )
    return len(rows) == CLEAN_ROWS
