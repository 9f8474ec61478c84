"""Reading a journal that a process left behind.

Two passes: the first finds the good records, what was voided and how far the last
checkpoint reached; the second gives the records, one by one. At most one segment's
octets are in memory. All calls block.
"""

import os
from collections.abc import Iterator, Sequence
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

from attrs import define, field, frozen

from mailsuite.interfaces.journal import Kind, Position, Record
from mailsuite.journal.disk import Disk
from mailsuite.journal.records import (
    CHECKPOINT,
    FIRST,
    VOID,
    Entry,
    Header,
    Octets,
    Scan,
    decode_header,
    scan,
)
from mailsuite.journal.segments import SUFFIX

_BLOCK = 1 << 20
_BEHIND = 8
"""Octets behind a segment's last: CPython before 3.11.5 looks beyond what it searches."""
_KINDS = frozenset(Kind)


@frozen
class Damage:
    """Octets that were set aside in ``path``; the rest was replayed."""

    epoch: int
    offset: int
    path: str


@define(eq=False)
class Left:
    """What a folder of segments holds, found by :func:`survey`."""

    segments: list[tuple[Header, str, Scan]] = field(factory=list)
    free: list[str] = field(factory=list)
    damage: list[Damage] = field(factory=list)
    checkpoint: int = 0
    _voids: list[tuple[int, int, int]] = field(factory=list)

    @property
    def live(self) -> Sequence[tuple[Header, str, Scan]]:
        """The segments after the last checkpoint, in the order of their epochs."""
        return [each for each in self.segments if each[0].epoch > self.checkpoint]

    @property
    def clean(self) -> bool:
        """Whether the last record is that of a clean stop, or there is none."""
        last = next((s for _, _, s in reversed(self.segments) if s.entries), None)
        return last is None or last.entries[-1].kind == Kind.STOP

    def records(self, path: str, header: Header, found: Scan) -> "Iterator[Replayed]":
        """The records of one segment that count, with their places."""
        with open(path, "rb") as file:
            for entry in found.entries:
                if entry.kind in _KINDS and not self._voided(header.epoch, entry):
                    place = Position(header.worker, header.epoch, entry.offset)
                    file.seek(entry.begin)
                    body = file.read(entry.end - entry.begin)
                    yield place, Record(Kind(entry.kind), (body,))

    def _voided(self, epoch: int, entry: Entry) -> bool:
        return any(
            epoch == where and start <= entry.offset < end
            for where, start, end in self._voids
        )


Replayed = tuple[Position, Record]


def survey(disk: Disk, folder: str, corrupt: str) -> Left:
    """Look through every segment of ``folder``; set damage aside in ``corrupt``."""
    left = Left()
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".new"):
            disk.unlink(path)
        elif name.endswith(SUFFIX):
            _segment(disk, left, path, corrupt)
    left.segments.sort(key=lambda each: each[0].epoch)
    _drop_torn_call(left)
    for header, path, found in left.live:
        for start, end in found.bad:
            _set_aside(left, header, path, (start, end), corrupt)
    return left


def _segment(disk: Disk, left: Left, path: str, corrupt: str) -> None:
    data, used = content(path)
    header = decode_header(data[:FIRST])
    if header is None:
        if used:  # no header, or one that was zeroed before the records it led
            aside = os.path.join(corrupt, f"journal-{os.path.basename(path)}")
            disk.rename(path, aside)
            left.damage.append(Damage(0, 0, aside))
        else:
            left.free.append(path)
        return
    found = scan(data, header, used)
    left.segments.append((header, path, found))
    for entry in found.entries:
        body = data[entry.begin : entry.end]
        if entry.kind == Kind.VOID and len(body) == VOID.size:
            left._voids.append(VOID.unpack(body))  # noqa: SLF001 - made here
        elif entry.kind == Kind.CHECKPOINT and len(body) == CHECKPOINT.size:
            left.checkpoint = max(left.checkpoint, *CHECKPOINT.unpack(body))


def content(path: str) -> tuple[Octets, int]:
    """Give a segment's octets, and an offset that only zeros follow (0: all are).

    Most of a segment is not written yet, and is zeros as memory is that nobody
    touched. The file itself is not mapped: a disk's fault there would be a signal.
    """
    zeros, block, used, at = bytes(_BLOCK), bytearray(_BLOCK), 0, 0
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        # Shared memory would be filled with pages of zeros that are only read.
        data = mmap(-1, size + _BEHIND, flags=MAP_PRIVATE | MAP_ANONYMOUS)
        while count := min(file.readinto(block) or 0, size - at):
            if not zeros.startswith(memoryview(block)[:count]):
                data[at : at + count] = block[:count]
                used = at + count
            at += count
    return data, used


def _drop_torn_call(left: Left) -> None:
    """Records of one commit stand or fall together: cut what the tail tore."""
    if not left.segments:
        return
    header, path, found = left.segments[-1]
    entries = list(found.entries)
    if entries and entries[-1].rest:
        rest = entries[-1].rest
        while entries and entries[-1].rest == rest:
            entries.pop()
            rest += 1
        left.segments[-1] = (header, path, Scan(entries, found.bad))


def _set_aside(
    left: Left,
    header: Header,
    path: str,
    where: tuple[int, int],
    corrupt: str,
) -> None:
    start, end = where
    name = f"journal-{header.worker}-{header.epoch}-{start}"
    aside = os.path.join(corrupt, name)
    with open(path, "rb") as file:
        file.seek(start)
        octets = file.read(end - start)
    with open(aside, "wb") as file:
        file.write(octets)
    left.damage.append(Damage(header.epoch, start, aside))
