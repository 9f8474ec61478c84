"""Messages about events (RFC 5546): what they must have, and whom they are for."""

from collections.abc import Sequence

from attrs import evolve, frozen

from mailsuite.icalendar import entries
from mailsuite.icalendar.components import CALENDAR, ENTRIES, Component
from mailsuite.icalendar.lines import Malformed

OBJECTS = 20  # of one message; ours
ATTENDEES = 2_000  # of one entry; ours

PUBLISH, REQUEST, REPLY = "PUBLISH", "REQUEST", "REPLY"
ADD, CANCEL = "ADD", "CANCEL"
METHODS = frozenset((PUBLISH, REQUEST, REPLY, ADD, CANCEL))
"""Those that change a calendar; the others ask a person something."""
BETWEEN = frozenset(("REFRESH", "COUNTER", "DECLINECOUNTER"))

_SINGLE = (
    *("UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "ORGANIZER", "SEQUENCE"),
    *("RECURRENCE-ID", "STATUS", "SUMMARY"),
)


@frozen
class Message:
    """One object of a message: entries of one UID, and how they are meant.

    ``method`` is empty where the calendar has none and is no iTIP message.
    """

    method: str
    uid: str
    calendar: Component

    @property
    def entries(self) -> Sequence[Component]:
        """The object itself and instances of it."""
        return self.calendar.entries

    @property
    def public(self) -> bool:
        """Whether nobody is invited (RFC 9671 §4.1)."""
        return not entries.invites(self.entries)

    @property
    def targets(self) -> Sequence[str]:
        """Addresses of those it is meant for, as the method says."""
        if self.method == REPLY:
            found = entries.organizer(self.entries)
            return [found] if "@" in found else []
        return entries.attendees(self.entries)

    @property
    def title(self) -> str:
        """SUMMARY as it is written."""
        return next(
            (told for one in self.entries if (told := one.value("SUMMARY"))), ""
        )


def messages(calendar: Component) -> Sequence[Message]:
    """The objects of a calendar; none: there are no entries.

    :raises Malformed: something that must be there is not.
    """
    method = calendar.value("METHOD").strip().upper()
    if calendar.value("VERSION").strip() != "2.0":
        raise Malformed("it is not of version 2.0")
    grouped: dict[str, list[Component]] = {}
    for one in calendar.entries:
        name = entries.uid(one)
        if not name or len(name) > entries.UID_CHARACTERS:
            raise Malformed("missing unique identifier")
        grouped.setdefault(name, []).append(one)
    if len(grouped) > OBJECTS:
        raise Malformed(f"there are more than {OBJECTS} objects in it")
    if method and method != PUBLISH and len(grouped) > 1:
        raise Malformed("its components have different unique identifiers")
    others = [one for one in calendar.components if one.name not in ENTRIES]
    found: list[Message] = []
    for name, some in grouped.items():
        whole = evolve(calendar, components=(*others, *some))
        message = Message(method, name, whole)
        _check(message)
        found.append(message)
    return found


def read(calendar: Component) -> Message:
    """The one object of a calendar. :raises Malformed: there is not one alone."""
    found = messages(calendar)
    if len(found) != 1:
        raise Malformed("it has not one object alone")
    return found[0]


def _check(message: Message) -> None:
    """Whether an object is as RFC 5546 §3.2 to §3.5 wants it. :raises Malformed: no."""
    kinds = {one.name for one in message.entries}
    if message.calendar.name != CALENDAR or len(kinds) > 1:
        raise Malformed("it mixes components of different kinds")
    keys = [entries.instance(one) for one in message.entries]
    if len(set(keys)) < len(keys):
        raise Malformed("it has an instance twice")
    for one in message.entries:
        _single(one)
        if message.method:
            _scheduled(message.method, one)


def _single(entry: Component) -> None:
    """What every entry is, with a method or without."""
    names = [one.name for one in entry.properties]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise Malformed(f"it has more than one {name}")
    if "DTEND" in names and "DURATION" in names:
        raise Malformed("it has both DTEND and DURATION")
    for name in ("DTSTART", "RECURRENCE-ID"):
        if name in names and not entries.moment(entry.value(name)):
            raise Malformed(f"{name} is no time")
    if "DTSTAMP" in names and not entries.stamped(entry.value("DTSTAMP")):
        raise Malformed("DTSTAMP is no time")
    if names.count("ATTENDEE") > ATTENDEES:
        raise Malformed(f"it invites more than {ATTENDEES}")
    entries.sequence(entry)


def _scheduled(method: str, entry: Component) -> None:
    """What an entry of an iTIP message has besides."""
    needed = ["DTSTAMP", "ORGANIZER"]
    if method == ADD or (entry.name == "VEVENT" and method in {PUBLISH, REQUEST}):
        needed.append("DTSTART")
    for name in needed:
        if not entry.value(name).strip():
            raise Malformed(f"missing {name}")
    invited = len(entry.all_of("ATTENDEE"))
    if method == REPLY and invited != 1:
        raise Malformed("a reply is of one attendee")
    if method == REQUEST and not invited:
        raise Malformed("missing ATTENDEE")
    if method == PUBLISH and invited:
        raise Malformed("what is published invites nobody")
    if method == ADD and (entries.instance(entry) or not entries.sequence(entry)):
        raise Malformed("ADD has a SEQUENCE above 0 and no RECURRENCE-ID")
