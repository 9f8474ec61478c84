"""Keeps a message's header while its octets pass on into the blob."""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.blobs import IBlobWriter
from mailsuite.model.envelope import Blob

HEAD_OCTETS = 1024 * 1024
"""Of the header are shown to stages (security.md: headers up to 1 MiB)."""

_BLANK = b"\r\n\r\n"


@implementer(IBlobWriter)
@define(eq=False, repr=False)
class Head:
    """Between the door and the writer of the blob.

    ``header`` ends with the CRLF of its last field; what begins with a blank
    line has an empty one.
    """

    _writer: IBlobWriter
    header: bytes = b""
    _whole: bool = field(default=False)

    @property
    def size(self) -> int:
        """Octets written so far."""
        return self._writer.size

    def write(self, block: bytes) -> bool:
        """Pass a block on; False: wait until ``drained``."""
        if not self._whole:
            known = len(self.header)
            joined = self.header + block if known else block
            end = joined.find(_BLANK, max(0, known - 3))
            if joined.startswith(b"\r\n"):
                self.header, self._whole = b"", True
            elif end >= 0:
                self.header, self._whole = joined[: end + 2][:HEAD_OCTETS], True
            else:
                self._whole = len(joined) >= HEAD_OCTETS
                self.header = joined[:HEAD_OCTETS]
        return self._writer.write(block)

    async def drained(self) -> None:
        """Wait until blocks may be written again."""
        await self._writer.drained()

    async def close(self) -> Blob:
        """All is written."""
        return await self._writer.close()

    def abort(self) -> None:
        """Forget it."""
        self._writer.abort()


def has(header: bytes, name: bytes) -> bool:
    """Whether a field of that lower-case name stands in the header."""
    return count(header, name) > 0


def count(header: bytes, name: bytes) -> int:
    """How many fields of that lower-case name stand in the header."""
    lower = header.lower()
    found = lower.count(b"\r\n" + name + b":")
    return found + lower.startswith(name + b":")
