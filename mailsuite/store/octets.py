"""Octets of one message, open for reading."""

import errno
import os

from attrs import define
from typing_extensions import override
from zope.interface import implementer

from mailsuite.interfaces.blobs import IOctets
from mailsuite.model.errors import Damaged
from mailsuite.net.lanes import Lane
from mailsuite.store.reading import LINED_OCTETS, Opened

AT_ONCE = 1 << 20  # octets read in one call


@implementer(IOctets)
@define(eq=False)
class Octets:
    """Provides IOctets over what the lane opened.

    Cached pages are read right here; the lane waits for the disk where it must.
    """

    _lane: Lane
    _opened: Opened
    _closed: bool = False

    @property
    def size(self) -> int:
        """Octets in the whole message."""
        return self._opened.size

    @property
    def lined(self) -> bool:
        """Bare LFs were counted as CRLF, and made so, in all but giant files."""
        return self._opened.size <= LINED_OCTETS

    async def read(self, start: int, length: int) -> bytes:
        """See :meth:`IOctets.read`."""
        content = self._opened.content
        length = max(0, min(length, self.size - start))
        if content is not None:
            return content[start : start + length]
        parts = []
        while length > 0:
            part = await self._some(start, min(length, AT_ONCE))
            parts.append(part)
            start += len(part)
            length -= len(part)
        return b"".join(parts)

    async def _some(self, start: int, length: int) -> bytes:
        descriptor = self._opened.descriptor
        if self._closed:
            raise Damaged("the message is closed")
        buffer = bytearray(length)
        try:
            done = os.preadv(descriptor, [buffer], start, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EOPNOTSUPP}:
                raise Damaged("a message cannot be read") from error
            done = 0
        if done:
            return bytes(memoryview(buffer)[:done])
        try:
            octets = await self._lane.run(os.pread, descriptor, length, start)
        except OSError as error:
            raise Damaged("a message cannot be read") from error
        if not octets:
            raise Damaged("a message's file is shorter than it was")
        return octets

    def close(self) -> None:
        """See :meth:`IOctets.close`."""
        if not self._closed:
            self._closed = True
            if self._opened.descriptor >= 0:
                os.close(self._opened.descriptor)

    @override
    def __repr__(self) -> str:
        return f"<Octets of {self.size}>"

    def __del__(self) -> None:
        self.close()
