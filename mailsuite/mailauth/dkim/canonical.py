"""Header fields in the form that is hashed (RFC 6376 §3.4.1 and §3.4.2)."""

import re
from collections.abc import Callable
from enum import Enum


class Canon(Enum):
    """The two ways to canonicalize, headers and bodies alike."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


_SPACES = re.compile(rb"  +")


def relaxed(field: bytes) -> bytes:
    """Give a whole field with its CRLF in relaxed form.

    It has a colon. Octets that are no white space stay, bare CR and LF among them.
    """
    name, _, value = field.partition(b":")
    value = value.replace(b"\r\n", b"")
    if b"\t" in value:
        value = value.replace(b"\t", b" ")
    if b"  " in value:
        value = _SPACES.sub(b" ", value)
    return b"%b:%b\r\n" % (name.rstrip(b" \t").lower(), value.strip(b" "))


def simple(field: bytes) -> bytes:
    """Give a whole field as it is."""
    return field


FORMS: dict[Canon, Callable[[bytes], bytes]] = {
    Canon.SIMPLE: simple,
    Canon.RELAXED: relaxed,
}
