"""Dates and numbered fields: every example of RFC 5260, every part of a date."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.extensions import date
from tests.support.sieve import errors, holds, run_script

NOW = datetime(2026, 11, 22, 12, 4, 34, tzinfo=UTC).timestamp()  # a Sunday
MESSAGE = """\
Received: from b by c; Mon, 26 Feb 2007 15:30:00 +0000
Received: from a by b; Mon, 26 Feb 2007 09:00:01 -0500
Date: Sun, 25 Feb 2007 23:30:05 -0800 (PST)
From: Boss <boss@example.com>
To: a@example.org
Cc: b@example.org
Bad: Fri, 32 Jan 2007 10:00:00 +0000
Worse: no date; at all
Subject: Sun, 25 Feb 2007

x
"""


def part(name, tags="", field="date", zone=0):
    """A part of a date as a script sees it, None: it has none."""
    script = f"""
        require ["date", "index", "variables", "fileinto"];
        if date {tags} :matches "{field}" "{name}" "*" {{ fileinto "=${{1}}"; }}
    """
    plan = run_script(script, MESSAGE, zone=zone)
    assert not plan.trouble, plan.trouble
    mailbox = getattr(plan.actions[0], "mailbox", None)
    return mailbox and mailbox[1:]


class PartTests(SynchronousTestCase):
    """RFC 5260 §4.2: the parts of 2007-02-26 07:30:05 UTC."""

    def _is(self, name, expected, **more):
        self.assertEqual(part(name, **more), expected)

    def test_parts(self):
        """Year, month, day, hour, minute, second."""
        self._is("year", "2007")
        self._is("month", "02")
        self._is("day", "26")
        self._is("hour", "07")
        self._is("minute", "30")
        self._is("second", "05")

    def test_date_and_time(self):
        """Both in one string each."""
        self._is("date", "2007-02-26")
        self._is("time", "07:30:05")

    def test_julian(self):
        """The Modified Julian Day, of the day in the zone."""
        self._is("julian", "54157")
        self._is("julian", "54156", tags=":originalzone")

    def test_iso8601(self):
        """An offset of zero is Z."""
        self._is("iso8601", "2007-02-26T07:30:05Z")
        self._is("iso8601", "2007-02-25T23:30:05-08:00", tags=":originalzone")

    def test_std11(self):
        """A format for header fields."""
        self._is("std11", "Mon, 26 Feb 2007 07:30:05 +0000")

    def test_zone(self):
        """The zone in use; zero has a positive sign."""
        self._is("zone", "+0000")
        self._is("zone", "-0800", tags=":originalzone")
        self._is("zone", "+0530", tags=':zone "+0530"')
        self._is("zone", "+0000", tags=':zone "-0000"')

    def test_weekday(self):
        """Sunday is 0."""
        self._is("weekday", "1")
        self._is("weekday", "0", tags=":originalzone")

    def test_names_have_no_case(self):
        """Parts are case-insensitive."""
        self._is("YEAR", "2007")

    def test_the_zone_of_the_owner(self):
        """Without a zone the local one is used (§4.1)."""
        self._is("hour", "08", zone=60)
        self._is("iso8601", "2007-02-26T08:30:05+01:00", zone=60)

    def test_another_zone(self):
        """:zone shifts the date before it is looked at."""
        self._is("hour", "02", tags=':zone "-0500"')
        self._is("time", "13:00:05", tags=':zone "+0530"')

    def test_behind_a_semicolon(self):
        """Received has its date at the end; the first field counts."""
        self._is("iso8601", "2007-02-26T15:30:00Z", field="received")

    def test_no_date(self):
        """What is missing, impossible or no date at all is false."""
        for field in ("absent", "bad", "worse", "subject", "from"):
            self._is("year", None, field=field)

    def test_count(self):
        """One where there is a valid date, else none."""
        names = "date relational comparator-i;ascii-numeric"
        for field, number in (("date", "1"), ("bad", "0"), ("absent", "0")):
            test = f'date :count "eq" :comparator "i;ascii-numeric" "{field}"'
            self.assertTrue(holds(f'{test} "year" "{number}"', MESSAGE, names))

    @given(st.integers(-(10**9), 10**10), st.integers(-1439, 1439))
    def test_any_moment(self, seconds, zone):
        """Parts agree with each other, and with Python's calendar."""
        at = date.Moment(seconds, zone)
        parts = {name: make(at) for name, make in date._PARTS.items()}
        self.assertEqual(
            parts["date"], f"{parts['year']}-{parts['month']}-{parts['day']}"
        )
        day = datetime.fromisoformat(parts["date"])
        self.assertEqual(int(parts["julian"]), day.toordinal() - 678576)
        self.assertEqual(int(parts["weekday"]), day.isoweekday() % 7)
        whole = datetime.fromisoformat(parts["iso8601"])
        self.assertEqual(int(whole.timestamp()), seconds)


