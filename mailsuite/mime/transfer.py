"""Content-Transfer-Encoding undone (RFC 2045 §6), tolerantly and in slices."""

from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator

from mailsuite.mime.limits import SLICE_OCTETS

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_OTHERS = bytes(set(range(256)) - set(_ALPHABET))
_PADDINGS = 100  # in one slice that are taken for ends of what was encoded


def decode(octets: bytes, encoding: str) -> bytes:
    """Give the decoded octets; those of an unknown encoding as they are."""
    return b"".join(slices(octets, 0, len(octets), encoding))


def slices(octets: bytes, start: int, end: int, encoding: str) -> Iterator[bytes]:
    """Decode a range of ``octets``, at most 64 KiB of it at each step."""
    encoding = encoding.lower()
    if encoding == "base64":
        return _base64(octets, start, end)
    if encoding == "quoted-printable":
        return _quoted_printable(octets, start, end)
    return _plain(octets, start, end)


def _plain(octets: bytes, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, SLICE_OCTETS):
        yield octets[at : min(at + SLICE_OCTETS, end)]


def _base64(octets: bytes, start: int, end: int) -> Iterator[bytes]:
    rest = b""
    for piece in _plain(octets, start, end):
        coded = rest + piece.translate(None, _OTHERS)
        if b"=" in coded:
            *ended, coded = coded.split(b"=", _PADDINGS)
            yield b"".join(map(_whole, ended))
            coded = coded.replace(b"=", b"")
        cut = len(coded) & ~3
        rest = coded[cut:]
        yield a2b_base64(coded[:cut])
    yield _whole(rest)


def _whole(coded: bytes) -> bytes:
    """Decode what stands before a padding; a lone last character is lost."""
    if len(coded) % 4 == 1:
        coded = coded[:-1]
    return a2b_base64(coded + b"=" * (-len(coded) % 4))


def _quoted_printable(octets: bytes, start: int, end: int) -> Iterator[bytes]:
    at = start
    while at < end:
        stop = min(at + SLICE_OCTETS, end)
        if stop < end:
            stop = octets.rfind(b"\n", at, stop) + 1 or _between_codes(octets, at, stop)
        yield a2b_qp(octets[at:stop])
        at = stop


def _between_codes(octets: bytes, at: int, stop: int) -> int:
    """Find a place before ``stop`` that does not cut ``=3D`` in two."""
    code = octets.find(b"=", max(at + 1, stop - 2), stop)
    return stop if code < 0 else code
