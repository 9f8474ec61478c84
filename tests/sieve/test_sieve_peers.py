"""What a comparison with another engine brought to light."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import FileInto, Keep
from tests.support.sieve import LETTER, holds, run_script

NUMERIC = ':comparator "i;ascii-numeric"'


class PeerTests(SynchronousTestCase):
    def test_counted_whole(self):
        """:count counts addresses, whatever part is asked for (RFC 5231 §4.2)."""
        requires = "relational subaddress comparator-i;ascii-numeric envelope"
        for part in (":all", ":localpart", ":domain", ":user", ":detail"):
            test = f'address {part} :count "eq" {NUMERIC} ["from", "to"] "2"'
            self.assertTrue(holds(test, LETTER, requires), part)
            test = f'envelope {part} :count "eq" {NUMERIC} "from" "1"'
            self.assertTrue(holds(test, LETTER, requires, sender="a@b.example"), part)
            self.assertFalse(holds(test, LETTER, requires, sender=""), part)

    def test_size_after_edits(self):
        """The test size tells how large the message is now."""
        size = len(LETTER)
        grow = 'addheader "X-A" "b";'
        tests = (
            (grow, f"size :over {size + 7}", f"size :over {size + 8}"),
            ('deleteheader "subject";', f"size :under {size - 30}", "size :under 9"),
        )
        for edit, yes, no in tests:
            for test, cancelled in ((yes, True), (no, False)):
                plan = run_script(
                    f'require "editheader"; {edit} if {test} {{ discard; }}'
                )
                kept = any(isinstance(one, Keep) for one in plan.actions)
                self.assertEqual(kept, not cancelled, test)

    def test_last_flags(self):
        """Of several actions for one mailbox the last is last in the plan."""
        plan = run_script(
            'require ["fileinto", "imap4flags"]; keep; fileinto "INBOX";'
            ' keep :flags "a";'
        )
        self.assertEqual(
            plan.actions, (FileInto("INBOX", None, at=1), Keep(("a",), at=1))
        )
