r"""Globs: ``*`` is any text, ``?`` one character, ``\`` quotes (RFC 5228 §2.7.1).

Matched in one pass over the text, each star takes as little as it can (RFC 5229
§3.2). A pattern costs what ``cost`` tells for each character of the text, and pieces
with question marks what they spend besides.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from attrs import frozen

Span = tuple[int, int]
SHORT = 500  # characters of a pattern that is remembered
NEEDLE = 100  # characters of a literal that ``str.find`` may compare at each place
LOOK_OCTETS = 400  # what a place costs where a piece with question marks is not
LOOKS = 64  # places that are counted together
Spend = Callable[[int], object]
"""Counts what is looked at, and ends the run when it is too much."""

_TOKEN = re.compile(r"\\(.)|([*?])|([^*?\\]+|\\)", re.DOTALL)


def _free(_: int) -> None:
    """Count nothing."""


@frozen
class Piece:
    """What stands between two stars: ``text`` at ``at``, and others around it.

    ``text`` is its longest literal, ``others`` are (offset, literal), ``marks`` the
    offsets of question marks.
    """

    length: int
    text: str
    at: int = 0
    others: tuple[tuple[int, str], ...] = ()
    marks: tuple[int, ...] = ()

    def there(self, value: str, begin: int) -> bool:
        """Whether it stands at this place."""
        return (
            begin + self.length <= len(value)
            and value.startswith(self.text, begin + self.at)
            and all(value.startswith(text, begin + at) for at, text in self.others)
        )

    def after(self, value: str, begin: int, spend: Spend) -> int:
        """The first place from ``begin`` on where it stands, or -1."""
        last = len(value) - self.length
        looks = 0
        while begin <= last:
            looks += 1
            if not looks % LOOKS:
                spend(LOOKS * LOOK_OCTETS)
            found = value.find(self.text, begin + self.at)
            begin = found - self.at
            if found < 0 or begin > last:
                return -1
            if not self.others or self.there(value, begin):
                return begin
            begin += 1
        return -1

    @property
    def cost(self) -> int:
        """Octets looked at for each character of the text."""
        others = sum(1 + len(text) // 16 for _, text in self.others)
        return 1 + min(len(self.text), NEEDLE) // 16 + others


@frozen
class Glob:
    """A pattern that was read; ``cost`` for each character of a text."""

    pieces: tuple[Piece, ...]
    cost: int

    def match(self, value: str, spend: Spend = _free) -> Sequence[Span] | None:
        """Where the value and what stood for each wildcard are; None: no match."""
        first, last = self.pieces[0], self.pieces[-1]
        at, stop = first.length, len(value) - last.length
        if at and not first.there(value, 0):
            return None
        if len(self.pieces) == 1:
            places = [0] if len(value) == at else None
        else:
            places = self._between(value, at, stop, spend)
        if places is None:
            return None
        found = [(0, len(value))]
        behind = 0
        for piece, place in zip(self.pieces, places, strict=True):
            if piece is not first:
                found.append((behind, place))
            if piece.marks:
                found += [(place + mark, place + mark + 1) for mark in piece.marks]
            behind = place + piece.length
        return found

    def _between(
        self, value: str, at: int, stop: int, spend: Spend
    ) -> list[int] | None:
        """The place of each piece, where the first ends and the last begins."""
        last = self.pieces[-1]
        if stop < at or (last.length and not last.there(value, stop)):
            return None
        places = [0]
        for piece in self.pieces[1:-1]:
            place = piece.after(value, at, spend) if piece.length else at
            if place < 0:
                return None
            places.append(place)
            at = place + piece.length
        if at > stop:
            return None
        places.append(stop)
        return places


def read(pattern: str, fold: Callable[[str], str]) -> Glob:
    """A pattern whose literals are folded; wildcards are seen before that."""
    return _remembered(pattern, fold) if len(pattern) <= SHORT else _read(pattern, fold)


def _read(pattern: str, fold: Callable[[str], str]) -> Glob:
    pieces = []
    parts = [""]  # literals, question marks between them
    for quoted, wildcard, text in _TOKEN.findall(pattern):
        if wildcard == "*":
            pieces.append(_piece([fold(part) for part in parts]))
            parts = [""]
        elif wildcard:
            parts.append("")
        else:
            parts[-1] += quoted or text
    pieces.append(_piece([fold(part) for part in parts]))
    return Glob(tuple(pieces), max(piece.cost for piece in pieces))


_remembered = lru_cache(1_000)(_read)


def _piece(parts: Sequence[str]) -> Piece:
    """Literals between which there are question marks."""
    at = 0
    literals, marks = [], []
    for part in parts:
        if part:
            literals.append((at, part))
        at += len(part)
        marks.append(at)
        at += 1
    length = at - 1
    if not literals:
        return Piece(length, "", 0, (), tuple(marks[:-1]))
    anchor = max(literals, key=lambda one: len(one[1]))
    literals.remove(anchor)
    return Piece(length, anchor[1], anchor[0], tuple(literals), tuple(marks[:-1]))
