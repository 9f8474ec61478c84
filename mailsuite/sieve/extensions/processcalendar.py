"""``processcalendar`` (RFC 9671): invitations change the owner's calendar.

A run only works out what becomes of the objects in a message. What it must know of the
owner and of the calendars it asks:

====================  =================================  ==========================
question              subject                            answer
====================  =================================  ==========================
calendarown           addresses                          those that are the owner's
calendarsenders       nothing                            whether only who sent the
                                                         message may speak in it
calendarentry         the UID of an object               it as the calendar has it,
                                                         empty: it cannot be read,
                                                         None: it is not there
calendarplace         an identifier                      whether it is a calendar's
====================  =================================  ==========================
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from attrs import field, frozen

from mailsuite.icalendar import entries, itip, scheduling
from mailsuite.icalendar.components import Component, parse, printed
from mailsuite.icalendar.itip import Message
from mailsuite.icalendar.lines import OCTETS, Malformed, plain
from mailsuite.icalendar.scheduling import ERROR, NO_ACTION, Change, Terms
from mailsuite.sieve import calendars, looking
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.calendars import Unlike
from mailsuite.sieve.extensions import extlists, imapsieve, scores, variables
from mailsuite.sieve.extensions.reject import Reject
from mailsuite.sieve.program import Step, Value, Values, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged

CAPABILITY = "processcalendar"
OWN, SENDERS = "calendarown", "calendarsenders"
ENTRY, PLACE = "calendarentry", "calendarplace"
"""Kinds of questions."""
CANDIDATES = 500  # addresses of a message among which the owner's are looked for
READING = 20  # what reading an octet of a calendar costs
WRITING = 10  # the same of writing one
COMPARING = 100  # what looking at a line costs where entries are joined
TITLE_CHARACTERS = 200
ID_CHARACTERS = 1_000  # of a calendar's identifier

_KEPT = f"{CAPABILITY} kept"
_FROM = ("from", "sender", "reply-to")


@frozen
class Entry:
    """One object of a message: ``octets`` as it came, to be joined with what is there.

    ``made`` is what the calendar has afterwards, empty: nothing, None: as before.
    """

    uid: str
    octets: bytes = field(repr=False)
    made: str | None = field(default=None, repr=False)


@frozen
class ProcessCalendar:
    """Change the calendar, or leave it; the implicit keep stands.

    ``entries`` are empty where the message is not to be processed.
    """

    outcome: str
    reason: str = ""
    title: str = ""
    entries: tuple[Entry, ...] = ()
    terms: Terms = field(factory=Terms)
    calendar: str = ""
    """Identifier of the calendar for a new object, empty: the owner's default."""
    at: int = 0

    def clashes(self, other: Any) -> str:
        """Once in a script, and not beside a refusal (RFC 9671 §4.9)."""
        if isinstance(other, ProcessCalendar):
            return f"processcalendar was done in line {min(self.at, other.at)} already"
        if isinstance(other, Reject):
            lines = sorted((self.at, other.at))
            return (
                "a message cannot be refused that processcalendar looked at"
                f" (lines {lines[0]} and {lines[1]})"
            )
        return ""


@frozen
class _Asked:
    """The arguments."""

    public: bool
    addresses: Values
    updates_only: bool
    calendar: Value
    delete_cancelled: bool
    organizers: Value | None
    line: int


Put = Callable[[Run, str], None]


def _processcalendar(bound: Bound) -> Step:
    asked = _Asked(
        bound.has("allowpublic"),
        bound.values("addresses") if bound.has("addresses") else (),
        bound.has("updatesonly"),
        bound.value("calendarid") if bound.has("calendarid") else "",
        bound.has("deletecancelled"),
        bound.value("organizers") if bound.has("organizers") else None,
        bound.line,
    )
    outcome, reason = _target(bound, "outcome"), _target(bound, "reason")

    def processcalendar(run: Run) -> None:
        run.step()
        imapsieve.at_delivery(run, bound.line, CAPABILITY)
        action = _decided(run, asked)
        run.act(action, cancels=False)
        outcome(run, action.outcome)
        reason(run, action.reason)

    return processcalendar


def _target(bound: Bound, tag: str) -> Put:
    """What sets the variable that a tag names."""
    if not bound.has(tag):
        return lambda _run, _value: None
    try:
        return variables.target(bound.constant(tag), bound.scope)
    except ValueError as error:
        raise bound.error(tag, str(error)) from None


def _decided(run: Run, asked: _Asked) -> ProcessCalendar:
    """What becomes of the calendar."""
    made = ProcessCalendar
    if why := scores.unsafe(run):
        return made(NO_ACTION, why, at=asked.line)
    try:
        some = _messages(run)
        if not some:
            return made(NO_ACTION, "there is no calendar data in it", at=asked.line)
        return _together(run, asked, some)
    except Unlike as error:
        return made(NO_ACTION, str(error), at=asked.line)
    except Malformed as error:
        return made(ERROR, str(error), at=asked.line)


def _messages(run: Run) -> Sequence[Message]:
    """The objects in the message, read once. :raises Malformed, Unlike: they are none."""
    kinds = {one.partition(";")[0].strip() for one in _types(run)}
    if not any(kind.startswith("multipart/") or _known(kind) for kind in kinds):
        return ()
    whole = looking.whole(run)
    if CAPABILITY not in whole.known:
        parts = calendars.parts_of(whole.structure)
        found: Any = ()
        try:
            run.work(READING * calendars.cost(parts))
            if parts:
                found = itip.messages(calendars.read(whole, parts))
        except (Malformed, Unlike) as error:
            found = error
        whole.known[CAPABILITY] = found
    known = whole.known[CAPABILITY]
    if isinstance(known, Exception):
        raise known
    some: Sequence[Message] = known
    return some


