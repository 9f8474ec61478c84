"""Fields and parts put into the form in which they travel (RFC 5322, 2045, 2047).

Texts come from people and from scripts: what could end a line, a field or a part is
taken out or encoded here, whatever a text holds.
"""

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable, Iterator

from mailsuite.mime.addresses import Mailbox

LINE_CHARACTERS = 76  # RFC 5322 §2.1.1 asks for 78, RFC 2047 §2 for 76
HARD_OCTETS = 998  # RFC 5322 §2.1.1
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r"[ \t]+")
_BARE = re.compile(rb"\r?\n|\r")
_DELIMITER = re.compile(rb"^-(?=-)", re.MULTILINE)
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_PHRASE = re.compile(rf"{_ATEXT}(?: {_ATEXT})*")
_QUOTABLE = re.compile(r"[ -~]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[!-Z^-~]{1,60}\]")
_WORD_OCTETS = 39  # of UTF-8 in one encoded word, 64 characters with its frame


def clean(text: str) -> str:
    """Take out what could end a line or is no text."""
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text)).strip()


def field(name: str, value: str) -> bytes:
    """An unstructured field, folded, with encoded words if it needs them, and CRLF."""
    value = clean(value)
    longest = len(max(value.split(" "), key=len))
    if value.isascii() and longest <= HARD_OCTETS - 100:
        lines = [*_folded(f"{name}: {value}")]
    else:
        first, *further = _encoded(value)
        lines = [f"{name}: {first}", *further]
        if len(lines[0]) > LINE_CHARACTERS:
            lines[:1] = [f"{name}:", first]
    return "\r\n ".join(lines).encode("ascii") + b"\r\n"


def addresses(name: str, mailboxes: Iterable[Mailbox]) -> bytes:
    """A field of mailboxes, one a line, with CRLF; domains and local parts in ASCII.

    :raises ValueError: an address cannot be written.
    """
    told = ",\r\n ".join(map(_mailbox, mailboxes))
    return f"{name}: {told}\r\n".encode("ascii")


def _mailbox(one: Mailbox) -> str:
    local, domain, display = one.local, one.domain, clean(one.display)
    if not _ATOMS.fullmatch(local):
        if not _QUOTABLE.fullmatch(local):
            raise ValueError("a local part that cannot be written")
        local = _quoted(local)
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("a domain that cannot be written")
    if not display:
        return f"{local}@{domain}"
    if not display.isascii() or len(display) > HARD_OCTETS // 2:
        return "\r\n ".join((*_encoded(display), f"<{local}@{domain}>"))
    plain = _PHRASE.fullmatch(display)
    return f"{display if plain else _quoted(display)} <{local}@{domain}>"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _folded(text: str) -> Iterator[str]:
    """Lines broken at spaces, where there are any; a line of spaces alone is none."""
    line = ""
    for word in _SPACES.split(text):
        if line and len(line) + 1 + len(word) > LINE_CHARACTERS:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _encoded(value: str) -> Iterator[str]:
    """Encoded words of whole characters (RFC 2047 §5)."""
    octets = b""
    for character in value:
        one = character.encode("utf-8")
        if len(octets) + len(one) > _WORD_OCTETS:
            yield _word(octets)
            octets = b""
        octets += one
    yield _word(octets)


def _word(octets: bytes) -> str:
    return f"=?utf-8?B?{b2a_base64(octets, newline=False).decode('ascii')}?="


def lines(text: str) -> bytes:
    """A text in UTF-8 with CRLF at its lines."""
    return _BARE.sub(b"\r\n", _SURROGATES.sub("\ufffd", text).encode("utf-8"))


def text_part(text: str, kind: str = "plain") -> bytes:
    """A text as an entity, header and all; no line of it can be a delimiter."""
    content = lines(text.replace("\0", ""))
    head = b"Content-Type: text/%b; charset=utf-8\r\n" % kind.encode("ascii")
    long = max(map(len, content.split(b"\n"))) > HARD_OCTETS
    if content.isascii() and not long and not _DELIMITER.search(content):
        return head + b"Content-Transfer-Encoding: 7bit\r\n\r\n" + content
    coded = _BARE.sub(b"\r\n", b2a_qp(content, istext=True))
    coded = _DELIMITER.sub(b"=2D", coded)
    return head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + coded


def boundary(content: bytes) -> bytes:
    """A boundary that no line of the content begins with."""
    number = 0
    while b"--=_part.%d" % number in content:
        number += 1
    return b"=_part.%d" % number
