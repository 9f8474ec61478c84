"""Texts and delimiters of multiparts (RFC 2046 §5.1): none is taken for the other."""

import re
from binascii import b2a_qp

from mailsuite.mime import compose

_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BARE = re.compile(rb"\r?\n|\r")
_HYPHENS = re.compile(rb"^-(?=-)", re.MULTILINE)


def lines(text: str) -> bytes:
    """A text in UTF-8 with CRLF at its lines, without NUL."""
    octets = _SURROGATES.sub("\ufffd", text).encode("utf-8")
    return _BARE.sub(b"\r\n", octets.replace(b"\0", b""))


def part(text: str) -> bytes:
    """A plain text as an entity, header and all; no line of it is a delimiter."""
    content = lines(text)
    encoding, octets = compose.seven(content)
    if _HYPHENS.search(octets):
        if octets == content:
            octets = _BARE.sub(b"\r\n", b2a_qp(content, istext=True))
            encoding = b"Content-Transfer-Encoding: quoted-printable\r\n"
        octets = _HYPHENS.sub(b"=2D", octets)
    return b"Content-Type: text/plain; charset=utf-8\r\n%b\r\n%b" % (encoding, octets)


def boundary(content: bytes) -> bytes:
    """A boundary that no line of the content begins with."""
    number = 0
    while b"--=_part.%d" % number in content:
        number += 1
    return b"=_part.%d" % number
