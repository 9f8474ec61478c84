"""Messages written into Maildirs: the lane's part of APPEND and of delivery.

Files first (``tmp``, then ``new``, or ``cur`` when flags are set), then one
transaction for everything an account got, then the answers. A message that cannot
be kept fails alone and leaves nothing behind.
"""

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from errno import EDQUOT, EFBIG, ENOSPC
from threading import Lock

from attrs import define, field

from mailsuite.interfaces.journal import Position
from mailsuite.interfaces.mailboxes import LimitReached, NoSuchMailbox
from mailsuite.model.changes import Appended
from mailsuite.model.envelope import Blob, Once
from mailsuite.model.errors import Damaged, NoSpace, UsageError
from mailsuite.model.flags import Flags
from mailsuite.model.ids import EmailId, MailboxId, Uid
from mailsuite.store import letters, maildir, outside, pieces
from mailsuite.store.box import Box
from mailsuite.store.index import Index
from mailsuite.store.insert import Memory, Row, insert, is_single
from mailsuite.store.pieces import Piece
from mailsuite.store.undo import failing

SHARED_FILES = 1_000  # paths remembered for hard links
SHARED_LOCKS = 64  # of octets that are written now

DISK_FULL = frozenset({ENOSPC, EDQUOT, EFBIG})

Key = tuple[str, int, int]


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
    """Replayed: a file that is there is ours, and stays whatever fails."""
    ahead: set[str] = field(factory=set)
    """Files in ``tmp``, written while the barrier of their record runs."""
    rows: list[Row] = field(factory=list)
    paths: list[str] = field(factory=list)

    @property
    def key(self) -> Key:
        """Key of ``once``; a parcel without one goes by its first file's name."""
        once = self.once
        if once is None:
            return (self.pieces[0].base, 0, 0)
        return (once.source, once.recipient, once.action)


@define(eq=False)
class Shared:
    """Files written of late, by their octets: later ones are links to them.

    All lanes use the same; each waits while another writes the same octets.
    """

    _paths: OrderedDict[tuple[str, bytes], str] = field(factory=OrderedDict)
    _locks: Sequence[Lock] = field(
        factory=lambda: [Lock() for _ in range(SHARED_LOCKS)]
    )

    def lock(self, blob: Blob) -> Lock:
        """Hold it while these octets are written or linked."""
        return self._locks[hash(blob.key) % SHARED_LOCKS]

    def link(self, blob: Blob, target: str) -> bool:
        """Link the file of these octets to ``target``. False: there is none."""
        path = self._paths.get((blob.key, blob.prefix)) if blob.key else None
        if path is None:
            return False
        try:
            os.link(path, target, follow_symlinks=False)
        except OSError:
            return False
        return True

    def written(self, blob: Blob, path: str) -> None:
        """Remember where these octets are."""
        if blob.key:
            self._paths[blob.key, blob.prefix] = path
            if len(self._paths) > SHARED_FILES:
                self._paths.popitem(last=False)


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
    """As :func:`_keep`; what is broken in one account is its own trouble alone."""
    try:
        return _keep(index, parcels, shared)
    except (OSError, UsageError, sqlite3.Error) as error:
        for parcel in parcels:
            parcel.rows.clear()
            parcel.paths.clear()
        return [told(error)] * len(parcels)


def _keep(index: Index, parcels: Sequence[Parcel], shared: Shared) -> list[Result]:
    results: dict[Parcel, Result] = {}
    ready: dict[Key, Parcel] = {}
    twice: list[tuple[Key, Parcel]] = []
    boxes = {index.boxes[p.mailbox] for p in parcels if p.mailbox in index.boxes}
    if index.unclean:
        _merge(index, boxes, parcels)
    flagged = [p for p in parcels for m in p.pieces if p.again or m.draft.flags]
    with index.filing(*boxes, arriving=not flagged):
        with failing(_withdraw, parcels):
            for parcel in parcels:
                key = parcel.key
                try:
                    if key in index.once:
                        results[parcel] = _done(index, parcel)
                    elif key in ready:
                        twice.append((key, parcel))
                    else:
                        _prepare(index, parcel, key, shared)
                        ready[key] = parcel
                except REFUSED as error:
                    _withdraw([parcel])
                    results[parcel] = told(error)
        if ready:
            results.update(_commit(index, ready))
    for key, parcel in twice:
        stored = key in index.once
        results[parcel] = _done(index, parcel) if stored else results[ready[key]]
    return [results[parcel] for parcel in parcels]


def _merge(index: Index, boxes: Iterable[Box], parcels: Sequence[Parcel]) -> None:
    """After a kill look for files of strangers first; what is replayed asks later."""
    for box in boxes:
        replayed = any(p.mailbox == box.id and p.again for p in parcels)
        if outside.unseen(index, box) and not replayed:
            outside.merge(index, box)


