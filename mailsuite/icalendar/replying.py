"""REPLY (RFC 5546 §3.2.3): the organizer learns who takes part."""

from collections.abc import Sequence

from attrs import evolve

from mailsuite.icalendar import entries
from mailsuite.icalendar.components import Component
from mailsuite.icalendar.entries import Revision
from mailsuite.icalendar.itip import Message
from mailsuite.icalendar.lines import Property

LAST = "X-MAILSUITE-REPLY"
"""Parameter of ATTENDEE: revision of the last reply (RFC 5546 §2.1.5)."""
NUMBER_DIGITS = 10  # of a SEQUENCE; others can write that parameter, too
_TAKEN = ("PARTSTAT", "DELEGATED-TO", "DELEGATED-FROM")


def answered(message: Message, kept: Component, own: frozenset[str]) -> Component | str:
    """The object with what an attendee replies, or why there is nothing new in it."""
    some = {entries.instance(one): one for one in kept.entries}
    why = ""
    changed = False
    for reply in message.entries:
        known = _meant(some, reply)
        if known is None:
            why = "it is about an instance that is not in the calendar"
            continue
        made = _with(known, reply, own)
        if isinstance(made, str):
            why = made
            continue
        some[entries.instance(made)] = made
        changed = True
    return entries.joined(kept, list(some.values())) if changed else why


def _meant(some: dict[str, Component], reply: Component) -> Component | None:
    """The entry that is replied to; an instance that was like all others is made."""
    known = some.get(entries.instance(reply))
    whole, which = some.get(""), reply.first("RECURRENCE-ID")
    if known is not None or whole is None or which is None:
        return known
    return entries.of_master(whole, which) if entries.repeats(whole) else None


def _with(known: Component, reply: Component, own: frozenset[str]) -> Component | str:
    """An entry with one reply, or why not."""
    (said,) = reply.all_of("ATTENDEE")
    who = entries.address(said.value) or said.value
    if who in own:
        return "it is the owner's own reply"
    if entries.sequence(reply) < entries.sequence(known):
        return "it replies to an earlier revision"
    lines = list(known.properties)
    at = _place(lines, who)
    stamp = "/".join(map(str, entries.revision(reply)))
    if at < 0:
        others = {entries.address(one) for one in said.all_of("DELEGATED-FROM")}
        if others.isdisjoint(entries.attendees([known])):
            return "it comes from somebody who was not invited"
        lines.append(said.having(LAST, stamp))
        return evolve(known, properties=tuple(lines))
    before = lines[at]
    if _last(before) >= entries.revision(reply):
        return "a later reply of theirs is in the calendar"
    for name in _TAKEN:
        if written := dict(said.parameters).get(name, ""):
            before = before.having(name, written)
    lines[at] = before.having(LAST, stamp)
    return evolve(known, properties=tuple(lines))


def _last(line: Property) -> Revision:
    """Revision of their last reply; before all others where nobody noted one."""
    number, _, stamp = line.parameter(LAST).partition("/")
    known = number.isascii() and number.isdigit() and len(number) <= NUMBER_DIGITS
    return (int(number), stamp) if known else (-1, "")


def _place(lines: Sequence[Property], who: str) -> int:
    for at, line in enumerate(lines):
        if (
            line.name == "ATTENDEE"
            and (entries.address(line.value) or line.value) == who
        ):
            return at
    return -1
