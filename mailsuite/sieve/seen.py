"""What tests find in a message, folded once for all rules that look at it."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from attrs import frozen

from mailsuite.sieve.octets import odd, text

VALUE_OCTETS = 100  # what a value costs besides its length, for each key
REMEMBERED = 2_000  # characters of all values; longer ones are folded each time


BETWEEN = "\0"
"""Stands between the values where they are one text."""


@frozen(eq=False)
class Sight:
    """Values as tests with constant keys look at them.

    ``folded`` each alone, ``text`` all in one, ``octets`` what looking at them costs.
    """

    folded: Sequence[str]
    text: str
    octets: int


class Seen(list[str]):
    """Values that do not change any more; ``octets``: what looking at them costs.

    ``raw`` gives the values before they were decoded.
    """

    __slots__ = ("_folded", "_undecoded", "octets", "raw", "small")

    def __init__(
        self, values: Iterable[str], raw: Callable[[], Iterable[bytes]] = tuple
    ) -> None:
        super().__init__(values)
        self.raw = raw
        self._undecoded: Seen | None = None
        self._folded: dict[Callable[[str], str], list[str]] = {}
        characters = sum(map(len, self))
        self.small = characters <= REMEMBERED
        self.octets = characters + VALUE_OCTETS * len(self)

    def folded(self, fold: Callable[[str], str]) -> Sequence[str]:
        """What a comparator makes of them, in their order."""
        known = self._folded.get(fold)
        if known is None:
            known = [fold(value) for value in self]
            if self.small:
                self._folded[fold] = known
        return known

    def undecoded(self) -> "Seen":
        """These and, as they came, those that are no UTF-8."""
        if self._undecoded is None:
            came = [text(one) for one in self.raw()]
            self._undecoded = Seen([*self, *filter(odd, came)])
        return self._undecoded

    def sight(self, fold: Callable[[str], str]) -> Sight:
        """As tests with constant keys look at them."""
        folded = self.folded(fold)
        return Sight(folded, BETWEEN.join(folded), self.octets)


NONE = Seen(())


def joined(parts: Iterable[Seen]) -> Seen:
    """Several as one; none is copied where only one has values."""
    there = [one for one in parts if one]
    if len(there) < 2:
        return there[0] if there else NONE
    values = chain.from_iterable(there)
    return Seen(values, lambda: chain.from_iterable(one.raw() for one in there))
