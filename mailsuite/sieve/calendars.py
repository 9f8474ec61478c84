"""The calendar that a message carries (RFC 9671 §4, RFC 6047 §2.4)."""

from collections.abc import Iterator, Sequence

from mailsuite.icalendar.components import Component, parse
from mailsuite.icalendar.likeness import alike
from mailsuite.icalendar.lines import OCTETS, Malformed
from mailsuite.mime import transfer
from mailsuite.model.structure import Part
from mailsuite.sieve.parts import Whole

MESSAGE_OCTETS = 2 * OCTETS  # of all calendars of one message, as they are coded
PARTS = 8  # of one message that are read and compared; ours

READ = frozenset((("text", "calendar"), ("application", "ics")))
OTHERS = frozenset(
    (
        ("application", "calendar+json"),
        ("application", "calendar+xml"),
        ("application", "jscalendar+json"),
        ("text", "x-vcalendar"),
    )
)
"""Calendars in other forms, which are not read (jCal, xCal, JSCalendar, vCalendar 1.0)."""


class Unlike(Exception):  # noqa: N818 - a finding
    """The parts of a message do not say the same, as far as anybody can see."""


def parts_of(root: Part) -> Sequence[Part]:
    """The parts with calendars. Messages within the message are not looked into."""
    return [part for part in within(root) if (part.type, part.subtype) in READ | OTHERS]


def within(root: Part) -> Iterator[Part]:
    """Every part, but for those of messages in the message."""
    waiting = [root]
    while waiting:
        one = waiting.pop()
        yield one
        if one.multipart:
            waiting += reversed(one.parts)


def cost(parts: Sequence[Part]) -> int:
    """Octets that are to be read. :raises Malformed: they are too many."""
    octets = sum(one.size for one in parts)
    if octets > MESSAGE_OCTETS:
        raise Malformed(f"the calendar has more than {OCTETS} octets")
    return octets


def read(whole: Whole, parts: Sequence[Part]) -> Component:
    """The one calendar of these parts.

    :raises Malformed: it cannot be read.
    :raises Unlike: they differ, or one of them cannot be compared.
    """
    if len(parts) > PARTS:
        raise Unlike(f"there are calendars in more than {PARTS} parts")
    if any((part.type, part.subtype) in OTHERS for part in parts):
        raise Unlike("there is a calendar in a form that cannot be read")
    found = [_component(whole.octets, part) for part in parts]
    if not all(alike(found[0], other) for other in found[1:]):
        raise Unlike("its parts have different calendars")
    return found[0]


def _component(octets: bytes, part: Part) -> Component:
    coded = transfer.slices(octets, part.body, part.end, part.encoding)
    charset = (part.parameter("charset") or "").strip().strip('"')
    calendar = parse(b"".join(coded), charset)
    method = (part.parameter("method") or "").strip().strip('"').upper()
    if method and method != calendar.value("METHOD").strip().upper():
        raise Malformed("its METHOD is not that of its Content-Type")
    return calendar
