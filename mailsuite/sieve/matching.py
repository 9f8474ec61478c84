"""Match types: ``:is``, ``:contains``, ``:matches`` (RFC 5228 §2.7.1).

Extensions add others (``:count``, ``:value``, ``:regex``); all of them compile to a
:data:`Matcher` that is asked with the values that a test found.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import frozen

from mailsuite.sieve.comparators import DEFAULT, Comparator
from mailsuite.sieve.program import Values, texts

if TYPE_CHECKING:
    from mailsuite.sieve.binding import Bound
    from mailsuite.sieve.run import Run

Matcher = Callable[["Run", Sequence[str]], bool]
"""Whether one of the values matches one of the keys."""

MatchType = Callable[["Bound", Comparator, Values], Matcher]

Span = tuple[int, int]
Found = Callable[[str, str], Sequence[Span] | None]
"""(value, key) to the places of the text that matched and of what stood for each
wildcard, both folded; None: no match. Empty: a match without wildcards."""


def compiled(bound: "Bound", keys: int | str) -> Matcher:
    """The matcher of a test whose keys are the given argument.

    :raises BadScript: the comparator is unknown, not asked for, or cannot do it.
    """
    comparator = _comparator(bound)
    kind = bound.chosen("match", "is")
    made = bound.vocabulary.matches[kind]
    return made(bound, comparator, bound.values(keys))


def _comparator(bound: "Bound") -> Comparator:
    if not bound.has("comparator"):
        return bound.vocabulary.comparators[DEFAULT]
    name = bound.constant("comparator")
    known = bound.vocabulary.comparators.get(name)
    if known is None:
        hint = f"known are {', '.join(sorted(bound.vocabulary.comparators))}"
        message = f"the comparator {name} is unknown"
        raise bound.unsupported("comparator", message, hint)
    capability = f"comparator-{name}"
    if capability in bound.vocabulary.capabilities and capability not in bound.requires:
        raise bound.unsupported(
            "comparator",
            f"the comparator {name} is not asked for",
            f'add "{capability}" to require',
        )
    return known


def matching(
    bound: "Bound", comparator: Comparator, keys: Values, found: Found
) -> Matcher:
    """A matcher that tries each value against each key.

    What matched is kept for ``${1}`` where the script asks for variables.
    """
    constant = [key for key in keys if isinstance(key, str)]
    same = constant if len(constant) == len(keys) else None
    keeps = "variables" in bound.requires
    fold = comparator.fold

    def match(run: "Run", values: Sequence[str]) -> bool:
        wanted = [fold(k) for k in (texts(run, keys) if same is None else same)]
        for value in values:
            run.work(len(value) + 1)
            folded = fold(value)
            for key in wanted:
                parts = found(folded, key)
                if parts is not None:
                    if parts and keeps:
                        run.matched = _original(value, folded, parts)
                    return True
        return False

    return match


def _original(value: str, folded: str, spans: Sequence[Span]) -> Sequence[str]:
    """The parts in the letters of the value itself, if folding left them in place."""
    source = value if len(value) == len(folded) else folded
    return [source[begin:end] for begin, end in spans]


def _substrings(bound: "Bound", comparator: Comparator) -> None:
    if not comparator.substrings:
        kind = bound.chosen("match", "is")
        raise bound.error(None, f"{comparator.name} cannot be used with :{kind}")


def equal(bound: "Bound", comparator: Comparator, keys: Values) -> Matcher:
    """``:is``."""
    same = [key for key in keys if isinstance(key, str)]
    if len(same) < len(keys):
        return matching(bound, comparator, keys, _equal)
    fold = comparator.fold
    wanted = frozenset(map(fold, same))

    def match(run: "Run", values: Sequence[str]) -> bool:
        run.work(sum(map(len, values)))
        return any(fold(value) in wanted for value in values)

    return match


def _equal(value: str, key: str) -> Sequence[Span] | None:
    return () if value == key else None


def containing(bound: "Bound", comparator: Comparator, keys: Values) -> Matcher:
    """``:contains``."""
    _substrings(bound, comparator)
    return matching(bound, comparator, keys, _within)


def _within(value: str, key: str) -> Sequence[Span] | None:
    return () if key in value else None


def globbing(bound: "Bound", comparator: Comparator, keys: Values) -> Matcher:
    r"""``:matches``: ``*`` is any text, ``?`` one character, ``\`` quotes both."""
    _substrings(bound, comparator)
    return matching(
        bound, comparator, keys, lambda value, key: pattern(key).match(value)
    )


@frozen
class _Piece:
    """What stands between two stars: literal text, or with ``?`` in it a regex."""

    text: str
    regex: re.Pattern[str] | None
    length: int

    def at(self, value: str, at: int) -> Sequence[Span] | None:
        """Where the question marks stand, if it is at this place."""
        if self.regex is None:
            return () if value.startswith(self.text, at) else None
        found = self.regex.match(value, at)
        return found.regs[1:] if found else None

    def after(self, value: str, at: int) -> tuple[int, Sequence[Span]] | None:
        """The first place from ``at`` on."""
        if self.regex is None:
            place = value.find(self.text, at)
            return (place, ()) if place >= 0 else None
        found = self.regex.search(value, at)
        return (found.start(), found.regs[1:]) if found else None


@frozen
class Pattern:
    """A glob, matched in one pass: each star takes as little as it can.

    (RFC 5229 §3.2.)
    """

    pieces: tuple[_Piece, ...]

    def match(self, value: str) -> Sequence[Span] | None:
        """Where the value and what stood for each wildcard are; None: no match."""
        first, last = self.pieces[0], self.pieces[-1]
        begin = first.at(value, 0)
        if begin is None:
            return None
        found = [(0, len(value)), *begin]
        at = first.length
        if len(self.pieces) == 1:
            return found if len(value) == at else None
        for piece in self.pieces[1:-1]:
            place = piece.after(value, at)
            if place is None:
                return None
            found += [(at, place[0]), *place[1]]
            at = place[0] + piece.length
        stop = len(value) - last.length
        end = last.at(value, stop) if stop >= at else None
        return None if end is None else [*found, (at, stop), *end]


@lru_cache(1_000)
def pattern(key: str) -> Pattern:
    """Read a glob."""
    pieces, literal, marks = [], [""], 0
    characters = iter(key)
    for character in characters:
        if character == "*":
            pieces.append(_piece(literal))
            literal = [""]
        elif character == "?":
            literal.append("")
            marks += 1
        else:
            if character == "\\":
                character = next(characters, "\\")  # noqa: PLW2901 - the one it quotes
            literal[-1] += character
    return Pattern((*pieces, _piece(literal)))


def _piece(literal: Sequence[str]) -> _Piece:
    """Literals between which there were question marks."""
    length = sum(map(len, literal)) + len(literal) - 1
    if len(literal) == 1:
        return _Piece(literal[0], None, length)
    return _Piece(
        "", re.compile("(.)".join(map(re.escape, literal)), re.DOTALL), length
    )


BUILT_IN: dict[str, MatchType] = {
    "is": equal,
    "contains": containing,
    "matches": globbing,
}
