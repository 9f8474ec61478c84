"""Fields of a value and parameters: ``text/plain; charset="utf-8"`` (RFC 2045 §5.1)."""

import re
from collections.abc import Sequence
from itertools import islice
from urllib.parse import unquote_to_bytes

from mailsuite.mime import charsets, comments
from mailsuite.mime.limits import PARAMETER_SEGMENTS, Budget

Pairs = list[tuple[bytes, bytes]]

_PARAMETER = re.compile(
    rb';[ \t]*+([^ \t\r\n=;"]++)[ \t]*+=[ \t]*+'
    rb'(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?$)|([^;]*+))',
    re.DOTALL,
)


def parse(value: bytes, budget: Budget | None = None) -> tuple[bytes, Pairs]:
    """Split an unfolded value into what stands first and its parameters.

    Values are unquoted, comments dropped, names as given; RFC 2231 stays as it
    is on the wire. Tolerates spaces in unquoted values and missing quotes.
    """
    budget = budget or Budget()
    if b"(" in value:
        value = comments.dropped(value, budget)
    main, semicolon, _ = value.partition(b";")
    if not semicolon:
        return main.strip(), []
    found: Pairs = []
    for match in islice(_PARAMETER.finditer(value, len(main)), budget.parameters):
        name, quoted, bare = match.groups()
        quoted = bare.rstrip() if quoted is None else comments.unescaped(quoted)
        found.append((name, quoted))
    budget.parameters -= len(found)
    return main.strip(), found


def decode(parameters: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give names in lower case with decoded values (RFC 2231 §3 and §4).

    An extended value wins over a plain one, as does the first of equals; segments
    are put together in their numbers' order up to the first that is missing.
    """
    plain: dict[str, str] = {}
    segments: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for raw, value in parameters:
        name, extended, number = _segment(raw)
        if number is None:
            plain.setdefault(name, charsets.guess(value))
        elif number < PARAMETER_SEGMENTS:
            segments.setdefault(name, {}).setdefault(number, (value, extended))
    for name, numbered in segments.items():
        plain[name] = _joined(numbered)
    return plain


def _segment(raw: bytes) -> tuple[str, bool, int | None]:
    """Read ``name*3*`` as name, whether extended, and number."""
    name, star, rest = raw.decode("latin-1").lower().partition("*")
    if not star:
        return name, False, None
    digits = rest.removesuffix("*")
    if not digits:
        return name, True, 0
    if digits.isascii() and digits.isdigit() and len(digits) <= 3:
        return name, rest != digits, int(digits)
    return name + star + rest, False, None


def _joined(numbered: dict[int, tuple[bytes, bool]]) -> str:
    charset = ""
    octets = []
    for number in range(len(numbered)):
        if number not in numbered:
            break
        value, extended = numbered[number]
        if extended:
            if number == 0 and value.count(b"'") >= 2:
                label, _, value = value.split(b"'", 2)
                charset = label.decode("latin-1")
            value = unquote_to_bytes(value)
        octets.append(value)
    whole = b"".join(octets)
    return charsets.decode(whole, charset) if charset else charsets.guess(whole)
