"""spamtest, spamtestplus and virustest (RFC 5235): every example, every value."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, FileInto
from mailsuite.sieve.extensions.scores import level
from tests.support.sieve import errors, holds, run_script

NUMERIC = '"relational", "comparator-i;ascii-numeric"'


def where(script, **marks):
    """Where a message goes: a mailbox, or the action's name."""
    plan = run_script(script, marks=marks)
    assert not plan.trouble, plan.trouble
    (action,) = plan.actions
    if isinstance(action, FileInto):
        return action.mailbox
    return "discard" if isinstance(action, Discard) else "keep"


class ExampleTests(SynchronousTestCase):
    def test_spamtest(self):
        """§3.2.1."""
        script = f"""
           require ["spamtest", "fileinto", {NUMERIC}];

           if spamtest :value "eq" :comparator "i;ascii-numeric" "0"
           {{
               fileinto "INBOX.unclassified";
           }}
           elsif spamtest :value "ge" :comparator "i;ascii-numeric" "3"
           {{
               fileinto "INBOX.spam-trap";
           }}
        """
        self.assertEqual(where(script), "INBOX.unclassified")
        self.assertEqual(where(script, spam="0"), "keep")
        self.assertEqual(where(script, spam="7 almost nothing"), "keep")
        self.assertEqual(where(script, spam="13"), "INBOX.spam-trap")
        self.assertEqual(where(script, spam="100 GTUBE"), "INBOX.spam-trap")

    def test_percent(self):
        """§3.2.2, both forms of the example."""
        for untested in (
            'spamtest :value "eq" :comparator "i;ascii-numeric" "0"',
            'spamtest :percent :count "eq" :comparator "i;ascii-numeric" "0"',
        ):
            script = f"""
           require ["spamtestplus", "fileinto", {NUMERIC}];

           if {untested}
           {{
               fileinto "INBOX.unclassified";
           }}
           elsif spamtest :percent :value "eq"
                          :comparator "i;ascii-numeric" "0"
           {{
               fileinto "INBOX.not-spam";
           }}
           elsif spamtest :percent :value "lt"
                          :comparator "i;ascii-numeric" "37"
           {{
               fileinto "INBOX.spam-trap";
           }}
           else
           {{
               discard;
           }}
            """
            self.assertEqual(where(script), "INBOX.unclassified")
            self.assertEqual(where(script, spam="0"), "INBOX.not-spam")
            self.assertEqual(where(script, spam="36.9"), "INBOX.spam-trap")
            self.assertEqual(where(script, spam="37"), "discard")

    def test_virustest(self):
        """§3.3."""
        script = f"""
           require ["virustest", "fileinto", {NUMERIC}];

           if virustest :value "eq" :comparator "i;ascii-numeric" "0"
           {{
               fileinto "INBOX.unclassified";
           }}
           if virustest :value "eq" :comparator "i;ascii-numeric" "4"
           {{
               fileinto "INBOX.quarantine";
           }}
           elsif virustest :value "eq" :comparator "i;ascii-numeric" "5"
           {{
               discard;
           }}
        """
        self.assertEqual(where(script), "INBOX.unclassified")
        self.assertEqual(where(script, virus="1"), "keep")
        self.assertEqual(
            where(script, virus="4 Heuristics.Phishing"), "INBOX.quarantine"
        )
        self.assertEqual(where(script, virus="5 Eicar"), "discard")


class RuleTests(SynchronousTestCase):
    def test_levels(self):
        """1 is clear, 10 certain, what lies between grows from 2 to 9."""
        levels = [level(percent) for percent in range(101)]
        self.assertEqual((levels[0], levels[1], levels[99], levels[100]), (1, 2, 9, 10))
        self.assertEqual(levels, sorted(levels))
        self.assertEqual(set(levels), set(range(1, 11)))

    def test_junk(self):
        """What was judged to be junk is certainly spam."""
        asked = 'spamtest :is "10 it fails DMARC"'
        marks = {"junk": "it fails DMARC"}
        self.assertTrue(holds(asked, requires="spamtest", marks=marks))

    def test_forged(self):
        """Fields of the message say nothing."""
        message = "X-Spam-Score: 100\nX-Spam-Status: Yes\nX-Virus-Status: 5\n\n"
        self.assertTrue(holds('spamtest :is "0"', message, "spamtest"))
        self.assertTrue(holds('virustest :is "0"', message, "virustest"))

    def test_counts(self):
        """What was not tested counts for nothing (§3.1)."""
        requires = "spamtest virustest relational"
        for test in ("spamtest", "virustest"):
            asked = f'{test} :count "eq" "{{}}"'
            self.assertTrue(holds(asked.format(0), requires=requires))
            marks = {"spam": "0", "virus": "1"}
            self.assertTrue(holds(asked.format(1), requires=requires, marks=marks))

    def test_bad_marks(self):
        """A mark that is no number says nothing; too large ones are the largest."""
        for mark in ("", "x", "-1", "99999"):
            marks = {"spam": mark, "virus": mark}
            asked = 'allof (spamtest "0", virustest "0")'
            self.assertTrue(holds(asked, requires="spamtest virustest", marks=marks))
        marks = {"spam": "999", "virus": "9"}
        asked = 'allof (spamtest "10", virustest "5")'
        self.assertTrue(holds(asked, requires="spamtest virustest", marks=marks))

    def test_capabilities(self):
        """:percent needs spamtestplus, which is enough by itself (§3.2)."""
        script = 'require "{}"; if spamtest {} "1" {{ keep; }}'
        self.assertIn("spamtestplus", errors(script.format("spamtest", ":percent")))
        self.assertEqual(errors(script.format("spamtestplus", ":percent")), "")
        self.assertEqual(errors(script.format("spamtestplus", "")), "")
        self.assertIn("spamtest", errors('if spamtest "1" { keep; }'))
