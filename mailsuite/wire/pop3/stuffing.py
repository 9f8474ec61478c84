"""Messages as multi-line responses (RFC 1939 §3), block by block."""

import re

from attrs import define

from mailsuite.wire.pop3.replies import END

_CHANGES = re.compile(rb"\n(?:\.|(?<!\r\n))")
"""A line that opens with a dot, or ends with a bare LF: sought in one quick pass."""
_DOT = re.compile(rb"\n\.")
"""``re`` looks for it in half the time that ``bytes.replace`` takes."""


@define(eq=False)
class Stuffer:
    """Doubles the dot that opens a line, and ends the response.

    A bare LF, as other programs may leave one in a Maildir, goes out as CRLF;
    in a ``lined`` message there is none.
    """

    _lined: bool = False
    _starts: bool = True
    _cr: bool = False

    def feed(self, block: bytes) -> bytes:
        """Give ``block`` as it goes out."""
        if not block:
            return b""
        first, cr = b"", self._cr
        starts, self._starts = self._starts, block.endswith(b"\n")
        self._cr = block.endswith(b"\r")
        if cr and block.startswith(b"\n"):
            first, block, starts = b"\n", block[1:], True
        if starts and block.startswith(b"."):
            first += b"."
        if self._lined:
            return first + _DOT.sub(b"\n..", block)
        if _CHANGES.search(block) is None:
            return first + block
        if block.count(b"\n") != block.count(b"\r\n"):
            block = block.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return first + _DOT.sub(b"\n..", block)

    def end(self) -> bytes:
        """Give the end of the response, after a line end if one is missing.

        That CRLF belongs to the end: sizes do not count it.
        """
        return END if self._starts else b"\r\n" + END


@define(eq=False)
class Head:
    """Cuts a message after its header and so many lines (TOP, RFC 1939 §7)."""

    _lines: int
    _body: bool = False
    _tail: bytes = b"\n"
    done: bool = False

    def feed(self, block: bytes) -> bytes:
        """Give what of ``block`` belongs to it; ``done`` once that is all."""
        if self.done:
            return b""
        start = 0 if self._body else self._header(block)
        if start < 0:
            return block
        self._body = True
        return block[: self._take(block, start)]

    def _header(self, block: bytes) -> int:
        """Where in ``block`` the body begins; -1: not in this one."""
        look = self._tail + block
        found = [
            at + len(empty)
            for empty in (b"\n\n", b"\n\r\n")
            if (at := look.find(empty)) >= 0
        ]
        if found:
            return min(found) - len(self._tail)
        self._tail = look[-2:]
        return -1

    def _take(self, block: bytes, start: int) -> int:
        """Where in ``block`` the last wanted line ends, if it does."""
        lines = block.count(b"\n", start)
        if lines < self._lines:
            self._lines -= lines
            return len(block)
        while self._lines:
            start = block.find(b"\n", start) + 1
            self._lines -= 1
        self.done = True
        return start
