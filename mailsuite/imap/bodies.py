"""``BODY[...]`` from a message's octets (RFC 3501 §6.4.5), in blocks."""

from collections.abc import Sequence

from mailsuite.imap import facts
from mailsuite.imap.talk import Talk
from mailsuite.interfaces.blobs import IOctets
from mailsuite.mime import structure
from mailsuite.model.errors import Damaged
from mailsuite.model.structure import Part
from mailsuite.net.protocol import Gone
from mailsuite.wire.imap import responses
from mailsuite.wire.imap.sections import Kind, Section

BLOCK_OCTETS = 131_072  # read and written at once; larger bodies go in several


async def write(
    talk: Talk,
    bulk: bytes,
    sections: Sequence[Section],
    octets: IOctets,
    parts: bytes | None,
) -> None:
    """Say one message's whole FETCH line; ``bulk`` begins it.

    :raises Damaged: before anything of the message was said.
    """
    root = None if parts is None else structure.decode(parts)
    said = [bulk]
    joint = b"" if bulk.endswith(b"(") else b" "
    for section in sections:
        said.append(joint)
        joint = b" "
        try:
            await _section(talk, said, section, octets, root)
        except Damaged:
            if said[0] is not bulk:  # a part of it went out already
                raise _broken_off(talk) from None
            raise
    said.append(b")\r\n")
    for piece in said:
        talk.write(piece)


async def _section(
    talk: Talk,
    said: list[bytes],
    section: Section,
    octets: IOctets,
    root: Part | None,
) -> None:
    span = _span(section, octets.size, root)
    if span is None:
        said.append(section.label + b" NIL")
        return
    if section.kind in {Kind.FIELDS, Kind.FIELDS_NOT}:
        header = await _read(octets, *span)
        text = facts.of_header(section)(header)
        said.append(b"%b {%d}\r\n%b" % (section.label, len(text), text))
        return
    start, end = _cut(section, *span)
    said.append(b"%b {%d}\r\n" % (section.label, end - start))
    if end - start <= BLOCK_OCTETS:
        said.append(await _read(octets, start, end))
        return
    first = await _read(octets, start, start + BLOCK_OCTETS)
    talk.write(b"".join(said))
    said.clear()
    talk.write(first)
    await _stream(talk, octets, start + BLOCK_OCTETS, end)


async def _stream(talk: Talk, octets: IOctets, start: int, end: int) -> None:
    """The rest of an announced literal: it comes whole, or the connection ends."""
    while start < end:
        await talk.flush()
        stop = min(start + BLOCK_OCTETS, end)
        try:
            block = await _read(octets, start, stop)
        except Damaged:
            raise _broken_off(talk) from None
        talk.write(block)
        start = stop


def _broken_off(talk: Talk) -> Gone:
    talk.line.abort()
    return Gone("a message broke off")


async def _read(octets: IOctets, start: int, end: int) -> bytes:
    if start >= end:
        return b""
    block = await octets.read(start, end - start)
    if len(block) < end - start:
        raise Damaged("a message is shorter than its size")
    return responses.content(block)


def _cut(section: Section, start: int, end: int) -> tuple[int, int]:
    if section.partial is None:
        return start, end
    origin, most = section.partial
    start = min(start + origin, end)
    return start, min(start + most, end)


def _span(section: Section, size: int, root: Part | None) -> tuple[int, int] | None:
    """Where the octets lie; None: there is no such part."""
    if root is None:
        return 0, size
    part = structure.find(root, section.part)
    if part is None:
        return None
    if section.kind is Kind.MIME:
        return part.start, part.body
    if section.kind is Kind.ALL:
        return (part.body, part.end) if section.part else (0, size)
    if section.part:
        if not part.embedded:
            return None
        part = part.parts[0]
    return (
        (part.body, part.end) if section.kind is Kind.TEXT else (part.start, part.body)
    )
