"""What the server says (RFC 5804 §1.3, §2): OK, NO and BYE, and data before them."""

import re
from collections.abc import Sequence

from attrs import frozen

QUOTED_OCTETS = 1_024  # RFC 5804 §4; longer strings are literals

_PLAIN = re.compile("[^\0\r\n]*")


def string(octets: bytes) -> bytes:
    """A quoted string where it can be one, else a literal (RFC 5804 §4)."""
    escaped = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    if len(escaped) <= QUOTED_OCTETS and _quotable(octets):
        return b'"%b"' % escaped
    return literal(octets)


def _quotable(octets: bytes) -> bool:
    """Whether it is a line of UTF-8."""
    try:
        return _PLAIN.fullmatch(octets.decode("utf-8")) is not None
    except UnicodeDecodeError:
        return False


def literal(octets: bytes) -> bytes:
    """A literal of the server's kind."""
    return b"{%d}\r\n%b" % (len(octets), octets)


@frozen
class Reply:
    """How a command ended. ``code`` is rendered already: ``QUOTA/MAXSIZE``."""

    word: bytes
    text: str = ""
    code: bytes = b""

    @property
    def positive(self) -> bool:
        """Whether the command did what it should."""
        return self.word == b"OK"

    def render(self) -> bytes:
        """The line with its end."""
        said = self.word
        if self.code:
            said += b" (%b)" % self.code
        if self.text:
            said += b" " + string(self.text.encode("utf-8", "replace"))
        return said + b"\r\n"


def ok(text: str = "", code: bytes = b"") -> Reply:
    """Success."""
    return Reply(b"OK", text, code)


def refuse(text: str, code: bytes = b"") -> Reply:
    """The command was not carried out."""
    return Reply(b"NO", text, code)


def bye(text: str, code: bytes = b"") -> Reply:
    """The connection ends."""
    return Reply(b"BYE", text, code)


def capabilities(pairs: Sequence[tuple[str, str | None]]) -> bytes:
    """Lines of names and values (RFC 5804 §1.7); the reply follows."""
    lines = []
    for name, value in pairs:
        line = string(name.encode("ascii"))
        if value is not None:
            line += b" " + string(value.encode("utf-8"))
        lines.append(line + b"\r\n")
    return b"".join(lines)


def scripts(rows: Sequence[tuple[str, bool]]) -> bytes:
    """Lines of LISTSCRIPTS (RFC 5804 §2.7)."""
    return b"".join(
        string(name.encode("utf-8")) + (b" ACTIVE\r\n" if active else b"\r\n")
        for name, active in rows
    )
