"""The files of one journal: made, taken into use, retired and used again.

A segment is preallocated, zeroed and synced before it is used, so that a commit
writes no metadata. Its header, with a rising epoch, is durable before its first
record. All calls block; they come from the committer and from the lane of the
checkpoint, hence the lock.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

from attrs import define, field, frozen

from mailsuite.journal.disk import Disk, write_all
from mailsuite.journal.records import (
    FIRST,
    HEAD_OCTETS,
    SALT_OCTETS,
    Entry,
    Framer,
    Header,
    entry_at,
)
from mailsuite.model.errors import Damaged, NoSpace

RESERVED = 4_096
"""Octets at a segment's end that only the journal's own records may use."""
_BLOCK = 1 << 20
GROW_AGAIN = 1.0
"""Seconds before another file is tried after the disk was full."""
SUFFIX = ".segment"


@define(eq=False)
class Segment:
    """One file in one use. ``end`` is where the next record begins."""

    path: str
    fd: int
    header: Header
    end: int = FIRST
    framer: Framer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.framer = Framer(self.header)

    @property
    def epoch(self) -> int:
        """Of this use of the file."""
        return self.header.epoch


@frozen
class Plan:
    """Where the files are and how large and how many they may be."""

    folder: str
    worker: int
    generation: int
    size: int
    limit: int


@define(eq=False)
class Shelf:
    """All segments of one journal.

    ``live`` are those that hold what may have to be replayed, by epoch; the
    highest is the current one while the committer has it.
    """

    plan: Plan
    _disk: Disk
    _seconds: Callable[[], float]
    live: dict[int, Segment] = field(factory=dict)
    _free: list[str] = field(factory=list)
    epoch: int = 0
    _number: int = 0
    _failed_at: float | None = None
    _lock: Lock = field(factory=Lock)

    def found(self, path: str, header: Header | None) -> None:
        """Count in a file that stood at start; None: it holds nothing to replay."""
        self._number = max(self._number, int(os.path.basename(path).split(".")[0]))
        if header is None:
            self._free.append(path)
            return
        self.epoch = max(self.epoch, header.epoch)
        fd = self._disk.open(path, os.O_RDWR)
        self.live[header.epoch] = Segment(path, fd, header)

    def take(self, *, beyond: bool = False) -> Segment:
        """Bring a segment into use under the next epoch; durable on return.

        ``beyond`` may pass the limit by one file: a checkpoint frees others.

        :raises NoSpace: the limit is reached or the disk is full.
        """
        with self._lock:
            path = self._free.pop() if self._free else self._grow(int(beyond))
            epoch = self.epoch + 1
            plan = self.plan
            salt = secrets.token_bytes(SALT_OCTETS)
            header = Header(plan.worker, epoch, plan.generation, plan.size, salt)
            fd = self._disk.open(path, os.O_RDWR)
            try:
                write_all(self._disk, fd, [header.encode()], 0)
                self._disk.fdatasync(fd)
            except OSError:
                self._disk.close(fd)
                with suppress(OSError):
                    self._disk.unlink(path)  # never trusted again
                raise
            self.epoch = epoch
            segment = self.live[epoch] = Segment(path, fd, header)
            return segment

    def prepare(self) -> None:
        """Have one free segment ready, within the limit. :raises NoSpace: full."""
        with self._lock:
            if not self._free and len(self.live) < self.plan.limit:
                self._free.append(self._grow(0))

    def _grow(self, beyond: int) -> str:
        if len(self.live) + len(self._free) >= self.plan.limit + beyond:
            raise NoSpace("every segment of the journal is in use")
        now = self._seconds()
        if self._failed_at is not None and now < self._failed_at + GROW_AGAIN:
            raise NoSpace("no room for another segment")
        self._failed_at = None
        self._number += 1
        path = os.path.join(self.plan.folder, f"{self._number:08d}{SUFFIX}")
        try:
            self._make(path)
        except OSError as error:
            self._failed_at = now
            with suppress(OSError):
                self._disk.unlink(f"{path}.new")
            raise NoSpace(f"no room for another segment: {error}") from error
        return path

    def _make(self, path: str) -> None:
        disk = self._disk
        fd = disk.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            zeros = bytes(_BLOCK)
            for start in range(0, self.plan.size, _BLOCK):
                block = zeros[: min(_BLOCK, self.plan.size - start)]
                write_all(disk, fd, [block], start)
            disk.fsync(fd)
        finally:
            disk.close(fd)
        disk.rename(f"{path}.new", path)
        disk.sync_folder(self.plan.folder)

    def retire(self, epoch: int) -> None:
        """Files up to ``epoch`` may be used again; one is kept, others removed.

        A file of another size than today's setting is not used again.
        """
        with self._lock:
            for old in sorted(e for e in self.live if e <= epoch):
                segment = self.live.pop(old)
                self._disk.close(segment.fd)
                if segment.header.size == self.plan.size and not self._free:
                    self._free.append(segment.path)
                else:
                    self._disk.unlink(segment.path)

    def read(self, epoch: int, offset: int) -> tuple[Entry, bytes]:
        """One record's entry and body. :raises Damaged: it cannot be read."""
        with self._lock:
            segment = self.live.get(epoch)
            fd = -1 if segment is None else os.dup(segment.fd)
        if segment is None:
            raise Damaged(f"no segment of epoch {epoch}")
        try:
            head = self._disk.pread(fd, HEAD_OCTETS, offset)
            length = int.from_bytes(head[4:8], "little")
            if offset + HEAD_OCTETS + length > segment.header.size:
                raise Damaged(f"no record at {epoch}/{offset}")
            data = head + self._disk.pread(fd, length, offset + HEAD_OCTETS)
        except OSError as error:
            raise Damaged(f"record at {epoch}/{offset}: {error}") from error
        finally:
            os.close(fd)
        entry = entry_at(data, segment.header, offset, offset)
        if entry is None:
            raise Damaged(f"bad record at {epoch}/{offset}")
        return entry, data[HEAD_OCTETS:]

    def close(self) -> None:
        """Close every file; what they hold stays as it is."""
        with self._lock:
            for segment in self.live.values():
                self._disk.close(segment.fd)
            self.live.clear()
