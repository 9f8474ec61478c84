"""Encoded words in header fields (RFC 2047, language tags of RFC 2231 §5)."""

import re
from binascii import Error, a2b_base64

from mailsuite.mime import charsets
from mailsuite.mime.limits import ENCODED_WORDS
from mailsuite.mime.quoting import unfolded

_WORD = re.compile(
    rb"=\?([!-)+-<>@-~]{1,60}+)(?:\*[!->@-~]{0,40})?\?([BbQq])\?([^?\s]*+)\?="
)
_BLANK = b" \t\r\v\f"
_DIGITS = "0123456789abcdefABCDEF"
_CODES = {
    (one + other).encode(): bytes((int(one + other, 16),))
    for one in _DIGITS
    for other in _DIGITS
}
"""Octets by two hexadecimal digits."""


def decode(value: bytes) -> str:
    """Give the text of an unstructured value or phrase; tolerates raw 8-bit.

    White space between two encoded words vanishes. Neighbours of one charset are
    decoded together, because writers cut characters in two. NUL is dropped.
    """
    return read(unfolded(value).replace(b"\0", b""))


def read(value: bytes) -> str:
    """Do :func:`decode` for what is unfolded: a value, or lines of fields."""
    if b"=?" not in value:
        return charsets.guess(value)
    before, *found = _WORD.split(value, ENCODED_WORDS)
    text = [charsets.guess(before)]
    label, between = "", b""
    pending: list[bytes] = []
    for charset, encoding, coded, after in zip(*[iter(found)] * 4, strict=True):
        octets = _octets(encoding, coded)
        last, label = label, charset.decode("ascii").lower()
        if last == label and not between.strip(_BLANK):
            pending.append(octets)
        else:
            if last:
                text.append(charsets.decode(b"".join(pending), last))
            if between.strip(_BLANK):
                text.append(charsets.guess(between))
            pending = [octets]
        between = after
    if label:
        text.append(charsets.decode(b"".join(pending), label))
    text.append(charsets.guess(between))
    return "".join(text)


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Bb":
        try:
            return a2b_base64(text + b"===")
        except Error:
            return text
    text = text.replace(b"_", b" ")
    if b"=" not in text:
        return text
    first, *pieces = text.split(b"=")
    codes = map(_CODES.get, [piece[:2] for piece in pieces])
    told = [
        b"=" + piece if code is None else code + piece[2:]
        for code, piece in zip(codes, pieces, strict=True)
    ]
    return first + b"".join(told)
