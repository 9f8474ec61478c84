"""Content lines (RFC 5545 §3.1): unfolded, divided, and folded again.

What is not understood stays as it came: parameters and values are kept in their
written form. All of it takes time in proportion to the octets.
"""

import re
from collections.abc import Iterator, Sequence

from attrs import evolve, field, frozen

OCTETS = 1 << 19  # of one calendar; ours
LINES = 20_000  # of one calendar, unfolded; ours
LINE_OCTETS = 75  # of a folded line without its end, RFC 5545 §3.1
PARAMETERS = 50  # of one line; ours

CHARSETS = {
    "": "utf-8",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "iso-8859-1": "cp1252",
    "windows-1252": "cp1252",
}
"""Those that are read, though RFC 5545 §3.1.4 has only UTF-8."""

_FOLD = re.compile(rb"\r?\n[ \t]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_PARAMETER = re.compile(
    r';([A-Za-z0-9-]{1,100})=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)'
)
_UNQUOTED = re.compile(r'"([^"]*)"|([^",]+)')


class Malformed(ValueError):  # noqa: N818 - a finding about what came
    """It is no calendar that can be read; the text says why."""


@frozen
class Property:
    """One line: its name in capitals, parameters and value as they are written."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()
    value: str = field(default="", repr=False)

    def parameter(self, name: str) -> str:
        """The first value of a parameter without quotes, empty if it has none."""
        return next(iter(self.all_of(name)), "")

    def all_of(self, name: str) -> Sequence[str]:
        """Every value of a parameter (``DELEGATED-FROM``)."""
        for one, written in self.parameters:
            if one == name:
                found = _UNQUOTED.finditer(written)
                return [each[1] if each[1] is not None else each[2] for each in found]
        return ()

    def having(self, name: str, written: str) -> "Property":
        """The same with a parameter; of an empty value: without it."""
        others = [one for one in self.parameters if one[0] != name]
        if written:
            others.append((name, written))
        return evolve(self, parameters=tuple(others))


def read(octets: bytes, charset: str = "") -> Iterator[Property]:
    """The lines of a calendar. :raises Malformed: one is none, or there are too many."""
    if len(octets) > OCTETS:
        raise Malformed(f"the calendar has more than {OCTETS} octets")
    codec = CHARSETS.get(charset.lower())
    if codec is None:
        raise Malformed(f"the character set {charset[:40]} cannot be read")
    try:
        text = _FOLD.sub(b"", octets.removeprefix(b"\xef\xbb\xbf")).decode(codec)
    except UnicodeDecodeError:
        raise Malformed(f"the text is not in {charset[:40] or 'UTF-8'}") from None
    number = 0
    for line in text.split("\n"):
        whole = line.removesuffix("\r")
        if not whole:
            continue
        number += 1
        if number > LINES:
            raise Malformed(f"the calendar has more than {LINES} lines")
        yield _property(whole)


def _property(line: str) -> Property:
    name = _NAME.match(line)
    if name is None or _CONTROL.search(line):
        raise Malformed("a line is no content line")
    at = name.end()
    parameters = []
    while found := _PARAMETER.match(line, at):
        parameters.append((found[1].upper(), found[2]))
        at = found.end()
        if len(parameters) > PARAMETERS:
            raise Malformed(f"a line has more than {PARAMETERS} parameters")
    if line[at : at + 1] != ":":
        raise Malformed(f"the line {name[0]} has no value")
    return Property(name[0].upper(), tuple(parameters), line[at + 1 :])


def written(one: Property) -> bytes:
    """The line in octets, folded between characters (RFC 5545 §3.1)."""
    told = "".join(f";{name}={value}" for name, value in one.parameters)
    octets = f"{one.name}{told}:{one.value}".encode()
    pieces = []
    at, room = 0, LINE_OCTETS
    while len(octets) - at > room:
        cut = at + room
        while octets[cut] & 0xC0 == 0x80:  # inside a character
            cut -= 1
        pieces.append(octets[at:cut])
        at, room = cut, LINE_OCTETS - 1
    pieces.append(octets[at:])
    return b"\r\n ".join(pieces) + b"\r\n"


def plain(value: str) -> str:
    r"""TEXT without its escapes (RFC 5545 §3.3.11)."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
