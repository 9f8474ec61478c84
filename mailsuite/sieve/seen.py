"""What tests find in a message, folded once for all rules that look at it."""

from collections.abc import Callable, Iterable, Sequence

VALUE_OCTETS = 100  # what a value costs besides its length, for each key
REMEMBERED = 2_000  # characters of all values; longer ones are folded each time


class Seen(list[str]):
    """Values that do not change any more; ``octets``: what looking at them costs."""

    __slots__ = ("_folded", "_small", "octets")

    def __init__(self, values: Iterable[str]) -> None:
        super().__init__(values)
        self._folded: dict[Callable[[str], str], list[str]] = {}
        characters = sum(map(len, self))
        self._small = characters <= REMEMBERED
        self.octets = characters + VALUE_OCTETS * len(self)

    def folded(self, fold: Callable[[str], str]) -> Sequence[str]:
        """What a comparator makes of them, in their order."""
        known = self._folded.get(fold)
        if known is None:
            known = [fold(value) for value in self]
            if self._small:
                self._folded[fold] = known
        return known