def _types(run: Run) -> Sequence[str]:
    return [one.lower() for one in run.message.values("content-type")]


def _known(kind: str) -> bool:
    return tuple(kind.split("/")) in calendars.READ | calendars.OTHERS


def _together(run: Run, asked: _Asked, some: Sequence[Message]) -> ProcessCalendar:
    """Every object of the message; nothing at all where one must not be processed."""
    own = _own(run, asked, some)
    for message in some:
        if why := _barred(run, asked, message, own):
            return ProcessCalendar(NO_ACTION, why, _title(message), at=asked.line)
    terms = Terms(own, asked.updates_only, asked.delete_cancelled)
    pairs = [(message, _changed(run, message, terms)) for message in some]
    outcome, reason = scheduling.outcome([change for _, change in pairs])
    calendar = text(run, asked.calendar)[:ID_CHARACTERS]
    added = any(change.outcome == scheduling.ADDED for _, change in pairs)
    if added and calendar and not run.ask(PLACE, calendar):
        raise Malformed(f"there is no calendar {calendar[:100]}")
    return ProcessCalendar(
        outcome,
        reason,
        _title(some[0]),
        tuple(_entry(run, message, change) for message, change in pairs),
        terms,
        calendar,
        asked.line,
    )


def _own(run: Run, asked: _Asked, some: Sequence[Message]) -> frozenset[str]:
    """Which of the addresses in it are the owner's (RFC 9671 §4.1)."""
    found: dict[str, None] = {}
    for message in some:
        found.update(dict.fromkeys((*message.targets, *_people(message))))
    named = tuple(islice(found, CANDIDATES))
    known = run.ask(OWN, *named) if named else ()
    told = (run.letter.recipient, *texts(run, asked.addresses), *(known or ()))
    return frozenset(one.strip().lower() for one in told if one)


def _people(message: Message) -> Sequence[str]:
    return (
        *entries.attendees(message.entries),
        *filter(None, [entries.organizer(message.entries)]),
    )


def _barred(run: Run, asked: _Asked, message: Message, own: frozenset[str]) -> str:
    """Why an object is not to be processed; empty: it is."""
    method = message.method
    if method and method not in itip.METHODS:
        known = method in itip.BETWEEN
        return (
            f"{method} asks a person" if known else f"there is no METHOD {method[:40]}"
        )
    if asked.organizers is not None:
        if not method:
            return "it is no scheduling message"
        if not _listed(run, asked.organizers, message):
            return "its organizer is not in the list"
    if message.public:
        if not asked.public:
            return "it is public, and invites nobody"
    elif not method:
        return "it is no scheduling message, and invites somebody"
    elif own.isdisjoint(message.targets):
        return "it is for somebody else"
    if (_by_owner(message, own) or run.ask(SENDERS)) and not _sent(run, message):
        return "who speaks in it did not send it"
    return ""


def _by_owner(message: Message, own: frozenset[str]) -> bool:
    """Whether the owner speaks in it, who knows what they have planned.

    Those that the owner has invited know the UID, and could write such messages.
    """
    return message.method != itip.REPLY and entries.organizer(message.entries) in own


def _listed(run: Run, name: Value, message: Message) -> bool:
    who = entries.organizer(message.entries)
    if "@" not in who:
        return False
    return run.ask("listed", extlists.full(text(run, name)), who) is not None


def _sent(run: Run, message: Message) -> bool:
    """Whether the message comes from its organizer, or from who replies."""
    if message.method == itip.REPLY:
        speakers = set(entries.attendees(message.entries))
    else:
        speakers = {entries.organizer(message.entries)} - {""}
    senders = {
        f"{one.local}@{one.domain}".lower()
        for name in _FROM
        for some in run.message.mailboxes(name)
        for one in some
    }
    return not speakers or speakers <= senders


def _changed(run: Run, message: Message, terms: Terms) -> Change:
    """What becomes of one object. :raises Malformed: what is there cannot be read."""
    told = run.ask(ENTRY, message.uid)
    kept = None if told is None else _kept(run, str(told))
    if kept is not None:
        run.work(COMPARING * scheduling.effort(message, kept))
    return scheduling.change(message, kept, terms)


def _kept(run: Run, told: str) -> Component:
    """An object as it is in the calendar, read once."""
    known: dict[str, Component | None]
    known = looking.whole(run).known.setdefault(_KEPT, {})
    if told not in known:
        run.work(len(told) * READING)
        if len(known) >= itip.OBJECTS:  # of other recipients
            known.clear()
        try:
            known[told] = parse(told.encode())
        except Malformed:
            known[told] = None
    found = known[told]
    if found is None:
        raise Malformed("the calendar cannot be read")
    return found


def _entry(run: Run, message: Message, change: Change) -> Entry:
    octets = printed(message.calendar)
    run.work(len(octets) * WRITING)
    made = None
    if change.outcome != NO_ACTION:
        whole = change.calendar
        made = "" if whole is None else printed(whole, OCTETS).decode()
        run.work(len(made) * WRITING)
    return Entry(message.uid, octets, made)


def _title(message: Message) -> str:
    return " ".join(plain(message.title).split())[:TITLE_CHARACTERS]


EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape(
            "processcalendar",
            _processcalendar,
            tags=(
                Tagged("allowpublic"),
                Tagged("addresses", Kind.STRINGS),
                Tagged("updatesonly", group="calendar"),
                Tagged("calendarid", Kind.STRING, group="calendar"),
                Tagged("deletecancelled"),
                Tagged("organizers", Kind.STRING, needs="extlists"),
                Tagged("outcome", Kind.STRING, needs=variables.CAPABILITY),
                Tagged("reason", Kind.STRING, needs=variables.CAPABILITY),
            ),
        ),
    ),
)
