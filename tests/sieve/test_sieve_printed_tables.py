"""Tables and remarks of the RFCs that are no scripts: each row with its result.

RFC 5183, RFC 5228, RFC 5233, RFC 5235, RFC 5260 and RFC 5463.
"""

from datetime import UTC, date, datetime

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, FileInto, Keep
from mailsuite.sieve.extensions.table import spoken
from mailsuite.sieve.extensions.vacation import DAY, Vacation
from mailsuite.wire.imap import names
from tests.support.sieve import acts, errors, holds, run_script

IMPLICIT = Keep(implicit=True)
NUMERIC = "relational comparator-i;ascii-numeric"


class LanguageTests(SynchronousTestCase):
    """RFC 5228."""

    def test_single_dots(self):
        """§2.4.2: ".foo" is .foo, and "..foo" as well."""
        for line in (".foo", "..foo"):
            (action,) = acts(f'require "reject"; reject text:\n{line}\n.\n;')
            self.assertEqual(action.reason, ".foo\r\n")

    def test_undefined_escape(self):
        r"""§2.4.2: "\a" is "a"."""
        self.assertTrue(holds(r'header :is "x" "\a"', "X: a\n\n"))

    def test_field_names(self):
        """§2.4.2.2: "From" is a line with From: or From   :, "From:" is none."""
        for line in ("From: a@b.example", "From   : a@b.example"):
            self.assertTrue(holds('exists "From"', f"{line}\n\n"))
            self.assertFalse(holds('exists "From:"', f"{line}\n\n"))

    def test_quoted_wildcards(self):
        r"""§2.7.1: "\\?" and "\\*" match against themselves."""
        test = r'header :matches "x" "\\?\\*"'
        self.assertTrue(holds(test, "X: ?*\n\n"))
        self.assertFalse(holds(test, "X: ab\n\n"))

    def test_odds_and_ends(self):
        """§4.1: "odds & ends" appears in IMAP as "odds &- ends"."""
        (action,) = acts('require "fileinto"; fileinto "odds & ends";')
        self.assertEqual(names.encode(action.mailbox), b"odds &- ends")

    def test_useless_discard(self):
        """§4.4: fileinto and discard are equivalent to fileinto."""
        found = acts('require "fileinto"; fileinto "a"; discard;')
        self.assertEqual([one for one in found if one != Discard()], [FileInto("a")])

    def test_capabilities(self):
        """§6, §6.1: foo is not FOO; i;octet is a capability, and elbonia none."""
        for name, there in (
            ("envelope", True), ("ENVELOPE", False), ("comparator-i;octet", True),
            ("comparator-i;ascii-casemap", True), ("comparator-elbonia", False),
            ("vnd.acme.rocket-sled", False),
        ):  # fmt: skip
            self.assertEqual(errors(f'require "{name}";') == "", there, name)


class EnvironmentTests(SynchronousTestCase):
    """RFC 5183."""

    def asked(self, name, tags, key, environment):
        script = f"""require "environment";
     if environment {tags} "{name}" "{key}" {{ discard; }}"""
        return acts(script, environment=environment) == [Discard()]

    def test_known_items(self):
        """§4: the test with :contains "" only succeeds if the item is known."""
        for items in ({}, {"remote-host": ""}, {"remote-host": "mail.example.com"}):
            self.assertFalse(self.asked("item", ":contains", "", items))
            self.assertTrue(self.asked("remote-host", ":contains", "", items))
        self.assertTrue(self.asked("item", ":contains", "", {"item": ""}))

    def test_vendors(self):
        """§4.3: an item of a vendor that nobody told fails, and is no error."""
        name = "vnd.acme.rocket-sled-status"
        self.assertFalse(self.asked(name, ":contains", "", {}))

    def test_remote_host(self):
        """§5: whose name ends as the RFC's own, and whose does not."""
        for host, expected in (
            ("mail.example.com", True), ("MAIL.EXAMPLE.COM", True), ("", False),
            ("example.com", False), ("mail.example.com.invalid", False),
        ):  # fmt: skip
            items = {"remote-host": host}
            said = self.asked("remote-host", ":matches", "*.example.com", items)
            self.assertEqual(said, expected, host)


class SubaddressTests(SynchronousTestCase):
    """RFC 5233."""

    def test_separators(self):
        """§1, §4: users and details with +, with # and with more than one character."""
        for address, delimiter, user, detail in (
            ("ken+sieve@example.org", "+", "ken", "sieve"),
            ("5551212#123@example.com", "#", "5551212", "123"),
            ("ken--sieve@example.org", "--", "ken", "sieve"),
        ):
            known = {
                "requires": "envelope subaddress",
                "vocabulary": spoken(programs=False, delimiter=delimiter),
                "recipient": address,
            }
            local, _, domain = address.partition("@")
            for part, value in (
                ("user", user), ("detail", detail), ("localpart", local),
                ("domain", domain),
            ):  # fmt: skip
                self.assertTrue(holds(f'envelope :{part} "to" "{value}"', **known))


