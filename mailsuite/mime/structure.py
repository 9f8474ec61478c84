"""The stored form of a part tree, and BODY from it (RFC 3501 §7.4.2 and §6.4.5).

The form is text without NUL: four fields a part, joined by NUL, a parent before its
children. They are the numbers (``start body end lines children``), ``basic``,
``envelope`` and ``extension``; an ``extension`` of four NILs is left out.
:mod:`~mailsuite.mime.scan` writes the same.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from mailsuite.mime import comments
from mailsuite.mime.contents import EMPTY_EXTENSION
from mailsuite.mime.limits import DEPTH
from mailsuite.model.structure import Part

_TOKEN = re.compile(
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"|\{(\d+)\}\r\n|([()])|(NIL)', re.DOTALL
)
_FIELDS = 4
_SMALL_OCTETS = 200  # of a description that is worth remembering

_Value = bytes | None | list["_Value"]
_Pairs = tuple[tuple[str, str], ...]
_Rows = Iterator[tuple[bytes, ...]]
_Described = tuple[str, str, _Pairs, str, str, _Pairs]


def encode(part: Part) -> bytes:
    """Give the stored form of a tree."""
    return b"\0".join(_records(part))


def _records(part: Part) -> Iterator[bytes]:
    numbers = (part.start, part.body, part.end, part.lines, len(part.parts))
    yield b"%d %d %d %d %d" % numbers
    yield part.basic
    yield part.envelope
    yield b"" if part.extension == EMPTY_EXTENSION else part.extension
    for child in part.parts:
        yield from _records(child)


def decode(parts: bytes, *, extended: bool = True) -> Part:
    """Read the stored form, without what only an ``extension`` tells if so asked.

    Extensions have boundaries and names of files: no two are alike.

    :raises ValueError: it is none.
    """
    fields = parts.split(b"\0")
    if len(fields) % _FIELDS:
        raise ValueError("a part has four fields")
    if not extended:
        fields[_FIELDS - 1 :: _FIELDS] = [b""] * (len(fields) // _FIELDS)
    rows = iter(zip(*[iter(fields)] * _FIELDS, strict=True))
    try:
        root = _decoded(rows, 0)
    except IndexError as wrong:
        raise ValueError("a description is cut off") from wrong
    if next(rows, None) is not None:
        raise ValueError("there are parts after the last")
    return root


def _decoded(rows: _Rows, depth: int) -> Part:
    row = next(rows, None)
    if row is None or depth > DEPTH:
        raise ValueError("parts are missing")
    numbers, basic, envelope, extension = row
    start, body, end, lines, count = map(int, numbers.split(b" "))
    children = tuple([_decoded(rows, depth + 1) for _ in range(count)])
    small = len(basic) + len(extension) <= _SMALL_OCTETS
    kind, subtype, parameters, encoding, disposition, further = (
        _remembered if small else _described
    )(bool(count and not envelope), basic, extension)
    return Part(
        start,
        body,
        end,
        kind,
        subtype,
        parameters,
        encoding,
        lines,
        disposition,
        further,
        basic,
        envelope,
        extension or EMPTY_EXTENSION,
        children,
    )


def _described(multipart: bool, basic: bytes, extension: bytes) -> _Described:
    """Read what is rendered."""
    values = _values(basic)
    further = _values(extension or EMPTY_EXTENSION)
    disposition = further[1] if isinstance(further[1], list) else [b"", None]
    told = _lower(disposition[0]), _pairs(disposition[1])
    if multipart:
        return "multipart", _lower(values[0]), _pairs(further[0]), "7bit", *told
    kind, subtype, parameters, _, _, encoding = values
    return _lower(kind), _lower(subtype), _pairs(parameters), _lower(encoding), *told


_remembered = lru_cache(1_000)(_described)
"""Of small descriptions: most parts of all messages are alike."""


def _values(rendered: bytes) -> list[_Value]:
    """Read rendered octets back into strings, None and lists."""
    stack: list[list[_Value]] = [[]]
    at = 0
    while token := _TOKEN.search(rendered, at):
        at = token.end()
        quoted, literal, bracket, _ = token.groups()
        if quoted is not None:
            stack[-1].append(comments.unescaped(quoted))
        elif literal is not None:
            stack[-1].append(rendered[at : at + int(literal)])
            at += int(literal)
        elif bracket == b"(":
            inner: list[_Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif bracket:
            stack.pop()
        else:
            stack[-1].append(None)
    return stack[0]


def _text(value: _Value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _lower(value: _Value) -> str:
    return _text(value).lower()


def _pairs(value: _Value) -> _Pairs:
    if not isinstance(value, list):
        return ()
    names = map(_lower, value[::2])
    return tuple(zip(names, map(_text, value[1::2]), strict=True))


def render_body(part: Part) -> bytes:
    """Give BODY: the structure without extension data."""
    return b"".join(_rendered(part, extended=False))


def render(part: Part) -> bytes:
    """Give BODYSTRUCTURE."""
    return b"".join(_rendered(part, extended=True))


def _rendered(part: Part, *, extended: bool) -> Iterator[bytes]:
    yield b"("
    if part.multipart:
        for child in part.parts:
            yield from _rendered(child, extended=extended)
        yield b" " + part.basic
    else:
        yield b"%b %d" % (part.basic, part.size)
        if part.embedded:
            yield b" " + part.envelope + b" "
            yield from _rendered(part.parts[0], extended=extended)
        if part.embedded or part.type == "text":
            yield b" %d" % part.lines
    if extended:
        yield part.extension
    yield b")"


def find(part: Part, path: Sequence[int]) -> Part | None:
    """Find a part by its numbers (RFC 3501 §6.4.5); None when there is none.

    ``octets[found.body:found.end]`` is BODY[path], ``octets[found.start:found.body]``
    BODY[path.MIME]. Of message/rfc822 the header and text are those of its child.
    The empty path is the message itself.
    """
    found: Part | None = part
    for depth, number in enumerate(path):
        if found is None:
            return None
        found = _numbered(found, number, whole=not depth)
    return found


def _numbered(part: Part, number: int, *, whole: bool) -> Part | None:
    """Step into a part; only a ``whole`` message is its own part 1."""
    if whole and not part.multipart:
        return part if number == 1 else None
    if part.embedded:
        return _numbered(part.parts[0], number, whole=True)
    if part.multipart and 1 <= number <= len(part.parts):
        return part.parts[number - 1]
    return None
