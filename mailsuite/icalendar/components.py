"""Components (RFC 5545 §3.6): read from octets and written again."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import evolve, field, frozen

from mailsuite.icalendar.lines import LINES, Malformed, Property, read, written

DEPTH = 8  # components in one another; ours, the RFC's own need 3
COMPONENTS = 2_000  # of one calendar; ours

CALENDAR = "VCALENDAR"
ZONE = "VTIMEZONE"
ALARM = "VALARM"
ENTRIES = frozenset(("VEVENT", "VTODO", "VJOURNAL"))
"""What a calendar holds."""


@frozen
class Component:
    """A component: its lines and the components in it, each in their order."""

    name: str
    properties: tuple[Property, ...] = field(default=(), repr=False)
    components: tuple["Component", ...] = field(default=(), repr=False)

    def all_of(self, *names: str) -> Sequence[Property]:
        """The lines of some names."""
        return [one for one in self.properties if one.name in names]

    def first(self, name: str) -> Property | None:
        """The first line of a name."""
        return next((one for one in self.properties if one.name == name), None)

    def value(self, name: str) -> str:
        """The value of the first line of a name, empty if there is none."""
        found = self.first(name)
        return "" if found is None else found.value

    def without(self, *names: str) -> "Component":
        """The same with no lines of some names."""
        kept = tuple(one for one in self.properties if one.name not in names)
        return evolve(self, properties=kept)

    def having(self, *some: Property) -> "Component":
        """The same with these lines in the place of those of their names."""
        left = self.without(*(one.name for one in some))
        return evolve(left, properties=(*left.properties, *some))

    def mapped(self, change: Callable[[Property], Property]) -> "Component":
        """The same with each of its own lines changed."""
        return evolve(self, properties=tuple(map(change, self.properties)))

    @property
    def entries(self) -> Sequence["Component"]:
        """Events, tasks and journal entries of a calendar."""
        return [one for one in self.components if one.name in ENTRIES]


def parse(octets: bytes, charset: str = "") -> Component:
    """Read one calendar. :raises Malformed: it cannot be read, or is too much."""
    stack: list[tuple[str, list[Property], list[Component]]] = [("", [], [])]
    number = 0
    for line in read(octets, charset):
        name = line.value.strip().upper()
        if line.name == "BEGIN":
            number += 1
            if number > COMPONENTS or len(stack) > DEPTH:
                raise Malformed("there are too many components, or too deep ones")
            stack.append((name, [], []))
        elif line.name == "END":
            began, lines, inside = stack.pop()
            if not stack or began != name:
                raise Malformed(f"END:{name[:40]} ends nothing")
            stack[-1][2].append(Component(began, tuple(lines), tuple(inside)))
        else:
            stack[-1][1].append(line)
    found = stack[0][2]
    if len(stack) > 1 or stack[0][1] or [one.name for one in found] != [CALENDAR]:
        raise Malformed("it is not one whole calendar")
    return found[0]


def printed(component: Component, most: int | None = None) -> bytes:
    """A component in octets. :raises Malformed: they are more than ``most``."""
    pieces: list[bytes] = []
    octets = 0
    for line in _lines(component):
        pieces.append(written(line))
        octets += len(pieces[-1])
        if most is not None and octets > most:
            raise Malformed("the object would be too large for the calendar")
    return b"".join(pieces)


def _lines(component: Component) -> Iterator[Property]:
    yield Property("BEGIN", (), component.name)
    yield from component.properties
    for one in component.components:
        yield from _lines(one)
    yield Property("END", (), component.name)


def fits(component: Component) -> bool:
    """Whether it has no more components and lines than are read."""
    number = lines = 0
    waiting = [component]
    while waiting:
        one = waiting.pop()
        number += 1
        lines += 2 + len(one.properties)
        waiting += one.components
    return number <= COMPONENTS and lines <= LINES


def together(calendars: Iterable[Component], product: str) -> Component:
    """One calendar with everything of several; each time zone once."""
    zones: dict[str, Component] = {}
    others: list[Component] = []
    for calendar in calendars:
        for one in calendar.components:
            if one.name == ZONE:
                zones.setdefault(one.value("TZID"), one)
            else:
                others.append(one)
    lines = (Property("VERSION", (), "2.0"), Property("PRODID", (), product))
    return Component(CALENDAR, lines, (*zones.values(), *others))
