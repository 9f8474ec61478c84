"""One pass over a message: its envelope, its structure and where its parts lie.

Called once for each message that is stored. Works on offsets: boundaries, blank
lines and fields are found by ``bytes.find`` and compiled patterns, never line by
line. Octets count as they lie, whether lines end with CRLF or with LF alone.

A delimiter is a line of two hyphens and the whole boundary, then two more hyphens
or not, then only spaces and tabs. RFC 2046 §5.1.1 would let anything follow, but
then an outer boundary that begins an inner one would cut it to pieces.
"""

import re
from typing import NamedTuple

from attrs import define, field

from mailsuite.mime import contents, envelope, headers
from mailsuite.mime.contents import Contents
from mailsuite.mime.limits import (
    DEPTH,
    HEADER_LINES,
    HEADER_OCTETS,
    MESSAGE_FIELDS,
    SEARCHED_OCTETS,
    SEARCHED_TIMES,
    Budget,
)

_VALUE = rb"[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)"
_MESSAGE_FIELD = re.compile(
    rb"\n([DdSsFfRrTtCcBbIiMm](?i:ate|ubject|rom|ender|eply-to|o|c|cc|n-reply-to|"
    rb"essage-id|ontent-[a-z0-9-]+))" + _VALUE
)
_SURVEYED = re.compile(
    rb"(\n("
    + headers.one_of(headers.USUAL.union(envelope.FIELDS, contents.FIELDS))
    + rb")"
    + _VALUE
    + rb")"
).findall
_UNUSUAL = frozenset(contents.FIELDS) - headers.USUAL
_PART_FIELD = re.compile(rb"\n([Cc](?i:ontent-[a-z0-9-]+))" + _VALUE)
_BLANK = re.compile(rb"\n\r?\n")
_DELIMITER_END = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")
_CR = 13
_DEEPER = frozenset((b"multipart", b"message"))

_Fields = dict[bytes, bytes]


class Scan(NamedTuple):
    """``envelope`` and ``structure`` are rendered with their parentheses.

    ``parts`` is what :func:`mailsuite.mime.structure.decode` reads;
    ``header_size`` counts the header's octets with its blank line, and ``usual``
    is what :data:`mailsuite.mime.headers.usual` gives of them.
    """

    envelope: bytes
    structure: bytes
    parts: bytes
    header_size: int
    usual: bytes


def scan(octets: bytes) -> Scan:
    """Scan a message. Never raises; linear in the number of octets."""
    budget = Budget()
    size = len(octets)
    body = _header_end(octets, 0, size)
    header = octets[:body]
    if header.endswith(b"\r\n\r\n") and body <= HEADER_LINES:
        fields, usual = _surveyed(header, budget)
    else:
        fields = _fields(octets, 0, body, _MESSAGE_FIELD, budget)
        usual = headers.usual(header)
    rendered = envelope.render(fields, budget)
    found = contents.read(fields, contents.DEFAULT, budget)
    if found.kind not in _DEEPER:
        structure, records = _leaf(octets, 0, body, size, found)
        return Scan(rendered, structure, b"\0".join(records), body, usual)
    if size * SEARCHED_TIMES > SEARCHED_OCTETS:
        budget.searched = size * SEARCHED_TIMES
    reading = _Pass(octets, budget)
    reading.part(0, body, size, found, fields)
    structure, parts = b"".join(reading.out), b"\0".join(reading.records)
    return Scan(rendered, structure, parts, body, usual)


def _header_end(octets: bytes, start: int, end: int) -> int:
    """Find the offset after the blank line, or ``end``."""
    if octets.startswith((b"\r\n", b"\n"), start, end):
        return start + 1 + (octets[start] == _CR)
    blank = _BLANK.search(octets, start, end)
    return blank.end() if blank else end


def _surveyed(header: bytes, budget: Budget) -> tuple[_Fields, bytes]:
    """Give what :func:`_fields` and ``usual`` do, of one look at a short header."""
    found = _SURVEYED(b"\n" + header)
    budget.lines -= header.count(b"\n") + 1
    usual = [field for field, name, _ in found if name.lower() not in _UNUSUAL]
    found.reverse()
    fields = {name.lower(): value for _, name, value in found}
    if len(fields) != len(found):
        _put_together(fields, [(name, value) for _, name, value in found])
    usual.append(b"\n\r\n")
    return fields, b"".join(usual)[1:]


def _fields(
    octets: bytes, start: int, body: int, wanted: re.Pattern[bytes], budget: Budget
) -> _Fields:
    """Give the fields that matter: of equal ones the first.

    Lists of addresses are put together.
    """
    if body - start <= 2:
        return {}
    head = octets[start - 1 : body] if start else b"\n" + octets[:body]
    budget.lines -= head.count(b"\n")
    if len(head) > HEADER_LINES:
        head = _bounded(head)
    if budget.lines < 0:
        return {}
    found = wanted.findall(head)
    found.reverse()
    fields = {name.lower(): value for name, value in found}
    if len(fields) != len(found):
        _put_together(fields, found)
    return fields


def _leaf(
    octets: bytes, start: int, body: int, end: int, found: Contents
) -> tuple[bytes, tuple[bytes, bytes, bytes, bytes]]:
    """Render a part without parts, and give its records."""
    kind, basic, extension, _, _ = found
    lines = 0
    if kind == b"text":
        lines = octets.count(b"\n", body, end)
        rendered = b"(%b %d %d%b)" % (basic, end - body, lines, extension)
    else:
        rendered = b"(%b %d%b)" % (basic, end - body, extension)
    place = b"%d %d %d %d 0" % (start, body, end, lines)
    kept = b"" if extension == contents.EMPTY_EXTENSION else extension
    return rendered, (place, basic, b"", kept)


