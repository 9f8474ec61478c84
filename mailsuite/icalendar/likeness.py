"""Whether two calendars say the same (RFC 9671 §4)."""

from collections import Counter
from typing import Any

from mailsuite.icalendar.components import CALENDAR, Component
from mailsuite.icalendar.lines import Property

_WRITER = frozenset(("PRODID", "CALSCALE", "VERSION"))
"""Of the calendar: who wrote it, and values that can only be one."""


def alike(one: Component, other: Component) -> bool:
    """Whether they are equal but for the order of things and for who wrote them."""
    return bool(_essence(one) == _essence(other))


def _essence(component: Component) -> Any:
    lines = Counter(
        _line(line)
        for line in component.properties
        if component.name != CALENDAR or line.name not in _WRITER
    )
    inside = Counter(map(_essence, component.components))
    return component.name, frozenset(lines.items()), frozenset(inside.items())


def _line(line: Property) -> Any:
    named = frozenset((name, value.strip('"')) for name, value in line.parameters)
    return line.name, named, line.value.strip()
