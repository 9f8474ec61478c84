"""What a message makes of the object in the calendar (RFC 5546 §3, RFC 9671 §4).

It never changes how the calendar's owner takes part, and brings no alarms. Done a
second time with its own result it finds nothing to do.
"""

from collections.abc import Sequence

from attrs import evolve, field, frozen

from mailsuite.icalendar import entries, itip, replying
from mailsuite.icalendar.components import ALARM, Component, fits
from mailsuite.icalendar.itip import Message
from mailsuite.icalendar.lines import Malformed, Property

NO_ACTION, ADDED, UPDATED, ERROR = "no_action", "added", "updated", "error"
"""Outcomes of RFC 9671 §4.7."""
EFFORT = 500_000  # 0.2 s; ours
OLD = "the calendar has this revision or a later one"
UNKNOWN = "it is not in the calendar"


@frozen
class Terms:
    """``own`` are addresses of the calendar's owner, in small letters."""

    own: frozenset[str] = frozenset()
    updates_only: bool = False
    delete_cancelled: bool = False


@frozen
class Change:
    """What comes of it; ``calendar`` None where the object is to be removed.

    With :data:`NO_ACTION` nothing is to be done.
    """

    outcome: str
    reason: str = ""
    calendar: Component | None = field(default=None, repr=False)


def effort(message: Message, kept: Component) -> int:
    """How many lines are looked at: each entry is held against one that is there."""
    lines = max((len(one.properties) for one in kept.entries), default=0)
    return len(message.entries) * lines


def change(message: Message, kept: Component | None, terms: Terms) -> Change:
    """What becomes of an object; ``kept`` is it as the calendar has it, None: not.

    :raises Malformed: that is too much work, or too large to be read again.
    """
    if kept is None:
        return _new(message, terms)
    if effort(message, kept) > EFFORT:
        raise Malformed("it changes too much of a large object at once")
    made = _joined(message, kept, terms)
    whole = made.calendar
    if whole is not None and (not fits(whole) or any(map(_crowded, whole.entries))):
        raise Malformed("the object would be too large for the calendar")
    return made


def _crowded(entry: Component) -> bool:
    return len(entry.all_of("ATTENDEE")) > itip.ATTENDEES


def _joined(message: Message, kept: Component, terms: Terms) -> Change:
    if why := _stranger(message, kept):
        return Change(NO_ACTION, why)
    if message.method == itip.CANCEL:
        return _cancelled(message, kept, terms)
    if message.method == itip.REPLY:
        answered = replying.answered(message, kept, terms.own)
        if isinstance(answered, str):
            return Change(NO_ACTION, answered)
        return Change(UPDATED, calendar=answered)
    if message.method == itip.ADD:
        return _more(message, kept)
    return _revised(message, kept, terms)


def _new(message: Message, terms: Terms) -> Change:
    if message.method in {itip.CANCEL, itip.REPLY, itip.ADD}:
        return Change(NO_ACTION, UNKNOWN)
    if terms.updates_only:
        return Change(NO_ACTION, "only processing updates")
    some = [entries.alone(one) for one in message.entries]
    return Change(ADDED, calendar=entries.joined(message.calendar, some))


def _stranger(message: Message, kept: Component) -> str:
    """Why a message cannot be about this object; empty: it can."""
    if entries.organizer(message.entries) != entries.organizer(kept.entries):
        return "another one is its organizer in the calendar"
    if {one.name for one in message.entries} != {one.name for one in kept.entries}:
        return "it is of another kind in the calendar"
    if message.public and entries.invites(kept.entries):
        return "it is an invitation in the calendar"
    return ""


def _revised(message: Message, kept: Component, terms: Terms) -> Change:
    """REQUEST and PUBLISH: entries that are later than those in the calendar."""
    before = {entries.instance(one): one for one in kept.entries}
    came = {entries.instance(one): one for one in message.entries}
    fresh = {key: one for key, one in came.items() if _later(one, before)}
    if not fresh:
        return Change(NO_ACTION, OLD)
    old, new = before.get(""), fresh.get("")
    moved = old and new and entries.series(old) != entries.series(new)
    if moved:  # what there is are instances of another series, what came is of this
        fresh = came
    made_own = {key: _own(one, before, terms.own) for key, one in fresh.items()}
    some = list({**({} if moved else before), **made_own}.values())
    made = entries.joined(message.calendar, some, kept)
    return Change(UPDATED, calendar=made)


def _later(one: Component, before: dict[str, Component]) -> bool:
    known = before.get(entries.instance(one))
    if known is not None:
        return entries.revision(one) > entries.revision(known)
    whole = before.get("")
    return whole is None or entries.sequence(one) >= entries.sequence(whole)


