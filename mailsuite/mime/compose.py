"""Fields and bodies of messages that we write (RFC 5322 §2.2, RFC 2047, RFC 2045).

Texts come from strangers: control characters in them become spaces, so that none of
them ends a line or a field. Addresses that are not ASCII stay as they are; such a
message needs SMTPUTF8.
"""

import re
import textwrap
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable, Sequence

from mailsuite.mime import headers
from mailsuite.mime.addresses import Mailbox
from mailsuite.model.address import Address

WIDTH = 76  # characters of a line; RFC 5322 §2.1.1 asks for at most 78
WORD_CHARACTERS = 75  # of an encoded word, RFC 2047 §2
LINE_OCTETS = 990  # of a body's line; RFC 5322 §2.1.1 allows 998
UNBROKEN = 200  # characters without a space that a field may hold as they are
TEXT_CHARACTERS = 2_000  # of one unstructured field

_FOLD = "\r\n "
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|\n")
_BARE = re.compile(rb"\r?\n|\r")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_PAIRED = re.compile(r'(["\\])')
_SAFE = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/"
)
_FIELD = re.compile(r"[!-9;-~]+[ \t]*:")


def clean(text: str, characters: int = TEXT_CHARACTERS) -> str:
    """Take out what could end a line, a field or a string of UTF-8."""
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text[:characters])).strip()


def unstructured(name: str, text: str, characters: int = TEXT_CHARACTERS) -> bytes:
    """Write a field of any text, with its line end."""
    text = clean(text, characters)
    if _plain(text):
        return _folded(f"{name}: {text}")
    return f"{name}: {encoded(text, WIDTH - len(name) - 2)}\r\n".encode()


def structured(name: str, text: str) -> bytes:
    """Write a field whose text is in its form already, folded at spaces."""
    return _folded(f"{name}: {clean(text, 100 * TEXT_CHARACTERS)}")


def authors(name: str, mailboxes: Iterable[Mailbox]) -> bytes:
    """Write a field of mailboxes, one on each line."""
    listed = f",{_FOLD}".join(map(mailbox, mailboxes))
    return f"{name}: {listed}\r\n".encode()


def mailbox(one: Mailbox) -> str:
    """Write a mailbox: ``name <local@domain>``."""
    address = str(Address(one.local, one.domain))
    display = clean(one.display)
    return f"{phrase(display)} <{address}>" if display else address


def phrase(text: str) -> str:
    """Write a name that stands before an address (RFC 5322 §3.2.5)."""
    if not _plain(text):
        return encoded(text)
    if _ATOMS.fullmatch(text):
        return text
    quoted = _PAIRED.sub(r"\\\1", text)
    return f'"{quoted}"'


def encoded(text: str, room: int = WORD_CHARACTERS) -> str:
    """Encoded words (RFC 2047), one on each line, in the shorter encoding.

    They stand where texts and phrases do.
    """
    octets = text.encode("utf-8", "replace")
    quoted = sum(1 if octet in _SAFE or octet == 32 else 3 for octet in octets)
    kind = "q" if quoted * 3 < len(octets) * 4 else "b"
    inside = max(min(room, WORD_CHARACTERS) - len("=?utf-8?q??="), 20)
    words = (f"=?utf-8?{kind}?{one}?=" for one in _pieces(text, inside, kind))
    return _FOLD.join(words)


def _pieces(text: str, room: int, kind: str) -> Iterable[str]:
    """Whole characters, encoded, as many as have room."""
    limit = room // 4 * 3 if kind == "b" else room
    piece = b""
    taken = 0
    for character in text:
        octets = character.encode("utf-8", "replace")
        cost = len(octets) if kind == "b" else len(_quoted(octets))
        if taken + cost > limit:
            yield _written(piece, kind)
            piece, taken = b"", 0
        piece, taken = piece + octets, taken + cost
    yield _written(piece, kind)


def _written(octets: bytes, kind: str) -> str:
    return _base64(octets) if kind == "b" else _quoted(octets)


def _base64(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).decode("ascii")


def _quoted(octets: bytes) -> str:
    return "".join(
        chr(one) if one in _SAFE else "_" if one == 32 else f"={one:02X}"
        for one in octets
    )


def _plain(text: str) -> bool:
    """Whether a text may stand in a field as it is."""
    return (
        text.isascii()
        and "=?" not in text
        and max(map(len, text.split(" ")), default=0) <= UNBROKEN
    )


def _folded(text: str) -> bytes:
    lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{_FOLD.join(lines)}\r\n".encode()


def text_part(text: str) -> tuple[bytes, bytes]:
    """Fields and body of a text that any transport carries."""
    octets = _LINE_END.sub("\r\n", text).encode("utf-8", "replace")
    if not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    kind = b"Content-Type: text/plain; charset=utf-8\r\n"
    encoding, octets = seven(octets)
    return kind + encoding, octets


def seven(octets: bytes) -> tuple[bytes, bytes]:
    """A text in 7-bit lines, and the field that says how."""
    octets = octets.replace(b"\0", b"")
    if octets.isascii() and max(map(len, octets.split(b"\n"))) <= LINE_OCTETS:
        return b"Content-Transfer-Encoding: 7bit\r\n", octets
    coded = _BARE.sub(b"\r\n", b2a_qp(octets, istext=True))
    return b"Content-Transfer-Encoding: quoted-printable\r\n", coded


def entity(text: str) -> tuple[bytes, bytes]:
    """Fields and body of a MIME entity that somebody wrote (RFC 2045 §2.4).

    Only fields that say what the content is are taken of its header.

    :raises ValueError: its header is none.
    """
    text = _LINE_END.sub("\r\n", text)
    head, body = _divided(text)
    if not head.isascii():
        raise ValueError("the header of a MIME part must be ASCII")
    known: dict[bytes, bytes] = {}
    for name, whole in headers.fields(head.encode()):
        if name.startswith(b"content-"):
            known.setdefault(name, whole)
    if not known:
        return text_part(body)
    octets = body.encode("utf-8", "replace").replace(b"\0", b"")
    coded = b""
    value = headers.value(known.get(b"content-type", b""), b"content-type") or b""
    composite = value.lower().startswith((b"multipart/", b"message/"))
    if b"content-transfer-encoding" not in known:
        if not composite:
            coded, octets = seven(octets)
        elif not octets.isascii():
            coded = b"Content-Transfer-Encoding: 8bit\r\n"
    return b"".join(known.values()) + coded, octets


def _divided(text: str) -> tuple[str, str]:
    """Header, with its last line end, and body; a text that has none is a body."""
    if text.startswith("\r\n"):
        return "", text[2:]
    if not _FIELD.match(text):
        return "", text
    head, _, body = text.partition("\r\n\r\n")
    return head.removesuffix("\r\n") + "\r\n", body


def message(fields: Sequence[bytes], part: tuple[bytes, bytes]) -> bytes:
    """Put a message together: fields with their line ends, and a part."""
    head, body = part
    return b"".join([*fields, b"MIME-Version: 1.0\r\n", head, b"\r\n", body])