@define(eq=False)
class _Pass:
    """What one scan has found so far, in the order of the octets."""

    octets: bytes
    budget: Budget
    out: list[bytes] = field(factory=list)
    records: list[bytes] = field(factory=list)
    depth: int = 0
    _counted: int = 0
    _counted_to: int = 0

    def part(
        self, start: int, body: int, end: int, found: Contents, fields: _Fields
    ) -> None:
        """Render one part whose header is read, and record it."""
        kind = found.kind
        if kind == b"multipart":
            self.budget.searched -= end - body
            self.budget.fields -= 1
        if kind in _DEEPER and self._exhausted():
            found = contents.OPAQUE
        elif kind == b"message":
            self._embedded(start, body, end, found)
            return
        elif kind == b"multipart":
            ranges = self._divided(body, end, found.boundary)
            if ranges:
                self._multipart(start, body, end, found, ranges)
                return
            found = contents.undivided(fields, self.budget)
        rendered, records = _leaf(self.octets, start, body, end, found)
        self.out.append(rendered)
        self.records += records

    def _exhausted(self) -> bool:
        budget = self.budget
        return (
            self.depth >= DEPTH
            or min(budget.parts - 1, budget.fields, budget.searched) < 0
        )

    def _lines_to(self, offset: int) -> int:
        """Count line feeds before ``offset``; offsets asked for never fall."""
        self._counted += self.octets.count(b"\n", self._counted_to, offset)
        self._counted_to = offset
        return self._counted

    def _embedded(self, start: int, body: int, end: int, found: Contents) -> None:
        """Render message/rfc822 with the message in its body."""
        self.budget.parts -= 1
        self.budget.fields -= MESSAGE_FIELDS
        before = self._lines_to(body)
        inner = _header_end(self.octets, body, end)
        fields = _fields(self.octets, body, inner, _MESSAGE_FIELD, self.budget)
        rendered = envelope.render(fields, self.budget)
        at = len(self.records)
        extension = found.extension
        if extension == contents.EMPTY_EXTENSION:
            extension = b""
        self.records += (b"", found.basic, rendered, extension)
        self.out.append(b"(%b %d %b " % (found.basic, end - body, rendered))
        self.depth += 1
        content = contents.read(fields, contents.DEFAULT, self.budget)
        self.part(body, inner, end, content, fields)
        self.depth -= 1
        lines = self._lines_to(end) - before
        self.records[at] = b"%d %d %d %d 1" % (start, body, end, lines)
        self.out.append(b" %d%b)" % (lines, found.extension))

    def _multipart(
        self,
        start: int,
        body: int,
        end: int,
        found: Contents,
        ranges: list[tuple[int, int]],
    ) -> None:
        self.records += (
            b"%d %d %d 0 %d" % (start, body, end, len(ranges)),
            found.basic,
            b"",
            found.extension,
        )
        default = contents.DIGESTED if found.digest else contents.DEFAULT
        self.out.append(b"(")
        self.depth += 1
        for first, last in ranges:
            self._child(first, last, default)
        self.depth -= 1
        self.out.append(b" " + found.basic + found.extension + b")")

    def _child(self, start: int, end: int, default: Contents) -> None:
        body = _header_end(self.octets, start, end)
        fields: _Fields = {}
        if body - start > len(b"\r\n"):
            if self.budget.fields >= 0:
                fields = _fields(self.octets, start, body, _PART_FIELD, self.budget)
                self.budget.fields -= len(fields)
            if min(self.budget.fields, self.budget.lines) < 0:
                default = contents.OPAQUE
            elif fields:
                default = contents.read(fields, default, self.budget)
        self.part(start, body, end, default, fields)

    def _divided(self, body: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
        """Find the parts between delimiters; none if there are none."""
        budget, octets = self.budget, self.octets
        ranges: list[tuple[int, int]] = []
        delimiter = b"\n--" + boundary
        length = len(delimiter)
        first = -1
        at = body - 1
        left = budget.parts
        while left > 0 and (hit := octets.find(delimiter, at, end)) >= 0:
            at = hit + length
            line = _DELIMITER_END.match(octets, at, end)
            if line is None:
                budget.lookalikes -= 1
                if budget.lookalikes < 0:
                    break
                continue
            if first >= 0:
                left -= 1
                if hit > first and octets[hit - 1] == _CR:
                    hit -= 1
                ranges.append((first, hit if hit > first else first))  # noqa: FURB136 - faster
            first = line.end()
            at = first - 1 if first > at else at
            if line[1]:
                first = -1
                break
        if first >= 0:
            left -= 1
            ranges.append((first, end))
        budget.parts = left
        return ranges


def _bounded(head: bytes) -> bytes:
    """Cut a long header to the limits of octets and lines."""
    lines = head[:HEADER_OCTETS].split(b"\n", HEADER_LINES)
    return b"\n".join(lines[:HEADER_LINES])


def _put_together(fields: _Fields, found: list[tuple[bytes, bytes]]) -> None:
    """Join address fields that come more than once; ``found`` is reversed."""
    together: dict[bytes, list[bytes]] = {}
    for name, value in reversed(found):
        lower = name.lower()
        if lower in envelope.ADDRESSES:
            together.setdefault(lower, []).append(value)
    for lower, values in together.items():
        if len(values) > 1:
            fields[lower] = b",".join(map(bytes.rstrip, values))
