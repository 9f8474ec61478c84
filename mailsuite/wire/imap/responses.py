"""Octets of answers (RFC 3501 §7)."""

import re
from collections.abc import Iterable

from mailsuite.model.flags import ordered
from mailsuite.wire.imap.names import encode

_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_QUOTABLE = re.compile(rb"[^\x00\r\n\x80-\xff]*")
_QUOTED_OCTETS = 1_024  # longer strings go as literals

CONTINUE = b"+ OK\r\n"


def string(text: bytes) -> bytes:
    """A quoted string where that is possible, else a literal (§4.3)."""
    if len(text) <= _QUOTED_OCTETS and _QUOTABLE.fullmatch(text):
        return b'"%b"' % text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b"{%d}\r\n%b" % (len(text), text)


def astring(text: bytes) -> bytes:
    """An atom where that is possible, else a string."""
    return text if _ATOM.fullmatch(text) else string(text)


def content(octets: bytes) -> bytes:
    """Mail as a literal may hold it: x80 for each NUL, which no CHAR8 is (§9)."""
    return octets.replace(b"\0", b"\x80")


def mailbox(name: str) -> bytes:
    """A mailbox name, encoded and always quoted where it is not INBOX."""
    return b"INBOX" if name == "INBOX" else string(encode(name))


def flags(names: Iterable[str]) -> bytes:
    """A parenthesised flag list, system flags first."""
    return b"(%b)" % " ".join(ordered(names)).encode("ascii", "replace")


def tagged(tag: bytes, text: bytes) -> bytes:
    """The line that ends a command; ``text`` begins with OK, NO or BAD."""
    return b"%b %b\r\n" % (tag, text)


def untagged(text: bytes) -> bytes:
    """One line of data or status."""
    return b"* %b\r\n" % text


def expunged(numbers: Iterable[int]) -> bytes:
    """EXPUNGE lines; ``numbers`` fall, so that none moves another (§7.4.1)."""
    return b"".join([b"* %d EXPUNGE\r\n" % number for number in numbers])
