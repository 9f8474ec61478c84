"""Mailbox names on the wire: modified UTF-7, strictly (RFC 3501 §5.1.3).

Names are decoded before anything looks at them, and only what would be encoded
the same way again is accepted, so that one mailbox has one spelling.
"""

import binascii
from functools import lru_cache

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap.limits import NAME_OCTETS

INBOX = "INBOX"
SEPARATOR = "/"
_NAMES = 1_024  # remembered, of a thousand octets at most each


class BadEncoding(PeerError):  # noqa: N818 - what is wrong with a name
    """A name that is not modified UTF-7."""


def decode(name: bytes) -> str:
    """The name in Unicode. :raises BadEncoding: it has no or another spelling."""
    if len(name) > NAME_OCTETS:
        raise BadEncoding("mailbox name too long")
    if b"&" not in name:
        return _printable(name)
    pieces = name.split(b"&")
    result = [_printable(pieces[0])]
    for piece in pieces[1:]:
        shifted, dash, rest = piece.partition(b"-")
        if not dash:
            raise BadEncoding("unclosed & in a mailbox name")
        result.append(_shifted(shifted) if shifted else "&")
        result.append(_printable(rest))
    text = "".join(result)
    if encode(text) != name:
        raise BadEncoding("mailbox name is not in its one modified UTF-7 spelling")
    return text


def _printable(text: bytes) -> str:
    if any(octet < 0x20 or octet > 0x7E for octet in text):
        raise BadEncoding("mailbox name with octets that are not printable ASCII")
    return text.decode("ascii")


def _shifted(text: bytes) -> str:
    padded = text.replace(b",", b"/") + b"=" * (-len(text) % 4)
    try:
        decoded = binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be")
    except ValueError:  # of base64 and of UTF-16 alike
        raise BadEncoding("bad base64 in a mailbox name") from None
    return decoded


def encode(name: str) -> bytes:
    """The one spelling of ``name`` in modified UTF-7."""
    if name.isascii() and name.isprintable():
        return name.replace("&", "&-").encode("ascii")
    result: list[bytes] = []
    held: list[str] = []
    for letter in name:
        if " " <= letter <= "~":
            result.extend(_shift(held))
            result.append(b"&-" if letter == "&" else letter.encode("ascii"))
        else:
            held.append(letter)
    result.extend(_shift(held))
    return b"".join(result)


def _shift(held: list[str]) -> list[bytes]:
    if not held:
        return []
    octets = "".join(held).encode("utf-16-be", "surrogatepass")
    held.clear()
    text = binascii.b2a_base64(octets, newline=False).rstrip(b"=")
    return [b"&", text.replace(b"/", b","), b"-"]


@lru_cache(maxsize=_NAMES)
def mailbox(name: bytes) -> str:
    """A decoded name with INBOX in its one spelling (§5.1)."""
    text = decode(name)
    first, slash, rest = text.partition(SEPARATOR)
    if first.upper() == INBOX:
        return INBOX + slash + rest
    return text
