"""Calendars as octets and values (:mod:`mailsuite.icalendar`)."""

import contextlib
from time import process_time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.icalendar import entries, itip
from mailsuite.icalendar.components import (
    COMPONENTS,
    Component,
    parse,
    printed,
    together,
)
from mailsuite.icalendar.likeness import alike
from mailsuite.icalendar.lines import LINES, OCTETS, Malformed, Property, plain, written
from tests.support.calendars import attendee, calendar, event, invitation

WHOLE = invitation(description="caf\u00e9 " * 40).encode()
NAMES = st.from_regex(r"[A-Z][A-Z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: name not in {"BEGIN", "END"}
)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=120)
PARAMETERS = st.lists(
    st.tuples(
        NAMES,
        st.from_regex(r'[^";:,\x00-\x1f\x7f]{0,20}', fullmatch=True)
        | st.from_regex(r'"[^"\x00-\x1f\x7f]{0,20}"', fullmatch=True),
    ),
    max_size=3,
).map(tuple)
PROPERTIES = st.lists(st.builds(Property, NAMES, PARAMETERS, TEXTS), max_size=5).map(
    tuple
)
INSIDE = st.recursive(
    st.builds(Component, NAMES, PROPERTIES),
    lambda inner: st.builds(
        Component, NAMES, PROPERTIES, st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


def read(octets):
    """A calendar, or why it is none."""
    try:
        return parse(octets)
    except Malformed as error:
        return str(error)


def depth(component):
    return 1 + max(map(depth, component.components), default=0)


class FormTests(SynchronousTestCase):
    def test_kept(self):
        """What is read is written again as it was, folded anew."""
        one = parse(WHOLE)
        self.assertEqual(parse(printed(one)), one)
        self.assertTrue(all(len(line) <= 75 for line in printed(one).split(b"\r\n")))

    @given(PROPERTIES, st.lists(INSIDE, max_size=3).map(tuple))
    def test_print_and_parse(self, properties, inside):
        """Printing and parsing a calendar is the identity, of unknown things too."""
        one = Component("VCALENDAR", properties, inside)
        if depth(one) <= 8:
            self.assertEqual(parse(printed(one)), one)

    @given(st.integers(0, len(WHOLE)))
    def test_cut(self, at):
        """A calendar that is cut off is none; nothing else is ever raised."""
        got = read(WHOLE[:at])
        self.assertEqual(isinstance(got, str), at < len(WHOLE) - 2, got)

    @given(st.binary(max_size=400))
    def test_any_octets(self, octets):
        """Any octets are a calendar or refused."""
        self.assertIsInstance(read(octets), str)
        read(b"BEGIN:VCALENDAR\r\n" + octets + b"\r\nEND:VCALENDAR\r\n")

    @given(st.binary(max_size=60), st.integers(0, len(WHOLE)))
    def test_any_damage(self, octets, at):
        """A calendar with anything in it is read or refused, and so is its message."""
        got = read(WHOLE[:at] + octets + WHOLE[at:])
        if not isinstance(got, str):
            with contextlib.suppress(Malformed):
                itip.messages(got)

    def test_folded_inside_a_character(self):
        """Lines that are folded in the middle of a character are joined first."""
        raw = "SUMMARY:caf\u00e9".encode()
        folded = raw[:-1] + b"\r\n " + raw[-1:]
        octets = b"BEGIN:VCALENDAR\n" + folded + b"\nEND:VCALENDAR"
        self.assertEqual(parse(octets).value("SUMMARY"), "caf\u00e9")
        long = written(Property("X", (), "\U0001f600" * 100))
        for line in long.split(b"\r\n"):
            self.assertLessEqual(len(line), 75)
            line.decode()

    def test_charsets(self):
        """UTF-8 and its neighbours are read, others refused (RFC 5545 §3.1.4)."""
        text = "BEGIN:VCALENDAR\r\nX:\u00e9\r\nEND:VCALENDAR\r\n"
        self.assertEqual(
            parse(text.encode("latin-1"), "ISO-8859-1").value("X"), "\u00e9"
        )
        for octets, charset in (
            (text.encode("latin-1"), "utf-8"),
            (text.encode(), "us-ascii"),
            (text.encode("utf-16"), "utf-16"),
            (text.encode("utf-7"), "utf-7"),
        ):
            with self.assertRaises(Malformed):
                parse(octets, charset)

    def test_binary(self):
        """Binary octets are no calendar."""
        for bad in (b"\0", b"\x1b[2J", b"\x7f"):
            octets = b"BEGIN:VCALENDAR\r\nX:a" + bad + b"\r\nEND:VCALENDAR\r\n"
            self.assertIn("content line", read(octets))

    def test_parameters(self):
        """Values in quotes hold anything but quotes; several are told apart."""
        line = b'ATTENDEE;CN="Roe; Jane: a, b";DELEGATED-FROM="mailto:a@b","mailto:c@d"'
        one = parse(
            b"BEGIN:VCALENDAR\r\n" + line + b":mailto:x@y\r\nEND:VCALENDAR\r\n"
        ).properties[0]
        self.assertEqual(one.parameter("CN"), "Roe; Jane: a, b")
        self.assertEqual(
            list(one.all_of("DELEGATED-FROM")), ["mailto:a@b", "mailto:c@d"]
        )
        self.assertEqual(one.value, "mailto:x@y")
        self.assertEqual(plain(r"a\, b\;\nc\\n"), "a, b;\nc\\n")

    def test_several(self):
        """Several calendars become one, each time zone once."""
        zone = ["BEGIN:VTIMEZONE", "TZID:Here", "END:VTIMEZONE"]
        made = together(
            [parse(calendar("", zone, event(uid)).encode()) for uid in "ab"], "-//x"
        )
        self.assertEqual([one.name for one in made.components][:1], ["VTIMEZONE"])
        self.assertEqual([entries.uid(one) for one in made.entries], ["a", "b"])
        self.assertEqual(len(made.components), 3)


class BombTests(SynchronousTestCase):
    """What is too much is refused, in time that its octets bound."""

    def refused(self, text):
        before = process_time()
        self.assertIsInstance(read(text), str)
        self.assertLess(process_time() - before, 5.0)

    def test_bombs(self):
        """Size, lines, components, depth and parameters have their ends."""
        begin, end = b"BEGIN:VCALENDAR\r\n", b"END:VCALENDAR\r\n"
        nested = b"BEGIN:VEVENT\r\n" * 50_000
        many = b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * (COMPONENTS + 1)
        for body in (
            b"X:" + b"a" * OCTETS + b"\r\n",
            b"X:\r\n" * (LINES + 1),
            many,
            nested,
            b"X" + b";A=b" * 60 + b":\r\n",
            b'X;A="' * 100_000,
            b"X;A=" + b'"",' * 200_000 + b"\r\n",
            b"X" + b"\r\n " * 300_000,
            b"END:VEVENT\r\n" * 10,
        ):
            self.refused(begin + body + end)


class MessageTests(SynchronousTestCase):
    """What a message must have (RFC 5546)."""

    def wrong(self, octets):
        with self.assertRaises(Malformed) as caught:
            itip.messages(parse(octets.encode()))
        return str(caught.exception)

    def test_what_is_missing(self):
        """Each property that a method needs is asked for."""
        who = attendee()
        for method, made, told in (
            ("REQUEST", event("", who), "missing unique identifier"),
            ("REQUEST", event("a", who, dtstamp=None), "missing DTSTAMP"),
            ("REQUEST", event("a", who, organizer=None), "missing ORGANIZER"),
            ("REQUEST", event("a", who, dtstart=None), "missing DTSTART"),
            ("REQUEST", event("a"), "missing ATTENDEE"),
            ("PUBLISH", event("a", who), "invites nobody"),
            ("REPLY", event("a"), "one attendee"),
            ("REPLY", event("a", who, who), "one attendee"),
            ("ADD", event("a", who), "SEQUENCE above 0"),
            ("ADD", event("a", who, sequence=1, recurrence_id="20260202"), "ADD has"),
            ("REQUEST", event("a", who, "DTSTART:20260101"), "more than one DTSTART"),
            ("REQUEST", event("a", who, sequence="x"), "SEQUENCE"),
            ("REQUEST", event("a", who, sequence="-1"), "SEQUENCE"),
            ("REQUEST", event("a", who, sequence="9" * 50), "SEQUENCE"),
            ("REQUEST", event("a", who, dtstamp="yesterday"), "DTSTAMP"),
            ("REQUEST", event("a", who, recurrence_id="?"), "RECURRENCE-ID"),
            ("REQUEST", event("a", who, duration="PT1H", dtend="20260202"), "both"),
            ("REQUEST", event("a" * 1_001, who), "missing unique"),
        ):
            self.assertIn(told, self.wrong(calendar(method, made)), method)

    def test_mixtures(self):
        """One object alone, and of one kind, in what schedules; of files several."""
        two = event("a", attendee()), event("b", attendee())
        self.assertIn("different", self.wrong(calendar("REQUEST", *two)))
        mixed = event("a", attendee()), event("a", attendee(), name="VTODO")
        self.assertIn("different kinds", self.wrong(calendar("REQUEST", *mixed)))
        same = event("a", attendee()), event("a", attendee())
        self.assertIn("twice", self.wrong(calendar("REQUEST", *same)))
        old = calendar("", event("a")).replace("2.0", "1.0")
        self.assertIn("version", self.wrong(old))
        some = calendar("PUBLISH", *(event(f"{n}") for n in range(21)))
        self.assertIn("more than 20", self.wrong(some))
        some = calendar("", *(event(f"{n}") for n in range(20)))
        self.assertEqual(len(itip.messages(parse(some.encode()))), 20)

    def test_addresses(self):
        """Only ``mailto:`` has an address, without what follows it, in any case."""
        self.assertEqual(
            entries.address("MAILTO:Me%2Bx@Example.com?a=b"), "me+x@example.com"
        )
        for other in ("http://a@b", "me@example.com", "", "tel:1"):
            self.assertEqual(entries.address(other), "")

    def test_likeness(self):
        """Order and who wrote it do not matter, anything else does (RFC 9671 §4)."""
        one = parse(invitation().encode())
        lines = invitation().splitlines()
        lines[5], lines[6] = lines[6], lines[5]
        other = parse("\r\n".join(lines).replace("-//far", "-//near").encode())
        self.assertTrue(alike(one, other))
        for change in ("Plans", "PARTSTAT", "20260202"):
            text = invitation().replace(change, "20260203" if change[0] == "2" else "X")
            self.assertFalse(alike(one, parse(text.encode())), change)
