"""How records and segment headers lie on disk, and how they are found again.

A record is a head of 16 octets, its body, and padding to a multiple of 8. Its
checksum covers the segment's epoch and salt and the record's own offset, so that
neither what an earlier use of the file left behind nor octets that a sender put
into a message can pass for a record. Pure: takes and gives octets.
"""

import struct
import zlib
from collections.abc import Sequence
from mmap import mmap

from attrs import define, field, frozen

from mailsuite.interfaces.journal import Kind, Record
from mailsuite.model.errors import UsageError

MAGIC = b"MSJRNL\r\n"
VERSION = 1
FIRST = 4_096
"""Offset of a segment's first record; before it stand two copies of the header."""
_COPY = 2_048
Octets = bytes | mmap
"""Of a segment; an anonymous map where most of it is zeros."""
SALT_OCTETS = 8

_HEADER = struct.Struct("<8sIIQQQ8sI")
_HEAD = struct.Struct("<4sIIHH")
_SEED = struct.Struct("<8sQQHHI")
HEAD_OCTETS = _HEAD.size
CALL_RECORDS = 0xFFFF  # records in one commit: ``rest`` has 16 bits
_PADDING = tuple(b"\0" * n for n in range(8))
VOID = struct.Struct("<QQQ")
CHECKPOINT = struct.Struct("<Q")


@frozen
class Header:
    """The first octets of a segment: whose it is, and in which use it is."""

    worker: int
    epoch: int
    generation: int
    size: int
    salt: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Both copies, as the first :data:`FIRST` octets of the file."""
        packed = _HEADER.pack(
            MAGIC,
            VERSION,
            self.worker,
            self.epoch,
            self.generation,
            self.size,
            self.salt,
            0,
        )[:-4]
        whole = packed + struct.pack("<I", zlib.crc32(packed))
        return whole.ljust(_COPY, b"\0") + whole.ljust(FIRST - _COPY, b"\0")


def decode_header(octets: bytes) -> Header | None:
    """Read the first good copy; None when there is none.

    :raises UsageError: another release wrote it; what it holds must not be lost.
    """
    for start in (0, _COPY):
        packed = octets[start : start + _HEADER.size]
        if len(packed) < _HEADER.size:
            return None
        magic, version, worker, epoch, generation, size, salt, crc = _HEADER.unpack(
            packed
        )
        if (magic, crc) == (MAGIC, zlib.crc32(packed[:-4])):
            if version != VERSION:
                raise UsageError(
                    f"the journal has version {version}, this mailsuite knows"
                    f" {VERSION}: use the release that wrote it"
                )
            return Header(worker, epoch, generation, size, salt)
    return None


def mark_of(header: Header) -> bytes:
    """The four octets that open every record of this use of the segment."""
    seed = struct.pack("<Q", header.epoch) + header.salt
    return struct.pack("<I", zlib.crc32(seed) | 1)


def octets_of(record: Record) -> int:
    """How much room a record takes in a segment."""
    return HEAD_OCTETS + ((sum(map(len, record.body)) + 7) & ~7)


@define(eq=False)
class Framer:
    """Turns records into blocks for one use of a segment."""

    header: Header
    _mark: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._mark = mark_of(self.header)

    def frame(self, record: Record, offset: int, rest: int, blocks: list[bytes]) -> int:
        """Append the record's blocks; gives the offset after it.

        ``rest`` counts the records of the same commit that follow.
        """
        body = record.body
        length = sum(map(len, body))
        header = self.header
        kind = record.kind
        crc = zlib.crc32(
            _SEED.pack(header.salt, header.epoch, offset, kind, rest, length)
        )
        for block in body:
            crc = zlib.crc32(block, crc)
        blocks.append(_HEAD.pack(self._mark, length, crc, kind, rest))
        blocks.extend(body)
        over = -length & 7
        if over:
            blocks.append(_PADDING[over])
        return offset + HEAD_OCTETS + length + over


@frozen
class Entry:
    """A good record: its body lies at ``begin`` to ``end`` of the segment."""

    offset: int
    kind: int
    rest: int
    begin: int
    end: int

    @property
    def after(self) -> int:
        """Where the next record begins."""
        return (self.end + 7) & ~7


def entry_at(data: Octets, header: Header, offset: int, base: int = 0) -> Entry | None:
    """Read the record at ``offset``; ``data`` begins at ``base``. None: not good."""
    at = offset - base
    if at + HEAD_OCTETS > len(data):
        return None
    mark, length, crc, kind, rest = _HEAD.unpack_from(data, at)
    begin = at + HEAD_OCTETS
    if begin + length > len(data) or mark != mark_of(header):
        return None
    seed = zlib.crc32(_SEED.pack(header.salt, header.epoch, offset, kind, rest, length))
    if zlib.crc32(memoryview(data)[begin : begin + length], seed) != crc:
        return None
    return Entry(offset, kind, rest, base + begin, base + begin + length)


@frozen
class Scan:
    """What a segment holds: good records, and bad ranges between them."""

    entries: Sequence[Entry]
    bad: Sequence[tuple[int, int]]

    @property
    def end(self) -> int:
        """Where the last good record ends."""
        return self.entries[-1].after if self.entries else FIRST


def scan(data: Octets, header: Header, used: int | None = None) -> Scan:
    """Find every good record. Never raises, whatever the octets are.

    Nothing but zeros stands at ``used`` and after it; None: that is not known.
    What stands after the last good record is a torn tail: nobody was told that it
    is safe. What stands before one is damage.
    """
    entries: list[Entry] = []
    bad: list[tuple[int, int]] = []
    mark = mark_of(header)
    until = len(data) if used is None else used + len(mark)  # a mark may end in zeros
    at = FIRST
    while True:
        entry = entry_at(data, header, at)
        if entry is None:
            entry = _resume(data, header, (mark, at + 8, until))
            if entry is None:
                return Scan(entries, bad)
            bad.append((at, entry.offset))
        entries.append(entry)
        at = entry.after


def _resume(
    data: Octets, header: Header, where: tuple[bytes, int, int]
) -> Entry | None:
    mark, at, until = where
    while (at := data.find(mark, at, until)) >= 0:
        if at % 8 == 0:
            entry = entry_at(data, header, at)
            if entry is not None:
                return entry
        at += 1
    return None


def void(epoch: int, start: int, end: int) -> Record:
    """Tell replay to pass over a batch whose barrier failed."""
    return Record(Kind.VOID, (VOID.pack(epoch, start, end),))


def checkpoint(epoch: int) -> Record:
    """Tell replay that segments up to ``epoch`` are no longer needed."""
    return Record(Kind.CHECKPOINT, (CHECKPOINT.pack(epoch),))
