"""Messages to be written, and the files that hold them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest

from mailsuite.mime.scan import scan
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged
from mailsuite.model.values import value
from mailsuite.store import maildir
from mailsuite.store.insert import Wide
from mailsuite.store.scanning import is_small, widened
from mailsuite.store.undo import failing

COPY_OCTETS = 1 << 20  # in one block, when a large message is copied


@value
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


def scanned(piece: Piece) -> Piece:
    """The same with a scan, if it is small and has none yet."""
    blob = piece.draft.blob
    if piece.wide is not None or blob.octets is None or not is_small(blob):
        return piece
    octets = blob.prefix + blob.octets
    wide = widened(scan(octets), octets)
    return Piece(piece.draft, piece.stem, piece.date, wide, piece.uid)


def create(piece: Piece, path: str) -> None:
    """Write or link a message's octets to ``path``.

    What a kill left there is of the same action, and goes.
    """
    try:
        _write(piece.draft.blob, path, piece.draft.date)
    except FileExistsError:
        maildir.discard(path)
        _write(piece.draft.blob, path, piece.draft.date)


def _write(blob: Blob, path: str, date: float) -> None:
    if blob.octets is not None:
        blocks = (blob.prefix, blob.octets) if blob.prefix else (blob.octets,)
        maildir.write(path, blocks, date)
        return
    if not blob.prefix and not date:
        with suppress(OSError):
            os.link(blob.path, path, follow_symlinks=False)
            return
    _copy(blob, path, date)


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


def is_at(piece: Piece, path: str) -> bool:
    """Whether a file holds exactly the piece's octets.

    After a power cut the size may be right and the octets may be zeros. What was
    staged and synced before its record was written is nowhere else.
    """
    blob = piece.draft.blob
    try:
        if os.stat(path).st_size != blob.size:
            return False
    except FileNotFoundError:
        return False
    if blob.octets is None and not blob.path:
        return True
    return all(one == other for one, other in zip_longest(_read(path), _blocks(blob)))


def _blocks(blob: Blob) -> Iterator[bytes]:
    """The octets of a message, in blocks."""
    if blob.octets is None:
        return _read(blob.path, blob.prefix)
    whole = blob.prefix + blob.octets
    return (whole[at : at + COPY_OCTETS] for at in range(0, len(whole), COPY_OCTETS))


def _read(path: str, octets: bytes = b"") -> Iterator[bytes]:
    """A file in blocks, ``octets`` before it."""
    with open(maildir.open_read(path), "rb") as file:
        while block := octets + file.read(COPY_OCTETS - len(octets)):
            octets = b""
            yield block
