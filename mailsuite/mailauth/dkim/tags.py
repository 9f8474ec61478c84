"""Tag lists (RFC 6376 §3.2): ``v=1; a=rsa-sha256; ...``, read strictly."""

import binascii
import re
from collections.abc import Mapping
from typing import NamedTuple

from mailsuite.mailauth.dkim.limits import TAGS

_SPEC = re.compile(
    rb"[ \t\r\n]*+([A-Za-z][A-Za-z0-9_]*+)[ \t\r\n]*+="
    rb"([ \t\r\n!-:<-~\x80-\xff]*+)(;|\Z)"
)
_BLANK = re.compile(rb"[ \t\r\n]*+\Z")
_SPACES = b" \t\r\n"
_NUMBER = re.compile(rb"[0-9]{1,76}+\Z")


class Tag(NamedTuple):
    """One value without the white space around it, and where it was.

    ``start`` and ``end`` enclose all between ``=`` and ``;``, white space included.
    """

    value: bytes
    start: int
    end: int


def parse(octets: bytes, at: int = 0) -> dict[bytes, Tag]:
    """Read a tag list that begins at an offset of ``octets``, in its order.

    White space may hold CRLF, as the value of a folded field does. Octets above
    127 are taken (RFC 8616 §5).

    :raises ValueError: it is none, a name occurs twice, or it has too many.
    """
    found: dict[bytes, Tag] = {}
    end = len(octets)
    while True:
        spec = _SPEC.match(octets, at)
        if spec is None:
            raise ValueError(_complaint(octets, at))
        name = spec[1]
        if name in found:
            raise ValueError(f"the tag {name.decode()[:20]}= occurs twice")
        if len(found) == TAGS:
            raise ValueError(f"more than {TAGS} tags")
        found[name] = Tag(spec[2].strip(_SPACES), spec.start(2), spec.end(2))
        at = spec.end()
        if at == end or _BLANK.match(octets, at):
            return found


def _complaint(octets: bytes, at: int) -> str:
    where = octets[at : at + 20].strip(_SPACES).decode("ascii", "backslashreplace")
    return f"no tag list at {where!r}" if where else "a tag is missing"


def required(tags: Mapping[bytes, Tag], name: bytes) -> bytes:
    """Give a value that must be there.

    :raises KeyError: it is not.
    """
    return tags[name].value


def octets(value: bytes) -> bytes:
    """Decode base64 with white space anywhere (RFC 6376 §2.10).

    :raises ValueError: it is not base64, or has octets that nobody encodes.
    """
    packed = value.translate(None, _SPACES)
    try:
        return binascii.a2b_base64(packed, strict_mode=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def number(value: bytes, digits: int) -> int:
    """Read an unsigned decimal number.

    :raises ValueError: it has another character or too many digits.
    """
    if not _NUMBER.match(value) or len(value) > digits:
        raise ValueError(f"not a number of at most {digits} digits")
    return int(value)


def members(value: bytes) -> list[bytes]:
    """Split a list at its colons; white space around members is dropped."""
    return [one.strip(_SPACES) for one in value.split(b":")]


def text(value: bytes) -> str:
    """Give a value without white space as text; what is no UTF-8 is replaced."""
    return value.translate(None, _SPACES).decode("utf-8", "replace")
