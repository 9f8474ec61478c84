"""Match types: ``:is``, ``:contains``, ``:matches`` (RFC 5228 §2.7.1).

Extensions add others (``:count``, ``:value``, ``:regex``); all of them compile to a
:data:`Matcher` that is asked with the values that a test found.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from attrs import frozen

from mailsuite.sieve import globs
from mailsuite.sieve.comparators import DEFAULT, Comparator
from mailsuite.sieve.globs import NEEDLE, Glob, Span
from mailsuite.sieve.octets import narrow, odd, wide
from mailsuite.sieve.program import Values, texts
from mailsuite.sieve.seen import Seen

if TYPE_CHECKING:
    from mailsuite.sieve.binding import Bound
    from mailsuite.sieve.run import Run

Matcher = Callable[["Run", Sequence[str]], bool]
"""Whether one of the values matches one of the keys."""

MatchType = Callable[["Bound", Comparator, Values], Matcher]

Found = Callable[[str, str], Sequence[Span] | None]
"""(value, key) to the places of the text that matched and of what stood for each
wildcard, both folded; None: no match. Empty: a match without wildcards."""

_SUBSTRINGS = frozenset(("contains", "matches"))

KEY_OCTETS = 16  # what a character of a key costs that only the run knows


def compiled(bound: "Bound", keys: int | str) -> Matcher:
    """The matcher of a test whose keys are the given argument.

    :raises BadScript: the comparator is unknown, not asked for, or cannot do it.
    """
    return matcher(bound, bound.keys(keys))


def matcher(bound: "Bound", keys: Values) -> Matcher:
    """As :func:`compiled`, with other keys than those that stand there."""
    comparator = asked(bound)
    kind = bound.chosen("match", "is")
    return bound.vocabulary.matches[kind](bound, comparator, keys)


def asked(bound: "Bound") -> Comparator:
    """The comparator of a test.

    :raises BadScript: it is unknown, not asked for, or cannot do what is asked.
    """
    found = _named(bound)
    kind = bound.chosen("match", "is")
    if kind in _SUBSTRINGS and not found.substrings:
        hint = "write :is, or another comparator"
        raise bound.error(
            "comparator", f"{found.name} cannot be used with :{kind}", hint
        )
    return found


def _named(bound: "Bound") -> Comparator:
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


@frozen
class Lens:
    """How texts are seen: ``fold`` for comparing, ``source`` with its letters.

    Both have the same characters at the same places, if their lengths are equal.
    ``shown`` makes a part of the source a text again.
    """

    fold: Callable[[str], str]
    source: Callable[[str], str] = str
    shown: Callable[[str], str] = str

    def original(self, value: str, folded: str, spans: Sequence[Span]) -> list[str]:
        """The parts in the letters of the value itself."""
        source = self.source(value)
        if len(source) != len(folded):
            return [value, *(self.shown(folded[begin:end]) for begin, end in spans[1:])]
        return [self.shown(source[begin:end]) for begin, end in spans]


@cache
def characters(comparator: Comparator) -> Lens:
    """How a comparator sees single characters, which ``?`` stands for."""
    fold = comparator.fold
    if comparator.octets:
        return Lens(lambda text: fold(wide(text)), wide, narrow)
    return Lens(
        lambda text: normalize("NFC", fold(text)), lambda text: normalize("NFC", text)
    )


Try = Callable[[str, Callable[[int], None]], Sequence[Span] | None]
"""(folded value, what counts the work besides) to places, or None."""


@frozen
class Keys:
    """Keys that are ready to be tried, and what that costs for each character.

    ``raw``: there are octets in them that are no UTF-8, as values may have come.
    """

    lens: Lens
    tries: tuple[Try, ...]
    cost: int
    raw: bool = False


Prepare = Callable[[Sequence[str]], Keys]


def trying(bound: "Bound", keys: Values, prepare: Prepare) -> Matcher:
    """A matcher that tries each value against each key.

    What matched is kept for ``${1}`` where the script asks for variables.
    """
    constant = [key for key in keys if isinstance(key, str)]
    same = prepare(constant) if len(constant) == len(keys) else None
    keeps = "variables" in bound.requires

    def match(run: "Run", values: Sequence[str]) -> bool:
        ready = same
        if ready is None:
            told = texts(run, keys)
            run.work(KEY_OCTETS * sum(map(len, told)))
            ready = prepare(told)
        lens, tries, spend = ready.lens, ready.tries, run.work
        seen = values if isinstance(values, Seen) else Seen(values)
        if ready.raw:
            seen = seen.undecoded()
        spend(seen.octets * ready.cost)
        for place, folded in enumerate(seen.folded(lens.fold)):
            for found in tries:
                spans = found(folded, spend)
                if spans is not None:
                    if spans and keeps:
                        run.matched = lens.original(seen[place], folded, spans)
                    return True
        return False

    return match


def matching(
    bound: "Bound", comparator: Comparator, keys: Values, found: Found
) -> Matcher:
    """As :func:`trying`, for what compares a folded value with a folded key."""
    return trying(bound, keys, _folding(comparator, found))


def _folding(comparator: Comparator, found: Found) -> Prepare:
    def prepare(told: Sequence[str]) -> Keys:
        return _literal(comparator, told, lambda key: _with_key(found, key))

    return prepare


def _literal(
    comparator: Comparator, told: Sequence[str], trying: Callable[[str], Try]
) -> Keys:
    """Keys that hold no wildcards; octet by octet where characters will not do."""
    raw = any(map(odd, told))
    lens = characters(comparator) if raw else Lens(comparator.fold)
    folded = [lens.fold(key) for key in told]
    return Keys(lens, tuple(map(trying, folded)), cost(comparator, folded), raw)


def cost(comparator: Comparator, keys: Sequence[str]) -> int:
    """What looking for folded keys costs, for each character of a text."""
    needles = sum(1 + min(len(key), NEEDLE) // 16 for key in keys)
    return comparator.cost + needles


def _with_key(found: Found, key: str) -> Try:
    return lambda value, _: found(value, key)


def equal(bound: "Bound", comparator: Comparator, keys: Values) -> Matcher:
    """``:is``."""
    same = [key for key in keys if isinstance(key, str)]
    if len(same) < len(keys) or any(map(odd, same)):
        return matching(bound, comparator, keys, _equal)
    fold, costs = comparator.fold, comparator.cost
    wanted = frozenset(map(fold, same))

    def match(run: "Run", values: Sequence[str]) -> bool:
        seen = values if isinstance(values, Seen) else Seen(values)
        run.work(costs * seen.octets)
        return not wanted.isdisjoint(seen.folded(fold))

    return match


def _equal(value: str, key: str) -> Sequence[Span] | None:
    return () if value == key else None


def containing(bound: "Bound", comparator: Comparator, keys: Values) -> Matcher:
    """``:contains``."""

    def prepare(told: Sequence[str]) -> Keys:
        return _literal(comparator, told, _holding)

    return trying(bound, keys, prepare)


def _holding(key: str) -> Try:
    return lambda value, _: () if key in value else None


def globbing(bound: "Bound", comparator: Comparator, keys: Values) -> Matcher:
    """``:matches``."""

    def prepare(told: Sequence[str]) -> Keys:
        lens, read, costs = patterns(comparator, told)
        raw = any(map(odd, told))
        return Keys(lens, tuple(one.match for one in read), costs, raw)

    return trying(bound, keys, prepare)


def patterns(
    comparator: Comparator, told: Sequence[str]
) -> tuple[Lens, Sequence[Glob], int]:
    """Patterns of ``:matches``, how they see texts, and what each character costs."""
    single = any("?" in key or odd(key) for key in told)
    lens = characters(comparator) if single else Lens(comparator.fold)
    read = [globs.read(key, lens.fold) for key in told]
    costs = sum(one.cost + 2 + len(one.pieces) // 2 for one in read)
    return lens, read, comparator.cost + costs


BUILT_IN: dict[str, MatchType] = {
    "is": equal,
    "contains": containing,
    "matches": globbing,
}