class ErrorTests(SynchronousTestCase):
    """What is wrong with a date test is told when the script is checked."""

    def test_both_zones(self):
        """§4.1: it is an error to specify both."""
        test = 'date :zone "+0100" :originalzone "date" "year" "2007"'
        self.assertIn("cannot stand beside", errors(f'require "date"; if {test} {{}}'))

    def test_zones(self):
        """An offset has a sign and four digits."""
        for zone in ("0100", "+100", "+01:00", "CET", "+2400", "+0060", ""):
            test = f'currentdate :zone "{zone}" "year" "2007"'
            self.assertIn("no offset", errors(f'require "date"; if {test} {{}}'), zone)

    def test_parts(self):
        """Unknown parts are told with those there are."""
        said = errors('require "date"; if currentdate "yaer" "2007" {}')
        self.assertIn("line 1, column 32: yaer is no part of a date", said)

    def test_at_run_time(self):
        """What variables bring is an error of the run."""
        script = """
            require ["date", "variables"];
            set "a" "nonsense";
            if currentdate %s "2007" { discard; }
        """
        plan = run_script(script % '"${a}"')
        self.assertIn("line 4: 'nonsense' is no part of a date", plan.trouble)
        plan = run_script(script % ':zone "${a}" "year"')
        self.assertIn("line 4: 'nonsense' is no offset", plan.trouble)


class ExampleTests(SynchronousTestCase):
    """The examples of §4.4, §5.1 and §6.1."""

    def _first(self, script, message=MESSAGE, **letter):
        plan = run_script(script, message, **letter)
        self.assertEqual(plan.trouble, "")
        return plan.actions[0]

    office = """
        require ["date", "relational", "fileinto"];
        if allof(header :is "from" "boss@example.com",
                 date :value "ge" :originalzone "date" "hour" "09",
                 date :value "lt" :originalzone "date" "hour" "17")
        { fileinto "urgent"; }
    """

    def test_office_hours(self):
        """Sent by the boss between 9 and 17 in the boss's zone."""
        for hour, urgent in (("08:59", False), ("09:00", True), ("16:59", True)):
            message = f"From: boss@example.com\nDate: 1 Feb 2007 {hour}:00 -0800\n\n"
            action = self._first(self.office, message)
            self.assertEqual(getattr(action, "mailbox", "") == "urgent", urgent, hour)
        message = "From: boss@example.com\nDate: 1 Feb 2007 17:00:00 -0800\n\n"
        self.assertTrue(self._first(self.office, message).implicit)

    def test_weekend(self):
        """The first Received field tells when we got it."""
        script = """
            require ["date", "relational", "fileinto"];
            if anyof(date :is "received" "weekday" "0",
                     date :is "received" "weekday" "6")
            { fileinto "weekend"; }
        """
        self.assertTrue(self._first(script).implicit)
        message = "Received: from a; Sat, 24 Feb 2007 12:00:00 +0000\n\n"
        self.assertEqual(self._first(script, message).mailbox, "weekend")

    pager = """
        require ["date", "relational"];
        if anyof(currentdate :is "weekday" "0",
                 currentdate :is "weekday" "6",
                 currentdate :value "lt" "hour" "09",
                 currentdate :value "ge" "hour" "17")
        { redirect "pager@example.com"; }
    """

    def test_pager(self):
        """After hours and at weekends mail goes to the pager."""
        monday = NOW + 24 * 3600
        self.assertEqual(self._first(self.pager, now=NOW).address, "pager@example.com")
        self.assertTrue(self._first(self.pager, now=monday).implicit)
        late = monday + 5 * 3600
        self.assertEqual(self._first(self.pager, now=late).address, "pager@example.com")
        self.assertTrue(self._first(self.pager, now=late, zone=-120).implicit)

    def test_vacation_week(self):
        """The dates of the vacation example bound the days themselves."""
        script = """
            require ["date", "relational"];
            if allof(currentdate :value "ge" "date" "2007-06-30",
                     currentdate :value "le" "date" "2007-07-07")
            { discard; }
        """
        for day, away in ((29, False), (30, True)):
            now = datetime(2007, 6, day, 23, tzinfo=UTC).timestamp()
            action = self._first(script, now=now)
            self.assertEqual(type(action).__name__ == "Discard", away)
        now = datetime(2007, 7, 8, tzinfo=UTC).timestamp()
        self.assertTrue(self._first(script, now=now).implicit)

    def test_a_mailbox_for_each_month(self):
        """The current date with variables."""
        script = """
            require ["date", "variables", "fileinto"];
            if currentdate :matches "month" "*" { set "month" "${1}"; }
            if currentdate :matches "year"  "*" { set "year"  "${1}"; }
            fileinto "${month}-${year}";
        """
        self.assertEqual(self._first(script, now=NOW).mailbox, "11-2026")

    def test_a_date_for_a_field(self):
        """std11 as the whole of a match."""
        script = """
            require ["variables", "date", "fileinto"];
            if currentdate :matches "std11" "*" { fileinto "${0}"; }
        """
        mailbox = self._first(script, now=NOW).mailbox
        self.assertEqual(mailbox, "Sun, 22 Nov 2026 12:04:34 +0000")

    cutoff = """
        require ["date", "relational", "index"];
        if date :value "gt" :index 2 :zone "-0500" "received"
                "iso8601" "2007-02-26T09:00:00-05:00"
        { redirect "aftercutoff@example.org"; }
    """

    def test_cutoff(self):
        """§6.1: the second Received field decides."""
        self.assertEqual(self._first(self.cutoff).address, "aftercutoff@example.org")
        early = MESSAGE.replace("09:00:01", "08:59:59")
        self.assertTrue(self._first(self.cutoff, early).implicit)


