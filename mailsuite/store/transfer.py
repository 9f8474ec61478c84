"""COPY and MOVE on the lane (RFC 3501 §6.4.7, RFC 6851).

It is noted how the names of the links begin, these are made where they belong, then
rows of both mailboxes change in one transaction that takes the note away. What a kill
leaves of the links is undone as long as the note stands, so that a message is in
exactly one box after a MOVE, and a COPY done or not done.
"""

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from attrs import frozen

from mailsuite.model.changes import UidMap
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import MailboxId, Uid
from mailsuite.store import letters, maildir
from mailsuite.store.append import told as known
from mailsuite.store.box import Box
from mailsuite.store.expunge import drop
from mailsuite.store.index import Index
from mailsuite.store.insert import Row, insert
from mailsuite.store.reading import as_json, rows_of
from mailsuite.store.undo import failing

_NOTE = "INSERT OR REPLACE INTO meta VALUES ('links', ?)"
_NOTED = "DELETE FROM meta WHERE key = 'links'"
_STAGED = (
    "SELECT mailbox, base, place, letters FROM staged JOIN file USING (mailbox, uid)"
)
SYNCED_ALONE = 200  # files; for more the whole file system is synced


@frozen
class Transfer:
    """What is asked for; ``stem`` and a number make the new names."""

    source: MailboxId
    uids: Sequence[int]
    target: MailboxId | str
    move: bool
    stem: str


@frozen
class Done:
    """What was done: files ``names`` below ``path`` are to be synced."""

    map: UidMap
    path: str
    names: Sequence[str]


def sizes(index: Index, asked: Transfer) -> tuple[int, int]:
    """Messages and octets that a copy would add, for the quota."""
    rows = rows_of(index, index.box(asked.source), sorted(set(asked.uids)))
    return len(rows), sum(row[3] for row in rows)


def transfer(index: Index, asked: Transfer) -> Done:
    """Do it. Durable after the caller's barrier; files are synced by it too.

    :raises NoSuchMailbox, NoSpace, Damaged: nothing was done.
    """
    source, target = index.box(asked.source), index.box(asked.target)
    rows = rows_of(index, source, sorted(set(asked.uids)))
    if not rows:
        return Done(UidMap(target.uidvalidity, [], []), target.path, [])
    index.reserve({target: len(rows)})
    linked: list[str] = []
    index.rows.execute(_NOTE, (json.dumps([target.id, asked.stem]),))
    with failing(_discard, index, linked):
        with index.filing(target):
            made = _link_all(index, asked.stem, (source, target), rows, linked)
        with index.change() as modseq:
            if asked.move:
                drop(index, source, rows, modseq, "moved")
            insert(index, target, made, modseq)
            index.rows.execute(_NOTED)
    told = UidMap(
        target.uidvalidity,
        [Uid(row[0]) for row in rows],
        [Uid(row.uid) for row in made],
    )
    return Done(
        told,
        target.path,
        [maildir.relative(row.base, row.place, row.letters) for row in made],
    )


def _discard(index: Index, paths: Sequence[str]) -> None:
    for path in paths:
        maildir.discard(path)
    with suppress(sqlite3.Error):
        index.rows.execute(_NOTED)


def _link_all(
    index: Index,
    stem: str,
    boxes: tuple[Box, Box],
    rows: Sequence[Sequence[int]],
    linked: list[str],
) -> list[Row]:
    """Link every message into the target; ``linked`` gets the paths."""
    source, target = boxes
    files = {
        file[0]: file[1:]
        for file in index.rows.execute(
            "SELECT uid, base, place, letters FROM file WHERE mailbox = ?"
            " AND uid IN (SELECT value FROM json_each(?))",
            (source.id, as_json(row[0] for row in rows)),
        ).fetchall()
    }
    made: list[Row] = []
    codes: dict[int, tuple[int, str]] = {}
    for number, (uid, code, _, size, date, email) in enumerate(rows):
        if code not in codes:
            flags = target.spell(source.sets[code])
            marks = letters.letters_of(flags, target.keywords)
            codes[code] = (target.code(flags), marks)
        after, marks = codes[code]
        base = f"{stem}D{number}.{index.ground.host},S={size}"
        path = f"{target.path}/{maildir.relative(base, 'cur', marks)}"
        try:
            _link(source, files[uid], path, target.temporary(base))
        except OSError as error:
            raise known(error) from error
        linked.append(path)
        to = target.uidnext + number
        made.append(Row(to, after, size, date, email, base, "cur", marks))
    return made


def _link(source: Box, file: tuple[str, str, str], path: str, by: str) -> None:
    base = file[0]
    old = f"{source.path}/{maildir.relative(*file)}"
    try:
        _link_or_copy(old, path, by)
    except FileNotFoundError:
        found = maildir.locate(source.path, base)
        if found is None:
            raise Damaged(f"the file of {base} is gone") from None
        _link_or_copy(f"{source.path}/{found.relative}", path, by)


def _link_or_copy(old: str, path: str, by: str) -> None:
    """Link our own files; what strangers wrote, and may change, is copied ``by`` tmp."""
    status = os.stat(old, follow_symlinks=False)
    ours = status.st_uid == os.geteuid() and status.st_mode & 0o7777 == 0o600
    if ours and maildir.is_own(os.path.basename(old)):
        with suppress(OSError):
            os.link(old, path, follow_symlinks=False)
            return
    descriptor = maildir.open_read(old)
    with open(descriptor, "rb") as file:
        maildir.write(by, [file.read()], status.st_mtime)
    with failing(maildir.discard, by):
        os.rename(by, path)


def undo(index: Index) -> None:
    """Unlink what a kill left of a COPY or MOVE, at the first opening after it."""
    row = index.rows.execute("SELECT value FROM meta WHERE key = 'links'").fetchone()
    if row is None:
        return
    mailbox, stem = json.loads(row[0])
    box = index.boxes.get(MailboxId(mailbox))
    if box is not None:
        for base, found in maildir.listing(box.path).items():
            if base.startswith(f"{stem}D"):
                maildir.discard(f"{box.path}/{found.relative}")
    index.rows.execute(_NOTED)


def finish(index: Index) -> None:
    """Name links that an earlier release left in ``tmp`` when it was killed.

    Its rows of both mailboxes had changed by then; it noted such links in ``staged``.
    """
    staged = index.rows.execute(_STAGED).fetchall()
    for mailbox, base, place, marks in staged:
        box = index.boxes.get(MailboxId(mailbox))
        if box is not None:
            path = f"{box.path}/{maildir.relative(base, place, marks)}"
            with suppress(FileNotFoundError):
                os.rename(box.temporary(base), path)
    if staged:
        index.rows.execute("DELETE FROM staged")


def sync(done: Done) -> None:
    """Put the files of copies on disk; runs beside the lane."""
    if len(done.names) > SYNCED_ALONE:
        maildir.sync_filesystem(done.path)
        return
    for name in done.names:
        with suppress(FileNotFoundError):
            maildir.sync_file(f"{done.path}/{name}")
    with suppress(FileNotFoundError):
        maildir.sync_directory(f"{done.path}/cur")
