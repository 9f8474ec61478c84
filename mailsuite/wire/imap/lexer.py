"""A cursor over one whole command, its literals inside (RFC 3501 §9).

Every parser in ``commands`` reads through it. What does not fit raises
:class:`~mailsuite.model.errors.PeerError`, whose text goes into the BAD answer.
"""

import re

from attrs import define

from mailsuite.model.errors import PeerError

_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_LIST_MAILBOX = re.compile(rb'[^\x00-\x20\x7f(){"\\]+')
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}\r?\n")
_NUMBER = re.compile(rb"[0-9]{1,10}(?![0-9])")
_ESCAPED = re.compile(rb"\\(.)")
_LARGEST = 2**32 - 1  # RFC 3501 §9 "number"


@define(eq=False)
class Cursor:
    """``at`` is the next octet of ``data`` to be read."""

    data: bytes
    at: int = 0

    def peek(self) -> bytes:
        """The next octet, empty at the end."""
        return self.data[self.at : self.at + 1]

    def take(self, pattern: "re.Pattern[bytes]", what: str) -> "re.Match[bytes]":
        """Read what matches. :raises PeerError: ``what`` was expected."""
        found = pattern.match(self.data, self.at)
        if found is None:
            raise PeerError(f"{what} expected")
        self.at = found.end()
        return found

    def skip(self, text: bytes) -> bool:
        """Read ``text`` if it comes next."""
        if self.data.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def expect(self, text: bytes, what: str) -> None:
        """Read ``text``. :raises PeerError: ``what`` was expected."""
        if not self.skip(text):
            raise PeerError(f"{what} expected")

    def space(self) -> None:
        """Read the one space between arguments."""
        if not self.data.startswith(b" ", self.at):
            raise PeerError("space expected")
        self.at += 1

    def end(self) -> None:
        """Nothing may follow, but trailing spaces are forgiven."""
        if self.data[self.at :].strip(b" "):
            raise PeerError("unexpected text after the arguments")

    def word(self) -> bytes:
        """An atom in upper case: a keyword of the grammar."""
        return self.take(_ATOM, "word").group().upper()

    def atom(self) -> bytes:
        """An atom as it was written."""
        return self.take(_ATOM, "atom").group()

    def string(self) -> bytes:
        """A quoted string or literal (§4.3)."""
        if self.peek() == b"{":
            found = self.take(_LITERAL, "literal")
            start = self.at
            self.at += int(found.group(1))
            return self.data[start : self.at]
        text = self.take(_QUOTED, "string").group(1)
        return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text

    def astring(self) -> bytes:
        """An atom, which may contain ``]``, or a string."""
        if self.peek() in {b'"', b"{"}:
            return self.string()
        return self.take(_ASTRING, "string").group()

    def pattern(self) -> bytes:
        """``list-mailbox``: an atom with wildcards, or a string (§6.3.8)."""
        if self.peek() in {b'"', b"{"}:
            return self.string()
        return self.take(_LIST_MAILBOX, "pattern").group()

    def number(self) -> int:
        """An unsigned number of 32 bits."""
        value = int(self.take(_NUMBER, "number").group())
        if value > _LARGEST:
            raise PeerError("number too large")
        return value
