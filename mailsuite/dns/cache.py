"""Answers remembered for their time to live, the least used forgotten first."""

from collections.abc import Callable

from attrs import define, field

from mailsuite.dns.questions import Finding, Question


@define(eq=False)
class Cache:
    """At most ``entries`` findings; ``clock`` is monotonic."""

    _clock: Callable[[], float]
    _entries: int
    _known: dict[Question, tuple[float, Finding]] = field(factory=dict, init=False)

    def get(self, question: Question) -> Finding | None:
        """Give what is known and not too old."""
        entry = self._known.pop(question, None)
        if entry is None or entry[0] <= self._clock():
            return None
        self._known[question] = entry
        return entry[1]

    def put(self, question: Question, finding: Finding) -> None:
        """Remember it for its ``ttl``; one of 0 is not remembered."""
        if finding.ttl <= 0 or self._entries <= 0:
            return
        self._known.pop(question, None)
        while len(self._known) >= self._entries:
            del self._known[next(iter(self._known))]
        self._known[question] = (self._clock() + finding.ttl, finding)

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()

    def __len__(self) -> int:
        return len(self._known)
