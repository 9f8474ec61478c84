"""Strings as IMAP writes them (RFC 3501 §4.3): quoted, literal or NIL."""

import re
from collections.abc import Iterable

QUOTED_OCTETS = 1_000  # longer strings are literals; RFC 2683 §3.2.1.5 in spirit

NIL = b"NIL"

_PLAIN = re.compile(rb'[^\x00\r\n"\\\x80-\xff]{0,1000}').fullmatch
_LITERAL = re.compile(rb"[\r\n\x80-\xff]").search


def string(value: bytes) -> bytes:
    """Give a quoted string, or a literal where quoting cannot carry it.

    NUL is dropped: no IMAP4rev1 string can hold it.
    """
    if _PLAIN(value):
        return b'"' + value + b'"'
    value = value.replace(b"\0", b"")
    if len(value) > QUOTED_OCTETS or _LITERAL(value):
        return b"{%d}\r\n%b" % (len(value), value)
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def nstring(value: bytes | None) -> bytes:
    """As :func:`string`, NIL for None."""
    return NIL if value is None else string(value)


def pairs(parameters: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Give ``body-fld-param``: names and values in parentheses, or NIL."""
    inside = b" ".join([string(one) for pair in parameters for one in pair])
    return b"(" + inside + b")" if inside else NIL


def unfolded(value: bytes) -> bytes:
    """Undo folding (RFC 5322 §2.2.3) and strip white space at both ends."""
    if b"\n" in value:
        value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    return value.strip(b" \t\r\n")
