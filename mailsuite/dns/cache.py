"""Answers remembered for their time to live, the least used forgotten first."""

from collections.abc import Callable

from attrs import define, field

from mailsuite.dns.findings import Finding
from mailsuite.dns.kinds import Kind

ENTRY_OCTETS = 600  # of an entry beside its name and values, as Python keeps it
VALUE_OCTETS = 64  # of a value beside its characters

Question = tuple[str, Kind]
"""A canonical name, and what is asked for."""

Entry = tuple[float, Finding, int]
"""When it ends, what it is, and its weight in octets."""


@define(eq=False)
class Cache:
    """At most ``entries`` findings of ``octets`` in all; ``clock`` is monotonic."""

    _clock: Callable[[], float]
    _entries: int
    _octets: int
    _known: dict[Question, Entry] = field(factory=dict, init=False)
    weight: int = field(default=0, init=False)
    """Octets of all that is remembered, estimated."""

    def get(self, question: Question) -> Finding | None:
        """Give what is known and not too old."""
        entry = self._known.pop(question, None)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            self.weight -= entry[2]
            return None
        self._known[question] = entry
        return entry[1]

    def left(self, question: Question) -> float:
        """Give the seconds that it is still remembered."""
        entry = self._known.get(question)
        return max(0.0, entry[0] - self._clock()) if entry is not None else 0.0

    def put(self, question: Question, finding: Finding) -> None:
        """Remember it for its ``ttl``; one of 0 is not remembered."""
        weight = _weight(question, finding)
        if finding.ttl <= 0 or self._entries <= 0 or weight > self._octets:
            return
        self._drop(question)
        while len(self._known) >= self._entries or self.weight + weight > self._octets:
            self._drop(next(iter(self._known)))
        self._known[question] = (self._clock() + finding.ttl, finding, weight)
        self.weight += weight

    def _drop(self, question: Question) -> None:
        entry = self._known.pop(question, None)
        if entry is not None:
            self.weight -= entry[2]

    def __len__(self) -> int:
        return len(self._known)


def _weight(question: Question, finding: Finding) -> int:
    values = sum(
        VALUE_OCTETS + (len(value) if isinstance(value, str | bytes) else 128)
        for value in finding.values
    )
    return ENTRY_OCTETS + len(question[0]) + values