class IndexTests(SynchronousTestCase):
    """RFC 5260 §6."""

    message = """\
X: one
Y: three
X: two
To: a@example.org, b@example.org
To: c@example.org

"""

    def _holds(self, test):
        return holds(test, self.message, "index date relational")

    def test_header(self):
        """Fields are counted from the first."""
        self.assertTrue(self._holds('header :index 1 "x" "one"'))
        self.assertTrue(self._holds('header :index 2 "x" "two"'))
        self.assertFalse(self._holds('header :index 1 "x" "two"'))
        self.assertFalse(self._holds('header :index 3 :contains "x" ""'))

    def test_last(self):
        """Or from the last."""
        self.assertTrue(self._holds('header :last :index 1 "x" "two"'))
        self.assertTrue(self._holds('header :index 2 :last "x" "one"'))
        self.assertFalse(self._holds('header :index 3 :last :contains "x" ""'))

    def test_several_names(self):
        """They are counted in the order of the list."""
        self.assertTrue(self._holds('header :index 3 ["x", "y"] "three"'))
        self.assertTrue(self._holds('header :index 1 ["y", "x"] "three"'))

    def test_address(self):
        """Fields are counted, not the addresses in them."""
        self.assertTrue(self._holds('address :index 1 "to" "b@example.org"'))
        self.assertTrue(self._holds('address :index 2 "to" "c@example.org"'))
        self.assertFalse(self._holds('address :index 2 "to" "b@example.org"'))
        self.assertTrue(self._holds('address :index 1 :last "to" "c@example.org"'))

    def test_last_alone(self):
        """:last without :index is an error."""
        said = errors('require "index"; if header :last "x" "one" {}')
        self.assertIn(":last needs :index", said)

    def test_number_zero(self):
        """Numbers begin at 1."""
        said = errors('require "index"; if header :index 0 "x" "one" {}')
        self.assertIn("the first field has number 1", said)

    def test_not_asked_for(self):
        """The tags belong to the capability."""
        self.assertIn("index", errors('if header :index 1 "x" "one" {}'))