def told(error: Exception) -> Exception:
    """The error as callers of the store know it."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return NoSpace("the disk is full")
    if (
        isinstance(error, sqlite3.Error)
        and error.sqlite_errorcode & 255 == sqlite3.SQLITE_FULL
    ):
        return NoSpace("the disk is full")
    return error


def _done(index: Index, parcel: Parcel) -> Appended:
    """What an earlier run of the same action stored; its files are made good."""
    key = parcel.key
    mailbox, uid, email, drafts = index.once[key]
    index.rows.execute(LATER, (parcel.epoch, *key, parcel.epoch))
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
    if not os.path.exists(path):
        other = maildir.locate(box.path, row[0])
        if other is not None:
            path = os.path.join(box.path, other.relative)
    if not pieces.is_at(piece, path):
        temporary = box.temporary(piece.base)
        pieces.create(piece, temporary)
        os.rename(temporary, path)


def _prepare(index: Index, parcel: Parcel, key: Key, shared: Shared) -> None:
    """Write the parcel's files and work out its rows."""
    box = index.box(parcel.mailbox)
    count = len(parcel.pieces)
    index.reserve({box: count}, count)
    uid, email = box.uidnext, index.email
    memory: Memory | None = (*key, parcel.epoch, count)
    for piece in parcel.pieces:
        flags = piece.draft.flags
        code = box.codes.get(flags)
        if code is None:
            flags = box.spell(flags)
            code = box.code(flags)
        file = _place(box, parcel, piece, flags, shared)
        number = piece.uid or uid
        if number >= uid:
            uid = number + 1
        email += 1
        size, date = piece.draft.blob.size, int(piece.date)
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
            if pieces.is_at(piece, there):
                return base, found.place, found.letters
            os.unlink(there)
    with shared.lock(blob):
        if not shared.link(blob, path):
            temporary = box.temporary(base)
            here = parcel.staged and blob.octets is None and os.path.exists(temporary)
            if not here and temporary not in parcel.ahead:
                pieces.create(piece, temporary)
            os.rename(temporary, path)
            parcel.ahead.discard(temporary)
            shared.written(blob, path)
    parcel.paths.append(path)
    return base, place, marks


def stage(index: Index, parcel: Parcel) -> None:
    """Put large messages into ``tmp``, synced, before a record names them."""
    box = index.box(parcel.mailbox)
    try:
        for piece in parcel.pieces:
            if piece.draft.blob.octets is None:
                path = box.temporary(piece.base)
                parcel.paths.append(path)
                pieces.create(piece, path)
                maildir.sync_file(path)
        maildir.sync_directory(os.path.join(box.path, "tmp"))
    except OSError as error:
        _withdraw([parcel])
        raise told(error) from error
    parcel.paths.clear()
    parcel.staged = True


def unstage(index: Index, parcels: Iterable[Parcel]) -> None:
    """Unlink what :func:`stage` put into ``tmp`` for APPENDs that failed."""
    for parcel in parcels:
        box = index.boxes.get(parcel.mailbox)
        if box is not None:
            for piece in parcel.pieces:
                with suppress(OSError):
                    maildir.discard(box.temporary(piece.base))


def prepare(index: Index, parcels: Sequence[Parcel]) -> None:
    """Write files into ``tmp`` and scan messages while the journal's barrier runs.

    The lane has nothing else to do then. What is scanned already stays as it is; what
    cannot be written is tried again, and told, by :func:`fulfil`.
    """
    os.sched_yield()  # who woke us begins the barrier first: 5 % of an APPEND
    for parcel in parcels:
        with suppress(OSError, NoSuchMailbox):
            box = index.box(parcel.mailbox)
            for piece in parcel.pieces:
                if piece.draft.blob.octets is not None:
                    temporary = box.temporary(piece.base)
                    pieces.create(piece, temporary)
                    parcel.ahead.add(temporary)
        _scan(parcel)


def _scan(parcel: Parcel) -> None:
    parcel.pieces = [pieces.scanned(piece) for piece in parcel.pieces]


def fulfil(
    index: Index,
    barrier: Sequence[Position] | Exception,
    parcels: Sequence[Parcel],
    shared: Shared,
) -> list[Result]:
    """Keep what the journal promised; nothing, in ``tmp`` neither, if it could not."""
    try:
        if isinstance(barrier, Exception):
            raise barrier
        for parcel, position in zip(parcels, barrier, strict=True):
            parcel.epoch = position.epoch
            _scan(parcel)
        return _keep_safely(index, parcels, shared)
    finally:
        for parcel in parcels:
            while parcel.ahead:
                maildir.discard(parcel.ahead.pop())


def _withdraw(parcels: Iterable[Parcel]) -> None:
    for parcel in parcels:
        for path in () if parcel.again else parcel.paths:
            maildir.discard(path)
        parcel.paths.clear()
        parcel.rows.clear()


def _commit(index: Index, ready: Mapping[Key, Parcel]) -> dict[Parcel, Result]:
    parcels = ready.values()
    by_box: dict[Box, list[Row]] = {}
    for parcel in parcels:
        by_box.setdefault(index.boxes[parcel.mailbox], []).extend(parcel.rows)
    single = len(by_box) == 1 and is_single(*next(iter(by_box.items())))
    try:
        with index.change(single=single) as modseq:
            for box, rows in by_box.items():
                insert(index, box, rows, modseq)
    except sqlite3.Error as error:
        _withdraw(parcels)
        failure = told(error)
        if failure is error:
            raise
        return dict.fromkeys(parcels, failure)
    return {parcel: _stored(index, key, parcel) for key, parcel in ready.items()}


def _stored(index: Index, key: Key, parcel: Parcel) -> Appended:
    """Remember what is committed."""
    rows, mailbox = parcel.rows, parcel.mailbox
    index.once[key] = (mailbox, rows[0].uid, rows[0].email, len(rows))
    return Appended(
        mailbox,
        index.boxes[mailbox].uidvalidity,
        tuple([Uid(row.uid) for row in rows]),
        tuple([EmailId(row.email) for row in rows]),
    )
