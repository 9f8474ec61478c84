"""Octets of messages before and while they are in the queue.

Up to 1 MiB a message stays in memory and goes into the journal whole. A larger one
gets a file of its own, synced with its folder before a record names it. Files that
no job claims are removed after a while.
"""

import os
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from errno import EDQUOT, ENOSPC
from itertools import count

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces.blobs import IBlobs, IBlobWriter
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged, NoSpace
from mailsuite.model.ids import BlobKey
from mailsuite.net.lanes import Lane

MEMORY_OCTETS = 1 << 20  # a message up to this size is journaled whole
BEHIND_OCTETS = 1 << 20  # a writer with more unwritten asks its sender to wait
WRITE_OCTETS = 256 << 10  # are gathered before the lane is asked to write
UNCLAIMED = 900.0  # seconds until a file that no job names is removed
FOLDER = "blobs"


def refused(error: OSError) -> Exception:
    """What a failed write means to who wanted to write."""
    if error.errno in (ENOSPC, EDQUOT):
        return NoSpace(str(error))
    return error


@define(eq=False)
@implementer(IBlobs)
class Blobs:
    """Makes blobs, reads them, and removes the files of those that are done."""

    folder: str
    """The data directory; the files are in ``blobs`` below it."""
    lane: Lane
    _wall: Callable[[], float]
    _claims: Counter[str] = field(factory=Counter)
    _unclaimed: dict[str, float] = field(factory=dict)
    _token: str = field(factory=lambda: secrets.token_hex(6))
    _numbers: "count[int]" = field(factory=count)

    def create(self, expected: int) -> IBlobWriter:
        """See :meth:`IBlobs.create`."""
        return Writer(self)

    def kept(self, content: bytes) -> Blob:
        """See :meth:`IBlobs.kept`."""
        return Blob(self.key(), len(content), content)

    async def content(self, blob: Blob) -> bytes:
        """See :meth:`IBlobs.content`."""
        if blob.octets is not None:
            return blob.prefix + blob.octets
        return await self.lane.run(read_file, blob)

    def key(self) -> BlobKey:
        """A name that no other octets have."""
        return BlobKey(f"{self._token}-{next(self._numbers):x}")

    def path(self, name: str) -> str:
        """Where the content file of that name is."""
        return os.path.join(self.folder, FOLDER, name)

    def relative(self, path: str) -> str:
        """The path as records keep it."""
        return os.path.relpath(path, self.folder)

    def claim(self, path: str) -> None:
        """Count one more job that needs the file."""
        self._claims[path] += 1
        self._unclaimed.pop(path, None)

    def release(self, path: str) -> bool:
        """One job less; True when the file may be removed."""
        self._claims[path] -= 1
        if self._claims[path] > 0:
            return False
        del self._claims[path]
        return True

    def stale(self) -> list[str]:
        """Files that nobody claimed for long; they are forgotten with this."""
        before = self._wall() - UNCLAIMED
        old = [path for path, born in self._unclaimed.items() if born < before]
        for path in old:
            del self._unclaimed[path]
        return old

    def look(self) -> None:
        """Find the files of former runs, once the jobs made their claims. Blocks."""
        folder = os.path.join(self.folder, FOLDER)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        now = self._wall()
        for entry in os.scandir(folder):
            if entry.path not in self._claims:
                self._unclaimed[entry.path] = now

    def disown(self, path: str) -> bool:
        """Whether no job ever claimed a file that its writer wants to forget."""
        return self._unclaimed.pop(path, None) is not None

    def born(self, path: str) -> None:
        """A file is whole; a job has to claim it soon."""
        self._unclaimed[path] = self._wall()


def read_file(blob: Blob) -> bytes:
    """The whole octets of a blob in a file. Blocks. :raises Damaged: unreadable."""
    try:
        with open(blob.path, "rb") as file:
            octets = blob.prefix + file.read()
    except OSError as error:
        raise Damaged(f"{blob.key}: {error}") from error
    if len(octets) != blob.size:
        raise Damaged(f"{blob.key}: {len(octets)} octets instead of {blob.size}")
    return octets


@define(eq=False)
@implementer(IBlobWriter)
class Writer:
    """Gathers blocks; above the limit they go to a file, block after block."""

    _blobs: Blobs
    size: int = 0
    _blocks: list[bytes] = field(factory=list)
    _gathered: int = 0
    _pending: int = 0
    _path: str = ""
    _fd: int = -1
    _error: Exception | None = None
    _waiting: Deferred[None] | None = None
    _ended: bool = False

    def write(self, block: bytes) -> bool:
        """See :meth:`IBlobWriter.write`."""
        self._blocks.append(block)
        self.size += len(block)
        self._gathered += len(block)
        if self.size > MEMORY_OCTETS and self._gathered >= WRITE_OCTETS:
            self._send()
        return self._pending < BEHIND_OCTETS

    def _send(self) -> None:
        """Let the lane write what was gathered; it works in order."""
        if not self._path:
            self._path = self._blobs.path(self._blobs.key())
        blocks, self._blocks = self._blocks, []
        amount, self._gathered = self._gathered, 0
        self._pending += amount
        writing = self._blobs.lane.run(self._write, blocks)
        _ = writing.addErrback(self._failed)
        _ = writing.addCallback(lambda _: self._written(amount))

    def _write(self, blocks: list[bytes]) -> None:
        """On the lane."""
        if self._error is not None:
            return
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._fd = os.open(self._path, flags, 0o600)
        put(self._fd, b"".join(blocks))

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, OSError):
            failure.raiseException()
        self._error = refused(error)
        self.abort()

    def _written(self, amount: int) -> None:
        self._pending -= amount
        waiting = self._waiting
        if waiting is not None and self._pending < BEHIND_OCTETS:
            self._waiting = None
            waiting.callback(None)

    async def drained(self) -> None:
        """See :meth:`IBlobWriter.drained`."""
        if self._pending >= BEHIND_OCTETS:
            self._waiting = Deferred()
            await self._waiting
        if self._error is not None:
            raise self._error

    async def close(self) -> Blob:
        """See :meth:`IBlobWriter.close`."""
        blobs = self._blobs
        if not self._path and self.size <= MEMORY_OCTETS:
            self._ended = True
            return Blob(blobs.key(), self.size, b"".join(self._blocks))
        self._send()
        try:
            await blobs.lane.run(self._sync)
        except OSError as error:
            self.abort()
            raise refused(error) from error
        if self._error is not None:
            self.abort()
            raise self._error
        self._ended = True
        blobs.born(self._path)
        name = BlobKey(os.path.basename(self._path))
        return Blob(name, self.size, None, b"", self._path)

    def _sync(self) -> None:
        """On the lane."""
        if self._error is None and self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1
            sync_folder(os.path.dirname(self._path))

    def abort(self) -> None:
        """See :meth:`IBlobWriter.abort`."""
        self._blocks.clear()
        if self._path and (not self._ended or self._blobs.disown(self._path)):
            self._ended = True
            _ = self._blobs.lane.run(self._discard)

    def _discard(self) -> None:
        """On the lane."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        with suppress(OSError):
            os.unlink(self._path)


def put(fd: int, octets: bytes) -> None:
    """Write all of it. Blocks."""
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_folder(path: str) -> None:
    """Make the names in a folder durable. Blocks."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
