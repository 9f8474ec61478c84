"""Keeps a message's header while its octets pass on into the blob.

Stages that watch the content see it here. The header waits for its end then, so
that what a watch takes out of it is never stored.
"""

from collections.abc import Sequence

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.blobs import IBlobWriter
from mailsuite.interfaces.receiving import IWatch
from mailsuite.model.envelope import Blob

HEAD_OCTETS = 1024 * 1024
"""Of the header so much is shown to stages (docs/design/security.rst)."""

_BLANK = b"\r\n\r\n"


@implementer(IBlobWriter)
@define(eq=False, repr=False)
class Head:
    """Between the door and the writer of the blob.

    ``header`` ends with the CRLF of its last field; what begins with a blank
    line has an empty one.
    """

    _writer: IBlobWriter
    _watches: Sequence[IWatch] = ()
    header: bytes = b""
    _whole: bool = field(default=False)

    @property
    def size(self) -> int:
        """Octets written so far."""
        return self._writer.size

    def write(self, block: bytes) -> bool:
        """Pass a block on; False: wait until ``drained``."""
        if self._whole:
            for watch in self._watches:
                watch.body(block)
            return self._writer.write(block)
        known = len(self.header)
        joined = self.header + block if known else block
        self._look(joined, max(0, known - 3))
        if not self._watches:
            return self._writer.write(block)
        return not self._whole or self._show(joined)

    def _look(self, joined: bytes, start: int) -> None:
        """Find the header's end in what came so far."""
        end = joined.find(_BLANK, start)
        if joined.startswith(b"\r\n"):
            self.header, self._whole = b"", True
        elif end >= 0:
            self.header, self._whole = joined[: end + 2][:HEAD_OCTETS], True
        else:
            self._whole = len(joined) >= HEAD_OCTETS
            self.header = joined[:HEAD_OCTETS]

    def _show(self, joined: bytes) -> bool:
        """The header is whole: show it, and store what the watches leave of it."""
        kept, rest = self.header, joined[len(self.header) :]
        for watch in self._watches:
            kept = watch.header(kept)
        body = rest[2:]
        if body:
            for watch in self._watches:
                watch.body(body)
        return self._writer.write(kept + rest)

    async def drained(self) -> None:
        """Wait until blocks may be written again."""
        await self._writer.drained()

    async def close(self) -> Blob:
        """All is written; what has no blank line is all header."""
        if self._watches and not self._whole:
            self._whole = True
            self._show(self.header)
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
