"""COPY and MOVE on the lane (RFC 3501 §6.4.7, RFC 6851).

Links are staged in the target's ``tmp``, rows of both mailboxes change in one
transaction, then the links get their names. Rows in ``staged`` say which names are
still to be given, so that a kill at any point leaves a message in exactly one box
after a MOVE, and a COPY done or not done.
"""

import os
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
    staged: list[str] = []
    with failing(_discard, staged):
        made = _stage(index, asked.stem, (source, target), rows, staged)
        with index.change() as modseq:
            if asked.move:
                drop(index, source, rows, modseq, "moved")
            insert(index, target, made, modseq)
            index.rows.executemany(
                "INSERT INTO staged VALUES (?, ?)", [(target.id, r.uid) for r in made]
            )
    finish(index, target)
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


def _discard(paths: Sequence[str]) -> None:
    for path in paths:
        maildir.discard(path)


def _stage(
    index: Index,
    stem: str,
    boxes: tuple[Box, Box],
    rows: Sequence[Sequence[int]],
    staged: list[str],
) -> list[Row]:
    """Link every message into the target's ``tmp``; ``staged`` gets the paths."""
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
        path = target.temporary(base)
        try:
            _link(source, files[uid], path)
        except OSError as error:
            raise known(error) from error
        staged.append(path)
        to = target.uidnext + number
        made.append(Row(to, after, size, date, email, base, "cur", marks))
    return made


def _link(source: Box, file: tuple[str, str, str], path: str) -> None:
    base = file[0]
    old = f"{source.path}/{maildir.relative(*file)}"
    try:
        _link_or_copy(old, path)
    except FileNotFoundError:
        found = maildir.locate(source.path, base)
        if found is None:
            raise Damaged(f"the file of {base} is gone") from None
        _link_or_copy(f"{source.path}/{found.relative}", path)


def _link_or_copy(old: str, path: str) -> None:
    """Link our own files; what strangers wrote is copied, they may change it."""
    status = os.stat(old, follow_symlinks=False)
    ours = status.st_uid == os.geteuid() and status.st_mode & 0o7777 == 0o600
    if ours and maildir.is_own(os.path.basename(old)):
        with suppress(OSError):
            os.link(old, path, follow_symlinks=False)
            return
    descriptor = maildir.open_read(old)
    with open(descriptor, "rb") as file:
        maildir.write(path, [file.read()], status.st_mtime)


def finish(index: Index, box: Box) -> None:
    """Give staged links their names; also at the first opening after a kill."""
    rows = index.rows.execute(
        "SELECT uid, base, place, letters FROM staged JOIN file USING (mailbox, uid)"
        " WHERE mailbox = ?",
        (box.id,),
    ).fetchall()
    with index.filing(box):
        for _, base, place, marks in rows:
            with suppress(FileNotFoundError):
                os.rename(
                    box.temporary(base),
                    f"{box.path}/{maildir.relative(base, place, marks)}",
                )
    index.rows.execute("DELETE FROM staged WHERE mailbox = ?", (box.id,))


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
