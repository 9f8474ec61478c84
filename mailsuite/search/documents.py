"""What of a message is indexed: people, subject and decoded text."""

import html
import re
from collections.abc import Iterator

from attrs import frozen

from mailsuite.mime import dates, headers, scan, structure, text, words
from mailsuite.model.structure import Part
from mailsuite.search.words import TEXT_CHARS

PEOPLE = (b"from", b"to", b"cc", b"bcc", b"reply-to", b"sender")
SHOWN_CHARS = 200  # of sender and subject kept for showing
MESSAGE_OCTETS = 32 * 1024 * 1024  # of a file that are read
MARKUP = 4  # characters of HTML looked at for one of text
PARTS = 1_000  # of a message that are looked into

_TAG = re.compile(r"<[^<>]{0,2000}>")


@frozen
class Document:
    """A message as the index takes it."""

    subject: str
    people: str
    text: str
    sender: str
    date: float


def make(octets: bytes) -> Document:
    """Take a message apart; never raises for what is in it."""
    found = scan.scan(octets)
    header = octets[: found.header_size]
    fields = {name: _field(header, name) for name in (*PEOPLE, b"subject")}
    return Document(
        fields[b"subject"],
        "\n".join(fields[name] for name in PEOPLE if fields[name]),
        _text(octets, structure.decode(found.parts)),
        fields[b"from"][:SHOWN_CHARS],
        _date(header),
    )


def _field(header: bytes, name: bytes) -> str:
    return "\n".join(words.decode(value) for value in headers.values(header, name))


def _date(header: bytes) -> float:
    value = headers.value(header, b"date")
    parsed = dates.parse(value) if value else None
    return float(parsed[0]) if parsed else 0.0


def _text(octets: bytes, root: Part) -> str:
    found: list[str] = []
    left = TEXT_CHARS
    for part in _leaves(root):
        plain = _joined(text.searchable(octets, part), left * MARKUP)
        if part.subtype == "html":
            plain = html.unescape(_TAG.sub(" ", plain))
        found.append(plain[:left])
        left -= len(found[-1])
        if left <= 0:
            break
    return "\n".join(found)


def _joined(pieces: Iterator[str], limit: int) -> str:
    """Join pieces until there are enough characters."""
    found, size = [], 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= limit:
            break
    return "".join(found)


def _leaves(root: Part) -> Iterator[Part]:
    """Text parts in their order, the first :data:`PARTS` parts looked at."""
    waiting, seen = [root], 0
    while waiting and seen < PARTS:
        part = waiting.pop()
        seen += 1
        if part.parts:
            waiting.extend(reversed(part.parts))
        elif part.type == "text":
            yield part
