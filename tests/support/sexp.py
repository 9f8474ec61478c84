"""A strict reader of IMAP strings, numbers, NIL and lists (RFC 3501 §9)."""

import re

_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")
_ATOM = re.compile(rb"NIL|\d+")


def read(octets: bytes):
    """Read one value that is all of ``octets``; ValueError if it is none.

    Strings are bytes, numbers int, NIL None, lists list. Two values in a list must
    stand apart by one space, but after a list nothing or a space may follow.
    """
    stack: list[list] = [[]]
    at = 0
    fresh = True
    while at < len(octets):
        if octets[at : at + 1] == b")":
            if len(stack) == 1 or not stack[-1]:
                raise ValueError(f"bracket at {at}")
            stack.pop()
            at += 1
            fresh = False
            continue
        if octets[at : at + 1] == b" ":
            if fresh:
                raise ValueError(f"space at {at}")
            fresh = True
            at += 1
            if octets[at : at + 1] in {b"", b" ", b")"}:
                raise ValueError(f"space at {at}")
            continue
        if not fresh and not (
            octets[at : at + 1] == b"(" and isinstance(stack[-1][-1], list)
        ):
            raise ValueError(f"no space at {at}")
        fresh = False
        if octets[at : at + 1] == b"(":
            inner: list = []
            stack[-1].append(inner)
            stack.append(inner)
            at += 1
            fresh = True
        elif quoted := _QUOTED.match(octets, at):
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", quoted[1]))
            at = quoted.end()
        elif literal := _LITERAL.match(octets, at):
            at = literal.end()
            value = octets[at : at + int(literal[1])]
            if len(value) != int(literal[1]) or b"\0" in value:
                raise ValueError(f"literal at {at}")
            stack[-1].append(value)
            at += len(value)
        elif atom := _ATOM.match(octets, at):
            stack[-1].append(None if atom[0] == b"NIL" else int(atom[0]))
            at = atom.end()
        else:
            raise ValueError(f"octet at {at}: {octets[at : at + 20]!r}")
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError("brackets")
    return stack[0][0]


def _string(value, *, nil: bool = False) -> bool:
    return isinstance(value, bytes) or (nil and value is None)


def _nstring(value) -> bool:
    return _string(value, nil=True)


def _parameters(value) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) % 2 == 0 and all(map(_string, value))
    )


def is_envelope(value) -> bool:
    """Whether a value is ``envelope`` of the grammar."""
    return (
        isinstance(value, list)
        and len(value) == 10
        and all(_nstring(value[n]) for n in (0, 1, 8, 9))
        and all(_addresses(one) for one in value[2:8])
    )


def _addresses(value) -> bool:
    """Check also that groups begin and end, RFC 3501 §7.4.2."""
    if value is None:
        return True
    group = False
    for one in value:
        if not (isinstance(one, list) and len(one) == 4 and all(map(_nstring, one))):
            return False
        if one[3] is None:
            if group is (one[2] is not None):
                return False
            group = not group
    return bool(value) and not group


def _extension(value) -> bool:
    disposition, language, location = value
    return (
        (
            disposition is None
            or (
                isinstance(disposition, list)
                and len(disposition) == 2
                and _string(disposition[0])
                and _parameters(disposition[1])
            )
        )
        and (_nstring(language) or all(map(_string, language)))
        and _nstring(location)
    )


def is_body(value, *, extended: bool) -> bool:
    """Whether a value is ``body`` of the grammar, with all extension data or none."""
    count = 0
    while count < len(value) and isinstance(value[count], list):
        if not is_body(value[count], extended=extended):
            return False
        count += 1
    rest = value[count:]
    if count:
        if not extended:
            return len(rest) == 1 and _string(rest[0])
        return (
            len(rest) == 5
            and _string(rest[0])
            and _parameters(rest[1])
            and _extension(rest[2:])
        )
    return _is_leaf(rest, extended=extended)


def _is_leaf(rest, *, extended: bool) -> bool:
    if len(rest) < 7 or not (
        _string(rest[0])
        and _string(rest[1])
        and _parameters(rest[2])
        and _nstring(rest[3])
        and _nstring(rest[4])
        and _string(rest[5])
        and isinstance(rest[6], int)
    ):
        return False
    kind, sub = rest[0].lower(), rest[1].lower()
    special, rest = rest[7:], None
    if kind == b"multipart":
        return False
    if kind == b"text":
        lines, special = special[:1], special[1:]
        if not (lines and isinstance(lines[0], int)):
            return False
    elif (kind, sub) == (b"message", b"rfc822"):
        message, special = special[:3], special[3:]
        if not (
            len(message) == 3
            and is_envelope(message[0])
            and is_body(message[1], extended=extended)
            and isinstance(message[2], int)
        ):
            return False
    if not extended:
        return not special
    return len(special) == 4 and _nstring(special[0]) and _extension(special[1:])
