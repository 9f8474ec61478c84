"""Header fields as they lie in a message (RFC 5322 §2.2), for IMAP and policy."""

import re
from collections.abc import Collection
from functools import lru_cache

from mailsuite.mime.limits import HEADER_LINES, HEADER_OCTETS
from mailsuite.mime.quoting import unfolded

_VALUE = rb"[^\n]*+\n?(?:[ \t][^\n]*+\n?)*+"
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:" + _VALUE, re.MULTILINE)
_DIVIDED = re.compile(rb"^([!-9;-~]++)[ \t]*+:(" + _VALUE + rb")", re.MULTILINE)
PATTERN_NAMES = 20  # more are looked up one by one: a long pattern costs more


def fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Give each field's name in lower case and the whole field, line end included.

    Lines that are no field, the blank one among them, are left out.
    """
    header = _bounded(header)
    return [(match[1].lower(), match[0]) for match in _FIELD.finditer(header)]


def divided(header: bytes) -> list[tuple[bytes, bytes]]:
    """Give each field's name as it stands there and what follows its colon.

    The same fields as :func:`fields` has.
    """
    return _DIVIDED.findall(_bounded(header))


def _bounded(header: bytes) -> bytes:
    if len(header) <= HEADER_LINES:
        return header
    lines = header[:HEADER_OCTETS].split(b"\n", HEADER_LINES)
    if len(lines) > HEADER_LINES:
        return b"\n".join(lines[:HEADER_LINES]) + b"\n"
    return header[:HEADER_OCTETS]


def select(header: bytes, names: Collection[bytes], *, invert: bool = False) -> bytes:
    """Give HEADER.FIELDS or, inverted, HEADER.FIELDS.NOT (RFC 3501 §6.4.5).

    Names in any case. The blank line always follows, in the header's line ends.
    """
    if len(names) <= PATTERN_NAMES:
        chosen = _these(frozenset(names), invert=invert).findall(_bounded(header))
    else:
        wanted = {name.lower() for name in names}
        found = fields(header)
        chosen = [whole for name, whole in found if (name in wanted) is not invert]
    line_end = b"\r\n" if b"\r\n" in header or b"\n" not in header else b"\n"
    if chosen and not chosen[-1].endswith(b"\n"):
        chosen.append(line_end)
    chosen.append(line_end)
    return b"".join(chosen)


@lru_cache(100)
def _these(names: frozenset[bytes], *, invert: bool) -> re.Pattern[bytes]:
    """Give the pattern of fields with one of these names, or with none of them."""
    alternatives = b"|".join(map(re.escape, sorted(names))) or b"(?!)"
    named = rb"(?i:" + alternatives + rb")[ \t]*+:"
    if invert:
        named = rb"(?!" + named + rb")[!-9;-~]++[ \t]*+:"
    return re.compile(rb"^" + named + _VALUE, re.MULTILINE)


def value(header: bytes, name: bytes) -> bytes | None:
    """Give the first value of that name, unfolded and stripped; None if absent."""
    found = _of(name).search(b"\n" + _bounded(header))
    return unfolded(found[1]) if found else None


def values(header: bytes, name: bytes) -> list[bytes]:
    """Give every value of that name in order, unfolded and stripped."""
    return [unfolded(one) for one in _of(name).findall(b"\n" + _bounded(header))]


def _of(name: bytes) -> re.Pattern[bytes]:
    """Give the pattern of a field; ``re`` remembers the usual ones."""
    return re.compile(
        rb"\n(?i:" + re.escape(name) + rb")[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)"
    )
