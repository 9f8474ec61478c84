"""What scheduling asks of an entry: whose it is, which revision, which instance."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import unquote

from attrs import evolve

from mailsuite.icalendar.components import ALARM, ENTRIES, ZONE, Component
from mailsuite.icalendar.lines import Malformed, Property

UID_CHARACTERS = 1_000  # ours
LATEST_SEQUENCE = 2**31 - 1  # RFC 5545 §3.3.8

_STAMP = re.compile(r"\d{8}T\d{6}Z?")
_MOMENT = re.compile(r"\d{8}(?:T\d{6}Z?)?")
_SERIES = ("DTSTART", "RRULE", "RDATE", "EXDATE", "EXRULE")
_WHOLE = (*_SERIES, "DTEND", "DUE", "RECURRENCE-ID")

Revision = tuple[int, str]
"""SEQUENCE and DTSTAMP (RFC 5546 §2.1.5); the larger one is the later."""


def address(value: str) -> str:
    """The address of a calendar user in small letters, empty: it is no ``mailto:``."""
    scheme, _, rest = value.strip().partition(":")
    if scheme.lower() != "mailto":
        return ""
    return unquote(rest.partition("?")[0]).strip().lower()


def uid(entry: Component) -> str:
    """What names the object; empty: nothing does."""
    return entry.value("UID").strip()


def instance(entry: Component) -> str:
    """Which instance of the object it is; empty: the object itself.

    As it is written: an instance that is named in two time zones is taken for two.
    """
    found = entry.first("RECURRENCE-ID")
    if found is None:
        return ""
    tail = found.parameter("RANGE").upper()
    zone = found.parameter("TZID")
    return f"{found.value.strip()} {zone} {tail}".rstrip()


def revision(entry: Component) -> Revision:
    """Its revision. What has no SEQUENCE has 0."""
    return sequence(entry), entry.value("DTSTAMP").strip()


def sequence(entry: Component) -> int:
    """Its SEQUENCE. :raises Malformed: it is no number."""
    told = entry.value("SEQUENCE").strip() or "0"
    if not told.isascii() or not told.isdigit() or len(told) > 10:
        raise Malformed("SEQUENCE is no number")
    return min(int(told), LATEST_SEQUENCE)


def stamped(value: str) -> bool:
    """Whether a value is a DTSTAMP."""
    return _STAMP.fullmatch(value.strip()) is not None


def moment(value: str) -> bool:
    """Whether a value is a day or a time of a day."""
    return _MOMENT.fullmatch(value.strip()) is not None


def attendees(entries: Iterable[Component]) -> Sequence[str]:
    """The addresses of all that are invited, each once."""
    found = (
        address(line.value) for entry in entries for line in entry.all_of("ATTENDEE")
    )
    return list(dict.fromkeys(one for one in found if one))


def organizer(entries: Iterable[Component]) -> str:
    """The organizer's address; as it is written where it is no ``mailto:``."""
    for entry in entries:
        if value := entry.value("ORGANIZER").strip():
            return address(value) or value
    return ""


def invites(entries: Iterable[Component]) -> bool:
    """Whether anybody is invited."""
    return any(entry.first("ATTENDEE") is not None for entry in entries)


def master(calendar: Component) -> Component | None:
    """The entry that is the object itself."""
    return next((one for one in calendar.entries if not instance(one)), None)


def series(entry: Component) -> object:
    """When it takes place; equal for revisions that moved nothing."""
    when = entry.all_of(*_SERIES)
    return frozenset((one.name, one.parameters, one.value) for one in when)


def repeats(entry: Component) -> bool:
    """Whether it takes place more than once."""
    return bool(entry.all_of("RRULE", "RDATE"))


def alone(entry: Component) -> Component:
    """An entry without its alarms (RFC 9671 §4)."""
    kept = tuple(one for one in entry.components if one.name != ALARM)
    return evolve(entry, components=kept)


def of_master(whole: Component, which: Property) -> Component:
    """One instance as the whole object has it; ``which`` is its RECURRENCE-ID."""
    start = evolve(which.having("RANGE", ""), name="DTSTART")
    lines = [start]
    for name in ("DTEND", "DUE"):
        end = whole.first(name)
        if end is not None:
            shifted = _shifted(whole.value("DTSTART"), end.value, which.value)
            if shifted:
                lines.append(evolve(start, name=name, value=shifted))
    return alone(whole.without(*_WHOLE)).having(which, *lines)


def _shifted(start: str, end: str, moved: str) -> str:
    """The end of what begins at another time; empty: nobody can say."""
    try:
        span = _read(end) - _read(start)
        then = _read(moved) + span
    except (ValueError, OverflowError):
        return ""
    if "T" not in moved:
        return f"{then:%Y%m%d}"
    return f"{then:%Y%m%dT%H%M%S}{'Z' if moved.strip().endswith('Z') else ''}"


def _read(value: str) -> datetime:
    told = value.strip().removesuffix("Z")
    form = "%Y%m%dT%H%M%S" if "T" in told else "%Y%m%d"
    return datetime.strptime(told, form)  # noqa: DTZ007 - a zone is never reckoned with


def joined(
    calendar: Component, entries: Sequence[Component], others: Component | None = None
) -> Component:
    """A calendar with these entries; time zones of ``others`` come along."""
    rest = [one for one in calendar.components if one.name not in ENTRIES]
    there = {one.value("TZID") for one in rest if one.name == ZONE}
    more = () if others is None else others.components
    rest += [one for one in more if one.name == ZONE and one.value("TZID") not in there]
    inside = (*rest, *sorted(entries, key=instance))
    return evolve(calendar.without("METHOD"), components=inside)
