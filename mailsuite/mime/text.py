"""The text of a message for SEARCH BODY and SEARCH TEXT (RFC 3501 §6.4.4).

Comes in pieces, so that a door can let others in between: each piece costs at most
some milliseconds. A match may lie across pieces; :func:`windows` sees to that.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from mailsuite.mime import charsets, transfer, words
from mailsuite.mime.limits import HEADER_OCTETS
from mailsuite.model.structure import Part

_FIELD = re.compile(rb"[^\n]*+\n?(?:[ \t][^\n]*+\n?)*+")
_FOLD = re.compile(rb"\n(?=[ \t])")
_HEADER_PIECE = 16_384  # octets of a header that are decoded at a time
_READABLE = frozenset(("text", "message"))
_CUT_CHARACTER = 3  # octets of UTF-8 that a slice may lack at its end
_MARKED = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
"""Charsets whose text begins with a byte order mark, or is big-endian."""


def searchable(octets: bytes, part: Part, *, header: bool = False) -> Iterator[str]:
    """Give the decoded text of ``part`` and of everything in it.

    Text parts are decoded from their encodings and charsets, and what is told about
    mail (``message/delivery-status`` and its like) as well, headers of inner parts
    from RFC 2047; ``header`` adds the part's own (SEARCH TEXT). Attachments that are
    no text are left out. A line feed stands between parts.
    """
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if header or one is not part:
            yield from _header(octets, one.start, one.body)
        if one.parts:
            waiting += reversed(one.parts)
        elif one.type in _READABLE:
            yield from _decoded(octets, one)
            yield "\n"


def _header(octets: bytes, start: int, end: int) -> Iterator[str]:
    end = min(end, start + HEADER_OCTETS)
    while start < end:
        rest = _FIELD.match(octets, min(start + _HEADER_PIECE, end), end)
        stop = rest.end() if rest else end
        yield _fields(octets[start:stop])
        start = stop
    yield "\n"


def _fields(lines: bytes) -> str:
    """Decode all at once, or each by itself if the octets are not all UTF-8."""
    lines = _FOLD.sub(b"", lines.replace(b"\r\n", b"\n")).replace(b"\0", b"")
    try:
        lines.decode("utf-8")
    except UnicodeDecodeError:
        return "\n".join(map(words.read, lines.split(b"\n")))
    return words.read(lines)


def _decoded(octets: bytes, part: Part) -> Iterator[str]:
    label = part.parameter("charset") or ""
    decoder: codecs.IncrementalDecoder | None = None
    for piece in transfer.slices(octets, part.body, part.end, part.encoding):
        if decoder is None:
            decoder = _decoder(label, piece)
        yield _replaced(decoder, piece)
    if decoder is not None:
        yield _replaced(decoder, b"", final=True)


def _replaced(
    decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False
) -> str:
    """Decode a piece; some decoders give up on an escape where they should replace it."""
    try:
        return decoder.decode(piece, final)
    except UnicodeError:
        decoder.reset()
        return charsets.guess(piece)


def _decoder(label: str, piece: bytes) -> codecs.IncrementalDecoder:
    """Choose a decoder; one for an unknown or wrong label by the first octets."""
    found = charsets.codec(label)
    if found is None or found.name == "utf-8":
        name = "utf-8"
        try:
            piece.decode(name)
        except UnicodeDecodeError as wrong:
            if wrong.start < len(piece) - _CUT_CHARACTER:
                name = "latin-1"
        found = codecs.lookup(name)
    elif found.name in _MARKED and not piece.startswith(_MARKED[found.name]):
        found = codecs.lookup(f"{found.name}-be")  # RFC 2781 §4.3
    if found.incrementaldecoder is None:
        found = codecs.lookup("latin-1")
    decoder = found.incrementaldecoder
    assert decoder is not None, "latin-1 has one"
    return decoder("replace")


def windows(pieces: Iterable[str], needle: int) -> Iterator[str]:
    """Case-fold pieces for seeking strings of up to ``needle`` characters.

    ``needle`` counts them after case-folding. Each window begins with the end of
    the one before, so that a string that lies across pieces is in one of them.
    """
    tail = ""
    for piece in pieces:
        window = tail + piece.casefold()
        yield window
        tail = window[-(needle - 1) :] if needle > 1 else ""


def holds(pieces: Iterable[str], needle: str) -> bool:
    """Whether the text holds ``needle``, in any case. Runs to the end at once."""
    folded = needle.casefold()
    return any(folded in window for window in windows(pieces, len(folded)))
