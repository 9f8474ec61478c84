"""Messages written into Maildirs: the lane's part of APPEND and of delivery.

Files first (``tmp``, then ``new``, or ``cur`` when flags are set), then one
transaction for everything an account got, then the answers. A message that cannot
be kept fails alone and leaves nothing behind.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock

from attrs import define, field, frozen

from mailsuite.interfaces.mailboxes import LimitReached, NoSuchMailbox
from mailsuite.model.changes import Appended, Draft
from mailsuite.model.envelope import Blob, Once
from mailsuite.model.errors import Damaged, NoSpace
from mailsuite.model.flags import Flags
from mailsuite.model.ids import EmailId, MailboxId, Uid
from mailsuite.store import letters, maildir, outside
from mailsuite.store.box import Box
from mailsuite.store.index import Index
from mailsuite.store.insert import Memory, Row, Wide, insert
from mailsuite.store.undo import failing

SHARED_FILES = 1_000  # paths remembered for hard links
COPY_OCTETS = 1 << 20  # in one block, when a large message is copied

DISK_FULL = frozenset({28, 122, 27})  # ENOSPC, EDQUOT, EFBIG


@frozen
class Piece:
    """One message to be written: its name without size is ``stem``."""

    draft: Draft
    stem: str
    date: float
    wide: Wide | None
    uid: int = 0
    """Reserved and told to the journal; 0: the next one."""

    @property
    def base(self) -> str:
        """Base name of its file."""
        return f"{self.stem},S={self.draft.blob.size}"


def renumbered(piece: Piece, uid: int) -> Piece:
    """The same with another UID."""
    return Piece(piece.draft, piece.stem, piece.date, piece.wide, uid)


@define(eq=False)
class Parcel:
    """What one ``append`` stores: all of it or nothing."""

    mailbox: MailboxId
    pieces: Sequence[Piece]
    once: Once | None
    epoch: int
    """Of the journal segment whose retirement makes ``once`` needless."""
    staged: bool = False
    """Whether large messages lie in ``tmp`` already."""
    again: bool = False
    """Replayed: a file that is there is ours."""
    rows: list[Row] = field(factory=list)
    paths: list[str] = field(factory=list)

    @property
    def key(self) -> tuple[str, int, int]:
        """Key of ``once``; a parcel without one goes by its first file's name."""
        once = self.once
        if once is None:
            return (self.pieces[0].base, 0, 0)
        return (once.source, once.recipient, once.action)


@define(eq=False)
class Written:
    """Where some octets are; ``lock`` is held while they are written or linked."""

    path: str = ""
    lock: Lock = field(factory=Lock)

    def link(self, target: str) -> bool:
        """Link the file to ``target``. False: there is none any more."""
        if not self.path:
            return False
        try:
            os.link(self.path, target, follow_symlinks=False)
        except OSError:
            self.path = ""
            return False
        return True


@define(eq=False)
class Shared:
    """Files written of late, by their octets: later ones are links to them.

    All lanes use the same; each waits while another writes the same octets.
    """

    _written: dict[tuple[str, bytes], Written] = field(factory=dict)
    _guard: Lock = field(factory=Lock)

    def of(self, blob: Blob) -> Written:
        """What is known of these octets."""
        if not blob.key:
            return Written()
        key = (blob.key, blob.prefix)
        with self._guard:
            written = self._written.get(key)
            if written is None:
                if len(self._written) >= SHARED_FILES:
                    del self._written[next(iter(self._written))]
                written = self._written[key] = Written()
        return written


LATER = (
    "UPDATE once SET epoch = ?"
    " WHERE source = ? AND recipient = ? AND action = ? AND epoch < ?"
)
"""Who asks again writes its outcome later, and the memory is needed as long."""

Result = Appended | Exception

REFUSED = (OSError, NoSuchMailbox, LimitReached, Damaged, sqlite3.Error)
"""What keeps one parcel out, and not the others that come with it."""


def keep(
    groups: Sequence[tuple[Index, Sequence[Parcel]]], shared: Shared
) -> list[list[Result]]:
    """Store what several accounts of a lane got; one transaction an account."""
    return [_keep_safely(index, parcels, shared) for index, parcels in groups]


