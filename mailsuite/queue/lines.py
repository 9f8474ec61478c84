"""Where recipients stand in line: limits for transports and domains, back-off.

A line is one transport and, for other servers, one domain. A host that does not
answer puts its line into back-off: one delivery probes it when that is over, and
the others wait without an attempt of their own.
"""

from collections import deque
from collections.abc import Callable, Sequence

from attrs import define, field

from mailsuite.queue.jobs import Job, Slot
from mailsuite.queue.tables import Destination

PROBED_AGAIN = 5.0  # seconds until mail that waits for a probe is looked at again


@define(eq=False)
class Gate:
    """How many deliveries one transport does at once, and who waits for it."""

    limit: int
    active: int = 0
    waiting: "deque[Place]" = field(factory=deque)


@define(eq=False)
class Line:
    """One transport and domain (empty for local mail)."""

    transport: str
    domain: str
    gate: Gate
    limit: int
    active: int = 0
    waiting: "deque[Place]" = field(factory=deque)
    failures: int = 0
    until: float = 0.0


Place = tuple[Line, Job, Sequence[Slot]]
Limits = tuple[int, int, int]


@define(eq=False)
class Lines:
    """All lines. ``limits`` are for local mail, other transports, and a domain."""

    _limits: Limits
    _delay: Callable[[int], float]
    _gates: dict[str, Gate] = field(factory=dict)
    _lines: dict[tuple[str, str], Line] = field(factory=dict)
    changed: set[tuple[str, str]] = field(factory=set)
    """Lines whose back-off changed and is not written yet."""

    def line(self, transport: str, domain: str) -> Line:
        """The line of a recipient."""
        line = self._lines.get((transport, domain))
        if line is None:
            local, remote, one = self._limits
            gate = self._gates.get(transport)
            if gate is None:
                limit = local if transport == "local" else remote
                gate = self._gates[transport] = Gate(limit)
            limit = one if domain else gate.limit
            line = self._lines[transport, domain] = Line(transport, domain, gate, limit)
        return line

    def limit(self, limits: Limits) -> None:
        """Use other limits; who has a place keeps it."""
        local, remote, one = self._limits = limits
        for name, gate in self._gates.items():
            gate.limit = local if name == "local" else remote
        for line in self._lines.values():
            line.limit = one if line.domain else line.gate.limit

    def blocked(self, line: Line, now: float) -> float:
        """Seconds until the line may be tried; 0: now."""
        if not line.failures:
            return 0.0
        if now < line.until:
            return line.until - now
        return PROBED_AGAIN if line.active or line.waiting else 0.0

    def enter(self, place: Place) -> bool:
        """Take a place; False: it stands in line and is called later."""
        line = place[0]
        gate = line.gate
        if line.active >= line.limit:
            line.waiting.append(place)
        elif gate.active >= gate.limit:
            gate.waiting.append(place)
        else:
            line.active += 1
            gate.active += 1
            return True
        return False

    def leave(self, line: Line) -> Place | None:
        """Give a place up; gives who has it now, if somebody waited."""
        if line.waiting:
            return line.waiting.popleft()
        gate = line.gate
        line.active -= 1
        gate.active -= 1
        if not line.active and not line.failures and line.domain:
            del self._lines[line.transport, line.domain]
        while gate.waiting:
            old, job, slots = gate.waiting.popleft()
            other = self.line(old.transport, old.domain)
            place = (other, job, slots)
            if other.active < other.limit:
                other.active += 1
                gate.active += 1
                return place
            other.waiting.append(place)
        return None

    def failed(self, transport: str, domain: str, now: float) -> None:
        """The host did not answer; what runs at once counts once."""
        line = self.line(transport, domain)
        if now >= line.until:
            line.failures += 1
            line.until = now + self._delay(line.failures)
            self.changed.add((transport, domain))

    def answered(self, transport: str, domain: str) -> None:
        """The host is there."""
        line = self._lines.get((transport, domain))
        if line is not None and line.failures:
            line.failures, line.until = 0, 0.0
            self.changed.add((transport, domain))

    def retry(self) -> None:
        """Try every host anew."""
        for name, line in self._lines.items():
            if line.failures:
                line.until = 0.0
                self.changed.add(name)

    def restore(self, those: Sequence[Destination]) -> None:
        """Back-off as it was before the restart."""
        for each in those:
            line = self.line(each.transport, each.domain)
            line.failures, line.until = each.failures, each.until

    def taken_changes(self) -> list[Destination]:
        """The back-off that changed, to be written."""
        names, self.changed = self.changed, set()
        made = []
        for transport, domain in names:
            line = self._lines.get((transport, domain))
            failures, until = (line.failures, line.until) if line else (0, 0.0)
            made.append(Destination(transport, domain, failures, until))
        return made
