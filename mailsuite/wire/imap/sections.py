"""``BODY[...]`` of FETCH: which octets of a message are meant (RFC 3501 §6.4.5)."""

import re
from enum import Enum

from attrs import frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import HEADER_FIELDS, PART_DEPTH
from mailsuite.wire.imap.responses import astring

_PATH = re.compile(rb"[0-9]+(?:\.[0-9]+)*(?:\.(?=[A-Za-z]))?")
_KIND = re.compile(rb"[A-Za-z.]+")
_PARTIAL = re.compile(rb"<([0-9]{1,20})\.([0-9]{1,20})>")
_LARGEST = 2**32 - 1  # RFC 3501 §9 "number"


class Kind(Enum):
    """What of a message or part; the values are the words of the grammar."""

    ALL = b""
    HEADER = b"HEADER"
    FIELDS = b"HEADER.FIELDS"
    FIELDS_NOT = b"HEADER.FIELDS.NOT"
    TEXT = b"TEXT"
    MIME = b"MIME"


_KINDS = {kind.value: kind for kind in Kind}


@frozen
class Section:
    r"""Some octets of a message.

    ``label`` is how the answer names them. ``part`` is empty for the whole
    message. ``partial`` is origin and most octets (``<0.100>``). Without
    ``peek`` reading them sets \Seen.
    """

    label: bytes
    kind: Kind = Kind.ALL
    part: tuple[int, ...] = ()
    fields: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None
    peek: bool = False

    def cut(self, octets: bytes) -> bytes:
        """What ``partial`` leaves of ``octets``."""
        if self.partial is None:
            return octets
        origin, most = self.partial
        return octets[origin : origin + most]


RFC822 = Section(b"RFC822")
RFC822_HEADER = Section(b"RFC822.HEADER", Kind.HEADER, peek=True)
RFC822_TEXT = Section(b"RFC822.TEXT", Kind.TEXT)


def parse(cursor: Cursor, *, peek: bool) -> Section:
    """Read from behind the opening bracket to the end of the partial."""
    part = _path(cursor)
    kind = _kind(cursor, part)
    fields = _fields(cursor) if kind in {Kind.FIELDS, Kind.FIELDS_NOT} else ()
    cursor.expect(b"]", "]")
    partial = _partial(cursor)
    label = _label(kind, part, fields, partial)
    return Section(label, kind, part, fields, partial, peek)


def _path(cursor: Cursor) -> tuple[int, ...]:
    if not cursor.peek().isdigit():
        return ()
    numbers = cursor.take(_PATH, "part number").group().rstrip(b".").split(b".")
    if len(numbers) > PART_DEPTH:
        raise PeerError("part number too deep")
    if any(len(number) > 10 or not int(number) for number in numbers):
        raise PeerError("bad part number")
    return tuple(map(int, numbers))


def _kind(cursor: Cursor, part: tuple[int, ...]) -> Kind:
    if cursor.peek() == b"]":
        return Kind.ALL
    if part and cursor.data[cursor.at - 1 : cursor.at] != b".":
        raise PeerError(". expected after the part number")
    kind = _KINDS.get(cursor.take(_KIND, "section").group().upper())
    if kind is None or (kind is Kind.MIME and not part):
        raise PeerError("unknown section")
    return kind


def _fields(cursor: Cursor) -> tuple[bytes, ...]:
    cursor.space()
    cursor.expect(b"(", "(")
    names = [cursor.astring()]
    while cursor.skip(b" "):
        names.append(cursor.astring())
        if len(names) > HEADER_FIELDS:
            raise PeerError("too many header fields")
    cursor.expect(b")", ")")
    return tuple(names)


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    if cursor.peek() != b"<":
        return None
    found = cursor.take(_PARTIAL, "partial")
    origin, most = int(found.group(1)), int(found.group(2))
    if origin > _LARGEST or most > _LARGEST or not most:
        raise PeerError("bad partial")
    return origin, most


def _label(
    kind: Kind,
    part: tuple[int, ...],
    fields: tuple[bytes, ...],
    partial: tuple[int, int] | None,
) -> bytes:
    words = [b"%d" % number for number in part]
    if kind is not Kind.ALL:
        words.append(kind.value)
    text = b".".join(words)
    if fields:
        text += b" (%b)" % b" ".join(map(astring, fields))
    origin = b"<%d>" % partial[0] if partial else b""
    return b"BODY[%b]%b" % (text, origin)
