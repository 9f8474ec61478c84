"""What messages make of objects (:mod:`mailsuite.icalendar.scheduling`)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.icalendar import entries, itip
from mailsuite.icalendar.components import parse, printed
from mailsuite.icalendar.scheduling import (
    ADDED,
    NO_ACTION,
    OLD,
    UNKNOWN,
    UPDATED,
    Terms,
    change,
)
from tests.support.calendars import (
    ME,
    ORGANIZER,
    OTHER,
    attendee,
    calendar,
    event,
    invitation,
)

MINE = Terms(frozenset({ME}))
SERIES = {"rrule": "FREQ=WEEKLY", "dtend": "20260202T100000Z"}
WEEKLY = invitation(**SERIES)
LATER = {"sequence": 1, "dtstamp": "20260102T100000Z"}
THIRD = "20260216T090000Z"


class ChangeCase(SynchronousTestCase):
    def change(self, text, kept=None, terms=MINE):
        message = itip.read(parse(text.encode()))
        return change(message, kept, terms)

    def becomes(self, text, kept=None, terms=MINE, outcome=UPDATED):
        """The new object; done again there is nothing to do."""
        made = self.change(text, kept, terms)
        self.assertEqual(made.outcome, outcome, made.reason)
        if made.calendar is None:
            return None
        self.assertEqual(made.calendar.value("METHOD"), "")
        again = parse(printed(made.calendar))
        self.assertEqual(self.change(text, again, terms).outcome, NO_ACTION)
        return again

    def nothing(self, text, kept=None, terms=MINE):
        made = self.change(text, kept, terms)
        self.assertEqual(made.outcome, NO_ACTION)
        return made.reason

    def added(self, text=None):
        return self.becomes(text or invitation(), outcome=ADDED)

    def said(self, one, who):
        (line,) = [
            line
            for line in one.all_of("ATTENDEE")
            if entries.address(line.value) == who
        ]
        return line.parameter("PARTSTAT")


class RequestTests(ChangeCase):
    def test_new(self):
        """A new invitation is added as it came, without method and alarms."""
        alarm = ("BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:-PT5M", "END:VALARM")
        kept = self.added(invitation("REQUEST", attendee(), "X-ODD;A=b:c", *alarm))
        (one,) = kept.entries
        self.assertEqual(one.value("X-ODD"), "c")
        self.assertEqual(one.components, ())
        self.assertEqual(self.said(one, ME), "NEEDS-ACTION")

    def test_updates_only(self):
        """With ``:updatesonly`` nothing is added (RFC 9671 §4.3)."""
        terms = Terms(frozenset({ME}), updates_only=True)
        self.assertIn(
            "only processing updates", self.nothing(invitation(), None, terms)
        )
        kept = self.added()
        self.becomes(invitation(summary="New", **LATER), kept, terms)

    def test_order(self):
        """SEQUENCE counts, then DTSTAMP (RFC 5546 §2.1.5)."""
        kept = self.added(invitation(sequence=2, dtstamp="20260105T100000Z"))
        for sequence, stamp, counts in (
            (2, "20260105T100000Z", False),
            (2, "20260104T100000Z", False),
            (2, "20260106T100000Z", True),
            (1, "20260109T100000Z", False),
            (3, "20260101T100000Z", True),
        ):
            text = invitation(sequence=sequence, dtstamp=stamp, summary="New")
            made = self.change(text, kept)
            self.assertEqual(made.outcome, UPDATED if counts else NO_ACTION)
            if not counts:
                self.assertEqual(made.reason, OLD)

    def test_participation(self):
        """How the owner takes part stays; what others do is taken (RFC 9671 §4)."""
        kept = self.added(
            invitation("REQUEST", attendee(ME, "ACCEPTED"), attendee(OTHER))
        )
        text = invitation("REQUEST", attendee(), attendee(OTHER, "DECLINED"), **LATER)
        (one,) = self.becomes(text, kept).entries
        self.assertEqual(self.said(one, ME), "ACCEPTED")
        self.assertEqual(self.said(one, OTHER), "DECLINED")

    def test_own_alarms(self):
        """Alarms that the owner has set stay."""
        alarm = ("BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:-PT5M", "END:VALARM")
        kept = parse(invitation("", attendee(), *alarm).encode())
        (one,) = self.becomes(invitation(**LATER), kept).entries
        self.assertEqual([each.name for each in one.components], ["VALARM"])

    def test_organizer(self):
        """Nobody but the organizer changes it."""
        kept = self.added()
        for method in ("REQUEST", "CANCEL"):
            text = invitation(method, organizer=f"mailto:{OTHER}", **LATER)
            self.assertIn("organizer", self.nothing(text, kept))
        same = invitation(organizer=f"MAILTO:{ORGANIZER.upper()}", **LATER)
        self.becomes(same, kept)

    def test_kind(self):
        """An event does not become a task."""
        text = calendar(
            "REQUEST", event("one@far.example", attendee(), name="VTODO", **LATER)
        )
        self.assertIn("kind", self.nothing(text, self.added()))

    def test_instance(self):
        """An instance is put beside the others (RFC 5546 §3.2.2)."""
        kept = self.added(WEEKLY)
        text = invitation(recurrence_id=THIRD, dtstart="20260216T120000Z")
        made = self.becomes(text, kept)
        self.assertEqual([entries.instance(one) for one in made.entries], ["", THIRD])
        later = invitation(recurrence_id=THIRD, summary="Moved", **LATER)
        made = self.becomes(later, made)
        self.assertEqual(
            [one.value("SUMMARY") for one in made.entries], ["Plans", "Moved"]
        )
        self.assertEqual(self.nothing(text, made), OLD)

    def test_series_kept(self):
        """A revision that moves nothing leaves changed instances, others drop them."""
        kept = self.becomes(invitation(recurrence_id=THIRD), self.added(WEEKLY))
        made = self.becomes(invitation(**{**SERIES, **LATER, "summary": "New"}), kept)
        self.assertEqual(len(made.entries), 2)
        moved = invitation(**{**SERIES, **LATER, "dtstart": "20260203T090000Z"})
        self.assertEqual(len(self.becomes(moved, kept).entries), 1)

    def test_one_instance_first(self):
        """Who is invited to an instance alone learns of the series later."""
        kept = self.added(invitation(recurrence_id=THIRD))
        made = self.becomes(invitation(**{**SERIES, **LATER}), kept)
        self.assertEqual(len(made.entries), 2)

    def test_zones(self):
        """Time zones come along once."""
        zone = ["BEGIN:VTIMEZONE", "TZID:Here", "X-V:{}", "END:VTIMEZONE"]

        def text(version, **more):
            lines = [line.format(version) for line in zone]
            made = event("a", attendee(), **more)
            return calendar("REQUEST", lines, made)

        kept = self.becomes(text(1, **SERIES), outcome=ADDED)
        made = self.becomes(text(2, recurrence_id=THIRD), kept)
        zones = [one for one in made.components if one.name == "VTIMEZONE"]
        self.assertEqual([one.value("X-V") for one in zones], ["2"])


class PublishTests(ChangeCase):
    def test_published(self):
        """Public events are added and revised; a file without method too."""
        for method, more in (("PUBLISH", {}), ("", {"organizer": None})):
            text = calendar(method, event("a", **more))
            kept = self.becomes(text, outcome=ADDED)
            self.becomes(calendar(method, event("a", **{**more, **LATER})), kept)

    def test_no_invitation(self):
        """What is published changes no invitation."""
        text = calendar("PUBLISH", event("one@far.example", **LATER))
        self.assertIn("invitation", self.nothing(text, self.added()))


class CancelTests(ChangeCase):
    def test_whole(self):
        """It stays as cancelled, or is removed (RFC 9671 §4.5)."""
        kept = self.becomes(invitation(recurrence_id=THIRD), self.added(WEEKLY))
        text = invitation("CANCEL", **LATER)
        made = self.becomes(text, kept)
        self.assertEqual(
            [one.value("STATUS") for one in made.entries], ["CANCELLED"] * 2
        )
        self.assertEqual([one.value("SEQUENCE") for one in made.entries], ["1"] * 2)
        removing = Terms(frozenset({ME}), delete_cancelled=True)
        done = self.change(text, kept, removing)
        self.assertEqual((done.outcome, done.calendar), (UPDATED, None))
        self.assertEqual(self.nothing(text, None, removing), UNKNOWN)

    def test_older(self):
        """A cancellation of an older revision is left alone; a later one revives."""
        kept = self.added(invitation(sequence=3))
        self.assertEqual(self.nothing(invitation("CANCEL", **LATER), kept), OLD)
        gone = self.becomes(invitation("CANCEL", sequence=4), kept)
        back = self.becomes(invitation(sequence=5), gone)
        self.assertEqual(back.entries[0].value("STATUS"), "")

    def test_instances(self):
        """Instances are cancelled one by one."""
        kept = self.added(WEEKLY)
        some = [
            event(
                "one@far.example", attendee(), recurrence_id=when, dtstart=None, **LATER
            )
            for when in (THIRD, "20260223T090000Z")
        ]
        made = self.becomes(calendar("CANCEL", *some), kept)
        whole, third, fourth = made.entries
        self.assertEqual(whole.value("STATUS"), "")
        self.assertEqual(third.value("STATUS"), "CANCELLED")
        self.assertEqual(third.value("DTSTART"), THIRD)
        self.assertEqual(third.value("DTEND"), "20260216T100000Z")
        self.assertEqual(third.value("RRULE"), "")
        self.assertEqual(fourth.value("DTEND"), "20260223T100000Z")

    def test_instances_removed(self):
        """With ``:deletecancelled`` the series excludes them; the last takes all."""
        removing = Terms(frozenset({ME}), delete_cancelled=True)
        kept = self.becomes(invitation(recurrence_id=THIRD), self.added(WEEKLY))
        text = invitation("CANCEL", recurrence_id=THIRD, **LATER)
        (whole,) = self.becomes(text, kept, removing).entries
        self.assertEqual(whole.value("EXDATE"), THIRD)
        alone = self.added(invitation(recurrence_id=THIRD))
        self.assertIsNone(self.change(text, alone, removing).calendar)

    def test_from_here_on(self):
        """What is cancelled from an instance on is kept as such."""
        line = f"RECURRENCE-ID;RANGE=THISANDFUTURE:{THIRD}"
        text = invitation("CANCEL", attendee(), line, **LATER)
        for removing in (False, True):
            terms = Terms(frozenset({ME}), delete_cancelled=removing)
            whole, rest = self.becomes(text, self.added(WEEKLY), terms).entries
            self.assertEqual(whole.value("STATUS"), "")
            self.assertEqual(rest.value("STATUS"), "CANCELLED")

    def test_no_series(self):
        """An instance of what takes place once is none."""
        text = invitation("CANCEL", recurrence_id=THIRD, **LATER)
        self.assertEqual(self.nothing(text, self.added()), OLD)


class AddTests(ChangeCase):
    def test_added(self):
        """Each component is an instance as if RDATE had named it (RFC 5546 §3.2.4)."""
        text = invitation("ADD", dtstart="20260205T150000Z", **LATER)
        made = self.becomes(text, self.added(WEEKLY))
        whole, more = made.entries
        self.assertEqual(whole.value("RDATE"), "20260205T150000Z")
        self.assertEqual(whole.value("SEQUENCE"), "1")
        self.assertEqual(more.value("RECURRENCE-ID"), "20260205T150000Z")

    def test_unknown(self):
        """What is not there gets no more."""
        self.assertEqual(self.nothing(invitation("ADD", **LATER)), UNKNOWN)


class ReplyTests(ChangeCase):
    """The owner is the organizer here."""

    terms = Terms(frozenset({ORGANIZER}))

    def reply(self, who=OTHER, status="ACCEPTED", more="", **fields):
        return invitation("REPLY", attendee(who, status, more), **fields)

    def test_taken(self):
        """An attendee's status is that of the last reply."""
        kept = parse(invitation("").encode())
        made = self.becomes(self.reply(), kept, self.terms)
        self.assertEqual(self.said(made.entries[0], OTHER), "ACCEPTED")
        self.assertEqual(self.said(made.entries[0], ME), "NEEDS-ACTION")
        early = self.reply(status="DECLINED", dtstamp="20260101T090000Z")
        self.assertIn("later reply", self.nothing(early, made, self.terms))
        late = self.reply(status="DECLINED", dtstamp="20260101T110000Z")
        made = self.becomes(late, made, self.terms)
        self.assertEqual(self.said(made.entries[0], OTHER), "DECLINED")

    def test_earlier_revision(self):
        """A reply to what was revised since says nothing about the revision."""
        kept = parse(invitation("", sequence=2).encode())
        self.assertIn("earlier", self.nothing(self.reply(sequence=1), kept, self.terms))

    def test_strangers(self):
        """Who was not invited does not take part; who stands in for somebody does."""
        kept = parse(invitation("").encode())
        told = self.nothing(self.reply("x@far.example"), kept, self.terms)
        self.assertIn("not invited", told)
        text = self.reply("x@far.example", more=f';DELEGATED-FROM="mailto:{OTHER}"')
        made = self.becomes(text, kept, self.terms)
        self.assertEqual(self.said(made.entries[0], "x@far.example"), "ACCEPTED")

    def test_own(self):
        """The owner's own status is nobody's to change (RFC 9671 §4)."""
        kept = parse(invitation("", attendee(ORGANIZER), attendee()).encode())
        told = self.nothing(self.reply(ORGANIZER, "DECLINED"), kept, self.terms)
        self.assertIn("own", told)

    def test_instance(self):
        """A reply about one instance makes it."""
        kept = parse(invitation("", **SERIES).encode())
        text = self.reply(recurrence_id=THIRD)
        whole, third = self.becomes(text, kept, self.terms).entries
        self.assertEqual(self.said(whole, OTHER), "NEEDS-ACTION")
        self.assertEqual(self.said(third, OTHER), "ACCEPTED")
        self.assertEqual(third.value("DTEND"), "20260216T100000Z")

    def test_unknown(self):
        """A reply to nothing is left alone."""
        self.assertEqual(self.nothing(self.reply(), None, self.terms), UNKNOWN)


