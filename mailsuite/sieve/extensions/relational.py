"""``:count`` and ``:value`` (RFC 5231)."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.comparators import Comparator
from mailsuite.sieve.matching import Matcher
from mailsuite.sieve.program import Values, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Tagged

RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}
PAIR_OCTETS = 32  # what a comparison of two strings costs besides their length


def _relation(bound: Bound, tag: str) -> Callable[[Any, Any], bool]:
    name = bound.constant(tag).lower()
    if name not in RELATIONS:
        hint = f"write one of {', '.join(RELATIONS)}"
        raise bound.error(tag, f"{name[:40]!r} is no relation", hint)
    return RELATIONS[name]


def compared(bound: Bound, comparator: Comparator, keys: Values) -> Matcher:
    """``:value``: some value stands in this relation to some key."""
    relation = _relation(bound, "value")
    order = comparator.order

    def match(run: Run, values: Sequence[str]) -> bool:
        wanted = [order(key) for key in texts(run, keys)]
        for value in values:
            run.work(len(value) + PAIR_OCTETS * len(wanted))
            ordered = order(value)
            if any(relation(ordered, key) for key in wanted):
                return True
        return False

    return match


def counted(bound: Bound, comparator: Comparator, keys: Values) -> Matcher:
    """``:count``: the number of values stands in this relation to some key."""
    relation = _relation(bound, "count")
    order = comparator.order

    def match(run: Run, values: Sequence[str]) -> bool:
        number = order(str(len(values)))
        return any(relation(number, order(key)) for key in texts(run, keys))

    return match


EXTENSION = Extension(
    "relational",
    tags={
        "@match": tuple(
            Tagged(name, Kind.STRING, group="match") for name in ("count", "value")
        )
    },
    matches={"count": counted, "value": compared},
)
