"""Archives that reports come in, unpacked in blocks under one bound.

gzip (RFC 1952) and zip with stored or deflated members, else the octets as they are.
Whatever an archive claims of itself, no more is unpacked than the bound says.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import IO

from attrs import define

from mailsuite.model.errors import Damaged

BLOCK_OCTETS = 64 << 10  # unpacked at one step
SLICE_OCTETS = 16 << 10  # of the archive read at one step
GZIP_MEMBERS = 100  # of one gzip file (RFC 1952 §2.2)
ZIP_MEMBERS = 20  # looked at
ZIP_DIRECTORY_OCTETS = 64 << 10  # of a zip's central directory
PACKED_OCTETS = 32 << 20  # of an archive; larger ones are not opened

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_END = struct.Struct("<4s4H2LH")
_END_MARK, _END64_MARK = b"PK\x05\x06", b"PK\x06\x07"
_END_COMMENT = 65_535
_SIMPLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1

Blocks = Iterator[bytes]


@define(eq=False)
class Budget:
    """How many octets may still be unpacked."""

    limit: int
    _spent: int = 0

    def spend(self, octets: int) -> None:
        """Count them. :raises Damaged: they are too many."""
        self._spent += octets
        if self._spent > self.limit:
            raise Damaged(f"it unpacks to more than {self.limit} octets")


def files(octets: bytes, limit: int) -> Iterator[Blocks]:
    """Give what is inside, each file as blocks; read one before the next.

    :raises Damaged: also from the blocks: broken, encrypted or too large.
    """
    budget = Budget(limit)
    if len(octets) > PACKED_OCTETS:
        raise Damaged(f"an attachment has more than {PACKED_OCTETS} octets")
    if octets.startswith(GZIP):
        yield _gunzipped(octets, budget)
    elif octets.startswith(ZIP):
        yield from _unzipped(octets, budget)
    else:
        yield _plain(octets, budget)


def _plain(octets: bytes, budget: Budget) -> Blocks:
    for at in range(0, len(octets), BLOCK_OCTETS):
        block = octets[at : at + BLOCK_OCTETS]
        budget.spend(len(block))
        yield block


def _gunzipped(octets: bytes, budget: Budget) -> Blocks:
    """Unpack all members; what follows the last one and is none is passed over."""
    at = 0
    try:
        for _ in range(GZIP_MEMBERS):
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
            while not unpacking.eof:
                piece = unpacking.unconsumed_tail
                if not piece:
                    piece = octets[at : at + SLICE_OCTETS]
                    at += len(piece)
                    if not piece:
                        raise Damaged("a gzip file is cut off")
                block = unpacking.decompress(piece, BLOCK_OCTETS)
                budget.spend(len(block))
                if block:
                    yield block
            at -= len(unpacking.unused_data)
            if not octets.startswith(GZIP, at):
                return
    except zlib.error as error:
        raise Damaged(f"a gzip file is broken: {error}") from error
    raise Damaged(f"a gzip file has more than {GZIP_MEMBERS} members")


def _unzipped(octets: bytes, budget: Budget) -> Iterator[Blocks]:
    _measure(octets)
    try:
        with zipfile.ZipFile(BytesIO(octets)) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            for member in members[:ZIP_MEMBERS]:
                if member.flag_bits & _ENCRYPTED or member.compress_type not in _SIMPLE:
                    raise Damaged("a zip file is encrypted or packed in a rare way")
                with archive.open(member) as file:
                    yield _member(file, budget)
    except _BROKEN as error:
        raise Damaged(f"a zip file is broken: {error}") from error


_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, RuntimeError, IndexError, OverflowError),
)
"""What :mod:`zipfile` raises on bad octets."""


def _member(file: IO[bytes], budget: Budget) -> Blocks:
    try:
        while block := file.read(BLOCK_OCTETS):
            budget.spend(len(block))
            yield block
    except _BROKEN as error:
        raise Damaged(f"a zip file is broken: {error}") from error


def _measure(octets: bytes) -> None:
    """Refuse a directory so large that merely listing it would cost much."""
    at = octets.rfind(_END_MARK, max(0, len(octets) - _END_COMMENT - _END.size))
    if at < 0 or len(octets) - at < _END.size:
        raise Damaged("a zip file is cut off")
    size = _END.unpack_from(octets, at)[5]
    if size > ZIP_DIRECTORY_OCTETS or octets.startswith(_END64_MARK, max(0, at - 20)):
        raise Damaged("a zip file has too many members")
