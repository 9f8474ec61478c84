"""What hostile or odd messages cannot make of objects in a calendar."""

from time import thread_time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.icalendar import entries, itip
from mailsuite.icalendar.components import COMPONENTS, parse, printed
from mailsuite.icalendar.lines import OCTETS, Malformed
from mailsuite.icalendar.replying import LAST
from mailsuite.icalendar.scheduling import UPDATED, Terms, change
from tests.support.calendars import ME, OTHER, attendee, calendar, event, invitation

MINE = Terms(frozenset({ME}))
GONE = Terms(frozenset({ME}), delete_cancelled=True)
LATER = {"sequence": 1, "dtstamp": "20260102T100000Z"}
SERIES = {"rrule": "FREQ=DAILY"}


def changed(text, kept=None, terms=MINE):
    return change(itip.read(parse(text.encode())), kept, terms)


def added(*lines, **fields):
    return changed(invitation("REQUEST", *lines, **fields)).calendar


def cancelled(number, first=0):
    """A cancellation of so many instances."""
    some = [
        event(
            "one@far.example",
            attendee(),
            f"RECURRENCE-ID:2026{n:04d}",
            dtstart=None,
            **LATER,
        )
        for n in range(first, first + number)
    ]
    return calendar("CANCEL", *some)


class EffortTests(SynchronousTestCase):
    def test_many_instances_of_many_lines(self):
        """Entries times lines of the object is what it costs, and that has a bound."""
        dates = (f"EXDATE:2027{n:04d}" for n in range(9_000))
        kept = added(attendee(), *dates, **SERIES)
        for terms in (MINE, GONE):
            before = thread_time()
            with self.assertRaisesRegex(Malformed, "too much of a large object"):
                changed(cancelled(200), kept, terms)
            self.assertEqual(changed(cancelled(5), kept, terms).outcome, UPDATED)
            self.assertLess(thread_time() - before, 1.0)

    def test_large_copies(self):
        """Printing ends where an object is too large, whatever it would become."""
        kept = added(attendee(), "DESCRIPTION:" + "x" * 400_000, **SERIES)
        whole = changed(cancelled(500), kept).calendar
        before = thread_time()
        with self.assertRaisesRegex(Malformed, "too large"):
            printed(whole, OCTETS)
        self.assertLess(thread_time() - before, 1.0)

    def test_stays_readable(self):
        """What would have more components than are read is not made of an object."""
        kept, number = added(attendee(), **SERIES), COMPONENTS // 2
        kept = changed(cancelled(number), kept).calendar
        self.assertTrue(itip.read(parse(printed(kept))))
        with self.assertRaisesRegex(Malformed, "too large for the calendar"):
            changed(cancelled(number, number), kept)

    def test_attendees_of_instances(self):
        """Many guests and many cancelled instances are an object that can be read."""
        guests = [attendee(f"guest{n}@far.example") for n in range(150)]
        kept = added(attendee(), *guests, **SERIES)
        kept = changed(cancelled(20), kept).calendar
        self.assertEqual(len(itip.read(parse(printed(kept))).entries), 21)
        crowd = [attendee(f"guest{n}@far.example") for n in range(itip.ATTENDEES)]
        with self.assertRaisesRegex(Malformed, "invites more than"):
            added(attendee(), *crowd)


class OddTests(SynchronousTestCase):
    def test_add_without_start(self):
        """ADD without DTSTART is malformed, of a task, too."""
        task = event("one@far.example", attendee(), name="VTODO")
        kept = changed(calendar("REQUEST", task)).calendar
        more = event("one@far.example", attendee(), name="VTODO", dtstart=None, **LATER)
        with self.assertRaisesRegex(Malformed, "missing DTSTART"):
            changed(calendar("ADD", more), kept)

    def test_forged_revision(self):
        """A parameter that others wrote is no revision of a reply."""
        for forged in ("\u00b2/x", "9" * 5_000 + "/x", "/", "-1/x"):
            guest = attendee(OTHER, more=f";{LAST}={forged}")
            kept = added(guest, organizer=f"mailto:{ME}")
            reply = attendee(OTHER, "ACCEPTED")
            text = invitation("REPLY", reply, organizer=f"mailto:{ME}")
            (line,) = changed(text, kept).calendar.entries[0].all_of("ATTENDEE")
            self.assertEqual(line.parameter("PARTSTAT"), "ACCEPTED")

    def test_quoted_participation(self):
        """What stood in quotes stands in quotes again."""
        kept = added(attendee(ME, '"X;Y"'))
        made = changed(invitation("REQUEST", attendee(), **LATER), kept).calendar
        (line,) = parse(printed(made)).entries[0].all_of("ATTENDEE")
        self.assertEqual(line.parameter("PARTSTAT"), "X;Y")

    def test_moved_with_instances(self):
        """Who moves a series keeps the instances that come along, and no others."""
        one = event("one@far.example", attendee(), **SERIES)
        other = event("one@far.example", attendee(), "RECURRENCE-ID:20260303")
        third = event("one@far.example", attendee(), "RECURRENCE-ID:20260404")
        kept = changed(calendar("REQUEST", one, other, third)).calendar
        moved = event(
            "one@far.example", attendee(), dtstart="20260203T090000Z", **SERIES, **LATER
        )
        made = changed(calendar("REQUEST", moved, other), kept).calendar
        found = [entries.instance(each) for each in made.entries]
        self.assertEqual(found, ["", "20260303"])


LINES = st.sampled_from(
    (
        *("RRULE:FREQ=DAILY", "RDATE:20260303", "EXDATE:20260303,20260404"),
        *("RECURRENCE-ID:20260303", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260404"),
        *("RECURRENCE-ID;TZID=A:20260303T010101", "DTEND:99991231", "DUE:00010101"),
        *("STATUS:CANCELLED", "DTEND:nothing", "SUMMARY:x", "DURATION:P1D"),
        attendee(),
        attendee(OTHER, "ACCEPTED"),
        attendee("new@far.example", more=f';DELEGATED-FROM="mailto:{OTHER}"'),
        attendee(OTHER, more=f";{LAST}=\u00b2/x"),
    )
)
EVENTS = st.builds(
    lambda lines, sequence, start, kind: event(
        "u", *lines, sequence=sequence, dtstart=start, name=kind
    ),
    st.lists(LINES, max_size=5),
    st.integers(0, 3),
    st.sampled_from((None, "20260202T090000Z", "20260303", "00010101", "99991231")),
    st.sampled_from(("VEVENT", "VEVENT", "VTODO")),
)
MESSAGES = st.builds(
    lambda method, some: calendar(method, *some),
    st.sampled_from(("REQUEST", "REQUEST", "ADD", "CANCEL", "REPLY", "PUBLISH", "")),
    st.lists(EVENTS, min_size=1, max_size=3),
)


class AnyTests(SynchronousTestCase):
    @settings(max_examples=300, deadline=None)
    @given(st.lists(MESSAGES, max_size=6), st.sampled_from((MINE, GONE)))
    def test_any(self, messages, terms):
        """Whatever comes, the object stays one, or it is malformed; twice is once."""
        kept = None
        for text in messages:
            try:
                made = changed(text, kept, terms)
            except Malformed:
                continue
            if made.outcome == "no_action":
                continue
            kept = made.calendar
            if kept is not None:
                kept = parse(printed(kept, OCTETS))
                self.assertEqual(itip.read(kept).uid, "u")
                self.assertEqual(changed(text, kept, terms).outcome, "no_action")