def _keep_safely(
    index: Index, parcels: Sequence[Parcel], shared: Shared
) -> list[Result]:
    """As :func:`_keep`; one account's broken index is its own trouble alone."""
    try:
        return _keep(index, parcels, shared)
    except sqlite3.Error as error:
        for parcel in parcels:
            parcel.rows.clear()
            parcel.paths.clear()
        return [error] * len(parcels)


def _keep(index: Index, parcels: Sequence[Parcel], shared: Shared) -> list[Result]:
    results: dict[Parcel, Result] = {}
    ready: dict[tuple[str, int, int], Parcel] = {}
    twice: list[Parcel] = []
    boxes = {index.boxes[p.mailbox] for p in parcels if p.mailbox in index.boxes}
    if index.unclean:
        for box in boxes:
            replayed = any(p.mailbox == box.id and p.again for p in parcels)
            if box.selectable and box.disk.listed < 0 and not replayed:
                outside.merge(index, box)
    arriving = not any(p.again or any(m.draft.flags for m in p.pieces) for p in parcels)
    with index.filing(*boxes, arriving=arriving):
        for parcel in parcels:
            try:
                done = _done(index, parcel)
                if done is not None:
                    results[parcel] = done
                elif parcel.key in ready:
                    twice.append(parcel)
                else:
                    _prepare(index, parcel, shared)
                    ready[parcel.key] = parcel
            except REFUSED as error:
                results[parcel] = told(error)
        if ready:
            results.update(_commit(index, list(ready.values())))
    for parcel in twice:
        done = _done(index, parcel)
        results[parcel] = done or results[ready[parcel.key]]
    return [results[parcel] for parcel in parcels]


def told(error: Exception) -> Exception:
    """The error as callers of the store know it."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return NoSpace("the disk is full")
    if isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 255 == 13:
        return NoSpace("the disk is full")
    return error


def _done(index: Index, parcel: Parcel) -> Appended | None:
    """What an earlier run of the same action stored; its files are made good."""
    row = index.once.get(parcel.key)
    if row is None:
        return None
    mailbox, uid, email, drafts = row
    index.rows.execute(LATER, (parcel.epoch, *parcel.key, parcel.epoch))
    box = index.boxes.get(MailboxId(mailbox))
    if box is not None:
        for offset, piece in enumerate(parcel.pieces):
            _repair(index, box, uid + offset, piece)
    return Appended(
        MailboxId(mailbox),
        box.uidvalidity if box else 0,
        tuple(Uid(uid + n) for n in range(drafts)),
        tuple(EmailId(email + n) for n in range(drafts)),
        fresh=False,
    )


def _repair(index: Index, box: Box, uid: int, piece: Piece) -> None:
    """Write a file anew whose row survived a power cut and whose octets did not."""
    row = index.rows.execute(
        "SELECT base, place, letters FROM file WHERE mailbox = ? AND uid = ?",
        (box.id, uid),
    ).fetchone()
    if row is None or maildir.stated_size(row[0]) != piece.draft.blob.size:
        return
    path = os.path.join(box.path, maildir.relative(*row))
    try:
        found = os.stat(path).st_size
    except FileNotFoundError:
        other = maildir.locate(box.path, row[0])
        if other is not None:
            path = os.path.join(box.path, other.relative)
        found = os.stat(path).st_size if other else -1
    if found != piece.draft.blob.size:
        temporary = box.temporary(piece.base)
        maildir.discard(temporary)
        _create(piece, temporary)
        os.rename(temporary, path)


def _prepare(index: Index, parcel: Parcel, shared: Shared) -> None:
    """Write the parcel's files and work out its rows."""
    box = index.box(parcel.mailbox)
    pieces = parcel.pieces
    index.reserve({box: len(pieces)}, len(pieces))
    uid, email = box.uidnext, index.email
    memory: Memory | None = Memory(*parcel.key, parcel.epoch, len(pieces))
    with failing(_withdraw, parcel):
        for piece in pieces:
            flags = box.spell(piece.draft.flags)
            file = _place(box, parcel, piece, flags, shared)
            number = piece.uid or uid
            uid, email = max(uid, number + 1), email + 1
            size, date = piece.draft.blob.size, int(piece.date)
            code = box.code(flags)
            parcel.rows.append(
                Row(number, code, size, date, email, *file, piece.wide, memory)
            )
            memory = None
    box.uidnext, index.email = uid, email


