"""Tests of fields and keys that are known when the script is checked: most of them.

What they look at is taken from a message once for all of them, as one text with all
values in it; a test itself only looks whether its keys are there. It counts what the
same test with variables counts, and finds the same.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import frozen

from mailsuite.sieve import matching, screening
from mailsuite.sieve.comparators import Comparator
from mailsuite.sieve.globs import Glob
from mailsuite.sieve.message import Message
from mailsuite.sieve.octets import odd
from mailsuite.sieve.program import Condition, Values
from mailsuite.sieve.screening import Glance, Screen
from mailsuite.sieve.seen import BETWEEN, Sight
from mailsuite.sieve.shapes import AddressPart

if TYPE_CHECKING:
    from mailsuite.sieve.binding import Bound
    from mailsuite.sieve.run import Run

NAME_OCTETS = 32  # what looking for a field costs


@frozen(eq=False)
class Look:
    """What tests look at: fields, or a part of the addresses in them, folded."""

    names: tuple[str, ...]
    part: AddressPart | None
    fold: Callable[[str], str]

    def at(self, message: Message) -> Sight:
        """What is there; short texts are remembered."""
        seen = message.seen(self.names, self.part)
        sight = seen.sight(self.fold)
        if seen.small:
            message.sights[self] = sight
        return sight


_look = lru_cache(1_000)(Look)
"""Tests that look at the same share it, of whatever script they are."""


@frozen
class Fields:
    """The fields that a test is about; names in lower case."""

    names: tuple[str, ...]
    part: AddressPart | None = None

    def seen(self, fold: Callable[[str], str]) -> tuple[Look, int]:
        """What is looked at, and what that costs whatever is there."""
        return _look(self.names, self.part, fold), NAME_OCTETS * len(self.names)


Make = Callable[[Fields, Comparator, Sequence[str]], tuple[Condition, Glance]]


def condition(bound: "Bound", fields: Fields, keys: Values) -> Condition | None:
    """A test of these fields; None: what comes of it is known only in a run.

    :raises BadScript: the comparator is unknown, not asked for, or cannot do it.
    """
    same = [key for key in keys if isinstance(key, str)]
    kind = bound.vocabulary.matches[bound.chosen("match", "is")]
    make = _MADE.get(kind)
    if make is None or len(same) < len(keys) or any(map(odd, same)):
        return None
    if kind is matching.globbing and "variables" in bound.requires:
        return None  # the script may ask what stood for a wildcard
    made, glance = make(fields, matching.asked(bound), same)
    screening.known(bound.scope)[made] = Screen((glance,))
    return made


def _equal(
    fields: Fields, comparator: Comparator, keys: Sequence[str]
) -> tuple[Condition, Glance]:
    look, paid = fields.seen(comparator.fold)
    cost = comparator.cost
    wanted = frozenset(map(comparator.fold, keys))

    def equal(run: "Run") -> bool:
        message = run.message
        sight = message.sights.get(look) or look.at(message)
        run.step(paid + cost * sight.octets)
        return not wanted.isdisjoint(sight.folded)

    return equal, Glance(look, tuple(wanted), paid, cost)


def _containing(
    fields: Fields, comparator: Comparator, keys: Sequence[str]
) -> tuple[Condition, Glance]:
    look, paid = fields.seen(comparator.fold)
    wanted = tuple(map(comparator.fold, keys))
    cost = matching.cost(comparator, wanted)
    alone = any(not key or BETWEEN in key for key in wanted)

    def containing(run: "Run") -> bool:
        message = run.message
        sight = message.sights.get(look) or look.at(message)
        run.step(paid + cost * sight.octets)
        if alone:
            return any(key in value for value in sight.folded for key in wanted)
        text = sight.text
        for key in wanted:  # noqa: SIM110 - any() costs three times as much
            if key in text:
                return True
        return False

    return containing, Glance(look, wanted, paid, cost)


def _globbing(
    fields: Fields, comparator: Comparator, keys: Sequence[str]
) -> tuple[Condition, Glance]:
    lens, patterns, cost = matching.patterns(comparator, keys)
    look, paid = fields.seen(lens.fold)
    wanted = tuple((_needle(one), one.match) for one in patterns)

    def globbing(run: "Run") -> bool:
        message = run.message
        sight = message.sights.get(look) or look.at(message)
        run.step(paid + cost * sight.octets)
        text = sight.text
        for needle, match in wanted:
            if needle in text:
                for value in sight.folded:
                    if match(value, run.work) is not None:
                        return True
        return False

    return globbing, Glance(look, tuple(one for one, _ in wanted), paid, cost)


def _needle(pattern: Glob) -> str:
    """What is in every text that matches."""
    literals = (one.text for one in pattern.pieces if BETWEEN not in one.text)
    return max(literals, key=len, default="")


_MADE: dict[matching.MatchType, Make] = {
    matching.equal: _equal,
    matching.containing: _containing,
    matching.globbing: _globbing,
}