class ScoreTests(SynchronousTestCase):
    """RFC 5235."""

    def number(self, test, marks, most):
        """The number that a test finds."""
        (found,) = [
            value
            for value in range(most + 1)
            if holds(
                f'{test} :value "eq" :comparator "i;ascii-numeric" "{value}"',
                requires=f"spamtestplus virustest {NUMERIC}",
                marks=marks,
            )
        ]
        return found

    def test_kinds(self):
        """§3.1: digits, perhaps with words behind a space, which can be compared."""
        asked = {"requires": f"spamtestplus virustest {NUMERIC}"}
        asked["marks"] = {"spam": "42 BAYES_50", "virus": "5 Eicar"}
        for test in (
            'spamtest :percent :value "eq" :comparator "i;ascii-numeric" "42"',
            'spamtest :percent :contains "bayes"',
            'spamtest :percent :is "42 BAYES_50"',
            'virustest :matches "5 *"',
        ):
            self.assertTrue(holds(test, **asked), test)

    def test_counts(self):
        """§3.1: :count is 1 where something was tested, else 0."""
        requires = f"spamtestplus virustest {NUMERIC}"
        for marks, expected in (({}, 0), ({"spam": "0", "virus": "1"}, 1)):
            for test in ("spamtest", "spamtest :percent", "virustest"):
                count = f'{test} :count "eq" "{expected}"'
                self.assertTrue(holds(count, requires=requires, marks=marks), count)

    def test_spamtest(self):
        """§3.2.1: 0 untested, 1 clear, 2 to 9 maybe, 10 certainly."""
        self.assertEqual(self.number("spamtest", {}, 10), 0)
        self.assertEqual(self.number("spamtest", {"spam": "0"}, 10), 1)
        found = [
            self.number("spamtest", {"spam": f"{n}"}, 10) for n in range(1, 100, 7)
        ]
        self.assertEqual(found, sorted(found))
        self.assertEqual((min(found), max(found)), (2, 9))
        self.assertEqual(self.number("spamtest", {"spam": "100"}, 10), 10)

    def test_percent(self):
        """§3.2.2: 0 clear or untested, 1 to 99 maybe, 100 certainly."""
        test = "spamtest :percent"
        self.assertEqual(self.number(test, {}, 100), 0)
        for percent in (0, 1, 37, 99, 100):
            found = self.number(test, {"spam": f"{percent}"}, 100)
            self.assertEqual(found, percent)

    def test_virustest(self):
        """§3.3: 0 untested, and the five findings as they are."""
        self.assertEqual(self.number("virustest", {}, 5), 0)
        for value in range(1, 6):
            self.assertEqual(self.number("virustest", {"virus": f"{value}"}, 5), value)


def jday(year, month, day):
    """RFC 5260, appendix A: the Julian day of a date, in whole numbers."""
    month, year = (month - 3, year) if month > 2 else (month + 9, year - 1)
    century, rest = divmod(year, 100)
    days = century * 146097 // 4 + rest * 1461 // 4 + (month * 153 + 2) // 5
    return days + day + 1721119


class DateTests(SynchronousTestCase):
    """RFC 5260."""

    def seen(self, script, moment, message="From: a@b.example\n\nx\n"):
        plan = run_script(script, message, now=moment.timestamp())
        self.assertEqual(plan.trouble, "")
        return plan

    def test_vacation(self):
        """§5.1: the vacation answers in the first week of July, and then no more."""
        script = """
     require ["date", "relational", "vacation"];
     if allof(currentdate :value "ge" "date" "2007-06-30",
              currentdate :value "le" "date" "2007-07-07")
     { vacation :days 7  "I'm away during the first week in July."; }"""
        for month, day, away in ((6, 29, 0), (6, 30, 1), (7, 7, 1), (7, 8, 0)):
            plan = self.seen(script, datetime(2007, month, day, 12, tzinfo=UTC))
            found = [one for one in plan.actions if isinstance(one, Vacation)]
            self.assertEqual([one.seconds for one in found], [7 * DAY] * away)
            self.assertIn(IMPLICIT, plan.actions)

    def test_field(self):
        """§5.1: a header field with the date is inserted."""
        script = """
      require ["variables", "date", "editheader"];
      if currentdate :matches "std11" "*"
        {addheader "Processing-date" "${0}";}"""
        plan = self.seen(script, datetime(2007, 7, 4, 1, 2, 3, tzinfo=UTC))
        self.assertEqual(
            plan.messages[0].written(),
            b"Processing-date: Wed, 04 Jul 2007 01:02:03 +0000\r\n"
            b"From: a@b.example\r\n\r\nx\r\n",
        )

    @given(st.dates(date(1900, 1, 1)))
    def test_julian(self, day):
        """§A: the routine counts Julian days; those of the test begin in 1858."""
        self.assertEqual(jday(1858, 11, 17), 2_400_001)
        julian = jday(day.year, day.month, day.day) - 2_400_001
        message = f"Date: {day:%d %b} {day.year:04} 12:00:00 +0000\n\n"
        self.assertTrue(holds(f'date "date" "julian" "{julian}"', message, "date"))


class HaveTests(SynchronousTestCase):
    """RFC 5463: it has no example; the five rules of §4, and §5."""

    def test_to_the_end(self):
        """§4, 1: a successful test is as good as require, to the end of the script."""
        script = 'require "ihave"; if ihave "fileinto" { } fileinto "a";'
        self.assertEqual(acts(script), [FileInto("a")])
        script = 'require "ihave"; if not true { ihave; } fileinto "a";'
        self.assertNotEqual(errors(script), "")

    def test_missing(self):
        """§4: what is not there fails the test, and a script gets by without it."""
        script = """require ["ihave", "fileinto"];
            if ihave "vnd.acme.rocket-sled" { launch "a"; } else { fileinto "b"; }"""
        self.assertEqual(acts(script), [FileInto("b")])

    def test_error(self):
        """§5: error ends the script with its message, and the mail is kept."""
        plan = run_script('require "ihave"; discard; error "no sled";')
        self.assertIn("no sled", plan.trouble)
        self.assertEqual([evolve(one, at=0) for one in plan.actions], [IMPLICIT])