METHODS = st.sampled_from(("REQUEST", "CANCEL", "ADD", "REPLY", "PUBLISH", ""))


class AnyOrderTests(ChangeCase):
    @given(
        st.lists(
            st.tuples(
                METHODS,
                st.integers(0, 3),
                st.integers(0, 3),
                st.sampled_from((None, THIRD, "20260223T090000Z")),
            ),
            max_size=8,
        ),
        st.booleans(),
    )
    def test_any_messages(self, steps, removing):
        """Whatever comes, the object stays one that can be written and read again.

        It has one UID, no instance twice, and the same message finds nothing more to do.
        """
        terms = Terms(frozenset({ME}), delete_cancelled=removing)
        kept = None
        for method, sequence, stamp, which in steps:
            who = () if method in {"PUBLISH", ""} else (attendee(),)
            more = {} if which is None else {"recurrence_id": which}
            made = event(
                "a",
                *who,
                sequence=sequence,
                dtstamp=f"2026010{stamp + 1}T100000Z",
                **(SERIES if which is None and method != "ADD" else {}),
                **more,
            )
            try:
                message = itip.read(parse(calendar(method, made).encode()))
            except ValueError:
                continue
            got = change(message, kept, terms)
            if got.outcome == NO_ACTION:
                continue
            kept = got.calendar
            if kept is not None:
                kept = parse(printed(kept))
                keys = [entries.instance(one) for one in kept.entries]
                self.assertEqual(len(keys), len(set(keys)))
                self.assertEqual({entries.uid(one) for one in kept.entries}, {"a"})
            self.assertEqual(change(message, kept, terms).outcome, NO_ACTION)
