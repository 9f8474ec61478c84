"""``:index`` and ``:last`` (RFC 5260 §6): one of several fields of a name."""

from collections.abc import Callable, Sequence
from typing import Any

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.shapes import Extension, Kind, Tagged


def _index(bound: Bound) -> Callable[[Sequence[Any]], Sequence[Any]]:
    number = bound.number("index")
    if number < 1:
        raise bound.error("index", "the first field has number 1")
    at = -number if bound.has("last") else number - 1

    def only(found: Sequence[Any]) -> Sequence[Any]:
        return [found[at]] if number <= len(found) else ()

    return only


def _last(bound: Bound) -> None:
    if not bound.has("index"):
        raise bound.error(None, ":last needs :index", "write :index 1 :last")


TAGS = (Tagged("index", Kind.NUMBER), Tagged("last"))
EXTENSION = Extension(
    "index",
    tags={"header": TAGS, "address": TAGS, "date": TAGS},
    narrows={"index": _index, "last": _last},
)
