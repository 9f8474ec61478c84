"""Where the reports are in what came: a message, an archive, XML or JSON.

Types and names of attachments are as senders please, so that content decides: XML,
JSON, or an archive of either (RFC 9990 §3.5.2, RFC 8460 §5.3). A message/feedback-report
is known by its type (RFC 5965 §2).
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from mailsuite.mime import addresses, headers, structure, transfer
from mailsuite.mime.scan import scan
from mailsuite.model.structure import Part
from mailsuite.reports.unpack import GZIP, ZIP, Blocks, files

ATTACHMENTS = 10  # of one message that are looked into
LEAVES = 200  # parts of one message that are looked at
START_OCTETS = 512  # in which content shows what it is
FIELDS_OCTETS = 65_536  # of a feedback report and of the header with it

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_BLANK = re.compile(rb"\n\r?\n")
_PACKED = (GZIP, *ZIP)


def kind(start: bytes) -> str:
    """Say what content is by its beginning: ``packed``, ``xml``, ``json`` or empty."""
    if start.startswith(_PACKED):
        return "packed"
    for mark in _MARKS:
        start = start.removeprefix(mark)
    start = start.replace(b"\0", b"").lstrip()
    if start.startswith(b"<"):
        return "xml"
    return "json" if start.startswith(b"{") else ""


def peeked(blocks: Blocks) -> tuple[bytes, Blocks]:
    """Give the first octets of a file, and the whole file again."""
    first = next(blocks, b"")
    return first[:START_OCTETS], chain((first,), blocks)


def attachments(octets: bytes) -> Iterator[bytes]:
    """Give the decoded content of parts that may hold reports."""
    left = ATTACHMENTS
    for part in leaves(octets):
        if left <= 0:
            return
        if part.type == "multipart" or part.embedded:
            continue
        slices = transfer.slices(octets, part.body, part.end, part.encoding)
        start, content = peeked(slices)
        if kind(start):
            left -= 1
            yield b"".join(content)


def feedback(octets: bytes) -> tuple[bytes, bytes] | None:
    """Give the fields of a feedback report and the header that it reports on."""
    fields, original = None, b""
    for part in leaves(octets):
        if part.type == "message" and part.subtype == "feedback-report":
            fields = _content(octets, part)
        elif part.subtype == "rfc822-headers":
            original = _content(octets, part)
        elif part.embedded:
            inner = part.parts[0]
            original = octets[inner.start : inner.body][:FIELDS_OCTETS]
    return None if fields is None else (fields, original)


def leaves(octets: bytes) -> Iterator[Part]:
    """Give the parts of a message that are no multipart, embedded ones whole."""
    waiting = [structure.decode(scan(octets).parts)]
    left = LEAVES
    while waiting and left > 0:
        part = waiting.pop()
        if part.multipart:
            waiting += reversed(part.parts)
        else:
            left -= 1
            yield part


def sender(octets: bytes) -> str:
    """Give the domain of the message's author, as it claims; empty: none."""
    start = octets[:FIELDS_OCTETS]
    blank = _BLANK.search(start)
    header = start[: blank.start()] if blank else start
    value = headers.value(header, b"from") or b""
    return next((one.domain for one in addresses.parse(value) if one.domain), "")


def _content(octets: bytes, part: Part) -> bytes:
    end = min(part.end, part.body + FIELDS_OCTETS)
    return transfer.decode(octets[part.body : end], part.encoding)


def inside(octets: bytes, limit: int) -> Iterable[tuple[str, Blocks]]:
    """Open content: each file in it that is XML or JSON. :raises Damaged: broken."""
    for blocks in files(octets, limit):
        start, content = peeked(blocks)
        found = kind(start)
        if found in {"xml", "json"}:
            yield found, content
        elif found != "packed" and start:
            yield "other", content