def _own(
    one: Component, before: dict[str, Component], own: frozenset[str]
) -> Component:
    """An entry with what is the owner's: alarms, and whether they take part."""
    known = before.get(entries.instance(one)) or before.get("")
    one = entries.alone(one)
    if known is None:
        return one
    said = {
        entries.address(line.value): dict(line.parameters).get("PARTSTAT", "")
        for line in known.all_of("ATTENDEE")
    }

    def kept(line: Property) -> Property:
        who = entries.address(line.value)
        if line.name != "ATTENDEE" or who not in own or who not in said:
            return line
        return line.having("PARTSTAT", said[who])

    alarms = tuple(each for each in known.components if each.name == ALARM)
    return evolve(one.mapped(kept), components=(*one.components, *alarms))


def _more(message: Message, kept: Component) -> Change:
    """ADD: each entry is an instance as if RDATE had named it (RFC 5546 §3.2.4)."""
    whole = entries.master(kept)
    if whole is None:
        return Change(NO_ACTION, UNKNOWN)
    some = {entries.instance(one): one for one in kept.entries}
    if entries.sequence(message.entries[0]) <= entries.sequence(whole):
        return Change(NO_ACTION, OLD)
    for one in message.entries:
        start = one.first("DTSTART")
        assert start is not None
        which = evolve(start, name="RECURRENCE-ID")
        made = entries.alone(one).having(which)
        some[entries.instance(made)] = made
        date = evolve(start, name="RDATE")
        whole = evolve(whole, properties=(*whole.properties, date))
    last = message.entries[-1]
    whole = whole.having(*last.all_of("SEQUENCE", "DTSTAMP"))
    some[""] = whole
    calendar = entries.joined(kept, list(some.values()), message.calendar)
    return Change(UPDATED, calendar=calendar)


def _cancelled(message: Message, kept: Component, terms: Terms) -> Change:
    """CANCEL: the whole object or some of its instances (RFC 5546 §3.2.5)."""
    some = {entries.instance(one): one for one in kept.entries}
    done = False
    for one in message.entries:
        key = entries.instance(one)
        if not _cancels(one, some):
            continue
        done = True
        if not key:
            if terms.delete_cancelled:
                return Change(UPDATED, "cancelled")
            some = {known: _off(each, one) for known, each in some.items()}
        elif terms.delete_cancelled and not key.endswith(" THISANDFUTURE"):
            _taken_out(some, one)
        else:
            which = one.first("RECURRENCE-ID")
            assert which is not None
            whole = some.get("")
            known_one = some.get(key)
            if known_one is None:
                known_one = one if whole is None else entries.of_master(whole, which)
            some[key] = _off(known_one, one)
    if not done:
        return Change(NO_ACTION, OLD)
    if not some:
        return Change(UPDATED, "cancelled")
    calendar = entries.joined(kept, list(some.values()), message.calendar)
    return Change(UPDATED, "cancelled", calendar)


def _cancels(one: Component, some: dict[str, Component]) -> bool:
    """Whether a cancellation is about what is there, and not about something older."""
    key = entries.instance(one)
    known, whole = some.get(key), some.get("")
    if known is None and whole is None:
        return not key and any(map(_stands, some.values()))
    if known is None and whole is not None and not entries.repeats(whole):
        return False
    known = known or whole
    assert known is not None
    if key and entries.instance(known) != key:
        if _excluded(known, one.value("RECURRENCE-ID").strip()):
            return False
        return entries.sequence(one) >= entries.sequence(known)
    later = entries.revision(one) >= entries.revision(known)
    return later and _stands(known)


def _stands(entry: Component) -> bool:
    return entry.value("STATUS").upper() != "CANCELLED"


def _excluded(whole: Component, moment: str) -> bool:
    return any(
        moment in line.value.replace(" ", "").split(",")
        for line in whole.all_of("EXDATE")
    )


def _off(entry: Component, by: Component) -> Component:
    """An entry as one that does not take place; its alarms are silent."""
    status = Property("STATUS", (), "CANCELLED")
    return entries.alone(entry).having(status, *by.all_of("SEQUENCE", "DTSTAMP"))


def _taken_out(some: dict[str, Component], one: Component) -> None:
    """Remove an instance; the object itself excludes it from now on."""
    some.pop(entries.instance(one), None)
    whole, which = some.get(""), one.first("RECURRENCE-ID")
    if whole is not None and which is not None:
        date = evolve(which.having("RANGE", ""), name="EXDATE")
        some[""] = evolve(whole, properties=(*whole.properties, date))


def outcome(changes: Sequence[Change]) -> tuple[str, str]:
    """The outcome and its reason of a message with several objects."""
    for kind in (ERROR, ADDED, UPDATED, NO_ACTION):
        for one in changes:
            if one.outcome == kind:
                return kind, one.reason
    return NO_ACTION, "there are no events in it"