def _place(
    box: Box, parcel: Parcel, piece: Piece, flags: Flags, shared: Shared
) -> tuple[str, str, str]:
    """Write a message's file: base name, place and letters of its name."""
    blob, base = piece.draft.blob, piece.base
    marks = letters.letters_of(flags, box.keywords) if flags else ""
    place = "cur" if flags else "new"
    path = f"{box.path}/{maildir.relative(base, place, marks)}"
    if parcel.again:
        found = maildir.locate(box.path, base)
        if found is not None:
            there = os.path.join(box.path, found.relative)
            if os.stat(there).st_size == blob.size:
                return base, found.place, found.letters
            os.unlink(there)
    written = shared.of(blob)
    with written.lock:
        if not written.link(path):
            temporary = box.temporary(base)
            here = parcel.staged and blob.octets is None and os.path.exists(temporary)
            if not here:
                _create_anew(piece, temporary)
            os.rename(temporary, path)
            written.path = path
    parcel.paths.append(path)
    return base, place, marks


def _create_anew(piece: Piece, path: str) -> None:
    """As :func:`_create`; what a kill left there is of the same action, and goes."""
    try:
        _create(piece, path)
    except FileExistsError:
        maildir.discard(path)
        _create(piece, path)


def _create(piece: Piece, path: str) -> None:
    """Write or link a message's octets to ``path``, which is not there."""
    blob = piece.draft.blob
    if blob.octets is not None:
        blocks = [blob.prefix, blob.octets] if blob.prefix else [blob.octets]
        maildir.write(path, blocks, piece.draft.date)
        return
    if not blob.prefix and not piece.draft.date:
        with suppress(OSError):
            os.link(blob.path, path, follow_symlinks=False)
            return
    _copy(blob, path, piece.draft.date)


def _copy(blob: Blob, path: str, date: float) -> None:
    with open(maildir.open_read(blob.path), "rb") as source:
        maildir.write(path, [blob.prefix], 0)
        with failing(maildir.discard, path):
            with open(path, "ab") as target:
                while block := source.read(COPY_OCTETS):
                    target.write(block)
                target.flush()
                if date:
                    os.utime(target.fileno(), (date, date))
            if os.stat(path).st_size != blob.size:
                raise Damaged("a stored message has not the size it was given")


def stage(index: Index, parcel: Parcel) -> None:
    """Put large messages into ``tmp``, synced, before a record names them."""
    box = index.box(parcel.mailbox)
    try:
        for piece in parcel.pieces:
            if piece.draft.blob.octets is None:
                path = box.temporary(piece.base)
                parcel.paths.append(path)
                _create(piece, path)
                maildir.sync_file(path)
        maildir.sync_directory(os.path.join(box.path, "tmp"))
    except OSError as error:
        _withdraw(parcel)
        raise told(error) from error
    parcel.paths.clear()
    parcel.staged = True


def _withdraw(parcel: Parcel) -> None:
    for path in parcel.paths:
        maildir.discard(path)
    parcel.paths.clear()
    parcel.rows.clear()


def _commit(index: Index, parcels: Sequence[Parcel]) -> dict[Parcel, Result]:
    results: dict[Parcel, Result] = {}
    by_box: dict[Box, list[Row]] = {}
    for parcel in parcels:
        box = index.boxes[parcel.mailbox]
        by_box.setdefault(box, []).extend(parcel.rows)
        uids = tuple(Uid(row.uid) for row in parcel.rows)
        emails = tuple(EmailId(row.email) for row in parcel.rows)
        results[parcel] = Appended(box.id, box.uidvalidity, uids, emails)
    try:
        with index.change() as modseq:
            for box, rows in by_box.items():
                insert(index, box, rows, modseq)
    except sqlite3.Error as error:
        for parcel in parcels:
            _withdraw(parcel)
        failure = told(error)
        if failure is error:
            raise
        return dict.fromkeys(parcels, failure)
    for parcel in parcels:
        first = parcel.rows[0]
        done = (parcel.mailbox, first.uid, first.email, len(parcel.rows))
        index.once[parcel.key] = done
    return results
