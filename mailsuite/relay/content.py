"""A job's octets for the wire: from memory or, in blocks, from its file."""

import os
from collections.abc import Callable
from typing import TypeVar

from attrs import define, evolve, field

from mailsuite.interfaces.blobs import IBlobs
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged
from mailsuite.net.lanes import Lane

T = TypeVar("T")

BLOCK_OCTETS = 64 * 1024  # written at once
SCAN_OCTETS = 1024 * 1024  # read at once when only looked through
_BLANK = b"\r\n\r\n"
HEADER_OCTETS = 1024 * 1024  # what counts as header when no end of it is found


@define(eq=False)
class Content:
    """One message. Files are read on ``lane``, never on the reactor."""

    _blob: Blob
    _lane: Lane
    _memory: bytes | None = field(default=None, init=False)

    async def open(self, blobs: IBlobs | None) -> None:
        """Find the octets. :raises Damaged: they cannot be read.

        Without ``blobs`` they must be in memory or in a file.
        """
        blob = self._blob
        if blob.octets is not None:
            self._memory = blob.prefix + blob.octets if blob.prefix else blob.octets
        elif not blob.path:
            if blobs is None:
                raise Damaged(f"{blob.key}: not at hand")
            self._memory = await blobs.content(blob)

    def prepend(self, fields: bytes) -> None:
        """Put header fields before everything."""
        if self._memory is not None:
            self._memory = fields + self._memory
            self._blob = evolve(self._blob, size=self._blob.size + len(fields))
        else:
            blob = self._blob
            prefix, size = fields + blob.prefix, blob.size + len(fields)
            self._blob = evolve(blob, prefix=prefix, size=size)

    @property
    def blob(self) -> Blob:
        """The message as it is now, its octets in memory if they were small."""
        if self._memory is None:
            return self._blob
        return evolve(self._blob, octets=self._memory, prefix=b"", path="")

    async def head(self) -> tuple[bytes, int]:
        """Give the header with the CRLF of its last field, and where the body is.

        A header without an end, or above :data:`HEADER_OCTETS`, is the whole message.
        """
        start = await self.block(0)
        if start.startswith(b"\r\n"):
            return b"", 2
        while (end := start.find(_BLANK)) < 0 and len(start) < HEADER_OCTETS:
            block = await self.block(len(start))
            if not block:
                return start, len(start)
            start += block
        return (start, len(start)) if end < 0 else (start[: end + 2], end + 4)

    async def pour(
        self, into: Callable[[bytes], None], start: int, *, inline: bool
    ) -> None:
        """Give all octets from ``start`` in blocks; on the lane unless ``inline``."""
        if self._memory is not None:
            rest = memoryview(self._memory)[start:]
            if inline:
                into(bytes(rest))
            else:
                await self._lane.run(_sliced, rest, into)
            return
        prefix = self._blob.prefix
        if start < len(prefix):
            into(prefix[start:])
        at = max(0, start - len(prefix))
        await self._read(lambda file: _poured(file, at, into))

    async def traits(self) -> tuple[bool, bool]:
        """Whether the header, and whether anything at all, has 8-bit octets."""
        if self._memory is not None:
            return _traits(self._memory)
        header, anything = _traits(self._blob.prefix)
        found = await self._read(_scan)
        return header or found[0], anything or found[1]

    async def block(self, start: int) -> bytes:
        """Give octets from ``start``; none at the end."""
        if self._memory is not None:
            return self._memory[start : start + BLOCK_OCTETS]
        prefix = self._blob.prefix
        if start < len(prefix):
            return prefix[start : start + BLOCK_OCTETS]
        at = start - len(prefix)
        return await self._read(lambda file: os.pread(file, BLOCK_OCTETS, at))

    async def _read(self, call: Callable[[int], T]) -> T:
        try:
            return await self._lane.run(_opened, self._blob.path, call)
        except OSError as error:
            raise Damaged(f"{self._blob.path}: {error.strerror}") from error


def _opened(path: str, call: Callable[[int], T]) -> T:
    """Call with an open file. Opening for each block costs little beside sending."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return call(file)
    finally:
        os.close(file)


def _sliced(rest: memoryview, into: Callable[[bytes], None]) -> None:
    for at in range(0, len(rest), BLOCK_OCTETS):
        into(bytes(rest[at : at + BLOCK_OCTETS]))


def _poured(file: int, at: int, into: Callable[[bytes], None]) -> None:
    while block := os.pread(file, BLOCK_OCTETS, at):
        into(block)
        at += len(block)


def _traits(octets: bytes) -> tuple[bool, bool]:
    end = octets.find(b"\r\n\r\n", 0, HEADER_OCTETS)
    header = octets[: end if end >= 0 else HEADER_OCTETS]
    return not header.isascii(), not octets.isascii()


def _scan(file: int) -> tuple[bool, bool]:
    at = 0
    header = anything = False
    while octets := os.pread(file, SCAN_OCTETS, at):
        if at == 0:
            header, anything = _traits(octets)
        anything = anything or not octets.isascii()
        if anything:
            break
        at += len(octets)
    return header, anything
