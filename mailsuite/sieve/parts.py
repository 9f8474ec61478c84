"""The parts of a message as scripts look at them and put others in their place.

A part is known by its path: the numbers of the children from the message itself
(the empty path) down to it. A path holds while other parts are replaced.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from attrs import define, field, frozen

from mailsuite.mime import charsets, headers, markup, scan, structure, text, transfer
from mailsuite.model.structure import Part
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.limits import FIELDS, MARKUP_COST, PART_OCTETS

Path = tuple[int, ...]


@frozen
class Field:
    """One header field; ``raw`` is all of it, name and line end included."""

    name: str
    """In lower case."""
    raw: bytes = field(repr=False)

    @property
    def value(self) -> bytes:
        """What stands behind the colon, still folded."""
        return self.raw.partition(b":")[2]


@define(eq=False, slots=False)
class Whole:
    """The octets of a message and where its parts lie; it never changes."""

    header: bytes
    content: Callable[[], bytes]
    _fields: dict[int, list[Field]] = field(factory=dict, init=False)
    """Of parts, by where they begin."""
    known: dict[str, Any] = field(factory=dict, init=False)
    """What extensions have read in it, which later runs need not read again."""

    @cached_property
    def octets(self) -> bytes:
        """All of it."""
        return self.header + self.content()

    @cached_property
    def structure(self) -> Part:
        """Its parts, as offsets into ``octets``."""
        return structure.decode(scan.scan(self.octets).parts)

    def part(self, path: Path) -> Part:
        """The part at a path. :raises Trouble: there is none any more."""
        found = self.structure
        for number in path:
            if number >= len(found.parts):
                raise Trouble("a part is gone, or lies too deep to be seen")
            found = found.parts[number]
        return found

    def fields(self, part: Part) -> list[Field]:
        """The header of a part; of the message itself as it came."""
        known = self._fields.get(part.start)
        if known is None:
            header = self.octets[part.start : part.body]
            known = self._fields[part.start] = listed(header)
        return known

    def spliced(self, instead: Mapping[Path, bytes]) -> "Whole":
        """The same message with other entities in the place of some parts."""
        octets = self.octets
        pieces = []
        at = 0
        for start, end, entity in sorted(
            (part.start, part.end, entity)
            for part, entity in (
                (self.part(path), one) for path, one in instead.items()
            )
        ):
            pieces += [octets[at:start], entity]
            at = end
        whole = b"".join([*pieces, octets[at:]])
        size = len(self.header)
        return Whole(whole[:size], lambda: whole[size:])


def following(root: Part, path: Path, top: Path, *, into: bool = True) -> Path | None:
    """The path of the part after this one, depth first, not leaving ``top``."""
    line = [root]
    for number in path:
        if number >= len(line[-1].parts):
            return None
        line.append(line[-1].parts[number])
    if into and line[-1].parts:
        return (*path, 0)
    while len(path) > len(top):
        line.pop()
        if path[-1] + 1 < len(line[-1].parts):
            return (*path[:-1], path[-1] + 1)
        path = path[:-1]
    return None


def walk(part: Part) -> Iterator[Part]:
    """A part and all in it, in the order of the octets."""
    waiting = [part]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(one.parts)


def listed(header: bytes) -> list[Field]:
    """The fields of a header, as many as are looked at."""
    found = headers.fields(header)[:FIELDS]
    return [Field(name.decode("ascii"), raw) for name, raw in found]


def content(octets: bytes, part: Part) -> str:
    """The content of a part that has no others in it, decoded as far as that goes.

    Of large ones the first :data:`PART_OCTETS`.
    """
    end = min(part.end, part.body + PART_OCTETS)
    if part.type != "text":
        return charsets.guess(binary(octets, part))
    shorter = Part(
        part.start, part.body, end, "text", "", part.parameters, part.encoding
    )
    pieces = list(text.searchable(octets, shorter))
    return "".join(pieces[:-1])  # the last is the line feed that ends every part


def binary(octets: bytes, part: Part) -> bytes:
    """As ``content``, without a thought of characters."""
    end = min(part.end, part.body + PART_OCTETS)
    return b"".join(transfer.slices(octets, part.body, end, part.encoding))


def cost(part: Part) -> int:
    """What it costs to make a part readable, in octets that are looked at."""
    return min(part.size, PART_OCTETS) * (MARKUP_COST if part.subtype == "html" else 1)


def readable(octets: bytes, part: Part) -> str:
    """As ``content``, of HTML without its markup."""
    found = content(octets, part)
    return markup.plain(found) if part.subtype == "html" else found
