"""What follows the index at leisure: names of files, UID lists, old files."""

import errno
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from mailsuite.store import expunge, letters, maildir, spare, uidlist
from mailsuite.store.box import Box
from mailsuite.store.index import Index
from mailsuite.store.uidlist import Entry
from mailsuite.store.undo import transaction

NAMES_AT_ONCE = 500  # renamed in one call of the lane
DEAD_LINES = 1_000  # in a UID list before it is written anew


def tidy(index: Index) -> bool:
    """Bring files of an account up to its rows; True: more is left to do.

    They lag on where that fails.
    """
    if not index.lagging:
        return False
    more = expunge.follow(index)
    for box in index.boxes.values():
        if box.selectable:
            more = _rename(index, box) or more
            _list(index, box)
    index.lagging = more
    return more


def finish(index: Index) -> None:
    """As :func:`tidy`, to the end."""
    while tidy(index):
        pass


def _rename(index: Index, box: Box) -> bool:
    rows = index.rows.execute(
        "SELECT lagging.uid, base, place, letters, flags FROM lagging"
        " JOIN file USING (mailbox, uid) JOIN message USING (mailbox, uid)"
        " WHERE lagging.mailbox = ? LIMIT ?",
        (box.id, NAMES_AT_ONCE),
    ).fetchall()
    if not rows:
        return False
    done: list[tuple[str, int, int]] = []
    with index.filing(box):
        for uid, base, place, before, code in rows:
            marks = letters.letters_of(box.sets[code], box.keywords, before)
            if place == "new" and not marks and uid >= box.recent:
                continue
            old = f"{box.path}/{maildir.relative(base, place, before)}"
            new = f"{box.path}/{maildir.relative(base, 'cur', marks)}"
            try:
                if old != new:
                    maildir.rename(old, new)
            except (FileNotFoundError, FileExistsError):
                box.disk.mtimes = None
                continue
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                continue  # its row alone tells its flags
            done.append((marks, box.id, uid))
    _settle(index, box, done, [row[0] for row in rows])
    return len(rows) == NAMES_AT_ONCE


def _settle(
    index: Index, box: Box, done: Sequence[tuple[str, int, int]], uids: Sequence[int]
) -> None:
    with transaction(index.rows):
        index.rows.executemany(
            "UPDATE file SET place = 'cur', letters = ? WHERE mailbox = ? AND uid = ?",
            done,
        )
        index.rows.executemany(
            "DELETE FROM lagging WHERE mailbox = ? AND uid = ?",
            [(box.id, uid) for uid in uids],
        )


def _list(index: Index, box: Box) -> None:
    pending, box.pending = box.pending, []
    if not box.relist and box.dead <= DEAD_LINES + box.messages:
        if not pending:
            return
        try:
            if uidlist.append(box.path, [entry.line() for entry in pending]):
                return
        except OSError:
            box.pending = pending + box.pending
            raise
    _relist(index, box)


def _relist(index: Index, box: Box) -> None:
    """Write a mailbox's UID list anew from its rows."""
    late = set(box.keywords[letters.LETTERED :])
    entries = []
    for uid, base, email, code in index.rows.execute(
        "SELECT uid, base, email, flags FROM file JOIN message USING (mailbox, uid)"
        " WHERE mailbox = ? ORDER BY uid",
        (box.id,),
    ).fetchall():
        told = tuple(sorted(late.intersection(box.sets[code]))) if late else ()
        entries.append(Entry(uid, base, email, told))
    head = uidlist.header(box.uidvalidity, box.uid_limit, box.guid)
    uidlist.write(box.path, head, entries)
    box.relist, box.dead = False, 0


def clean_tmp(index: Index, age: float) -> None:
    """Unlink leftovers in ``tmp``: ours at once, those of others after ``age``.

    Others give their files the date of arrival while they lie there: ctime tells.
    """
    before = index.ground.wall() - age
    for box in index.boxes.values():
        directory = os.path.join(box.path, "tmp")
        with suppress(FileNotFoundError):
            for name in os.listdir(directory):
                path = os.path.join(directory, name)
                with suppress(OSError):  # it may have got its place meanwhile
                    if maildir.is_own(name) or os.lstat(path).st_ctime < before:
                        os.unlink(path)


def make_room(index: Index) -> None:
    """On a full disk: give up spare room, removed files and the databases' logs.

    Flags can be set and mail be expunged then, which leads out of it.
    """
    spare.spend(index.ground.data)
    with suppress(sqlite3.Error, OSError):
        while expunge.clean(index, 0.0):
            pass
    for database in (index.rows, index.facts.database):
        with suppress(sqlite3.Error):
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
