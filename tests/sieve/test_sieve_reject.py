"""reject and ereject (RFC 5429): every example, and what cannot stand beside them."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, FileInto, Keep
from mailsuite.sieve.extensions.reject import REASON_CHARACTERS, Reject
from tests.support.sieve import errors, run_script


def refusals(script, message="From: a@b.example\n\nHi\n", **letter):
    plan = run_script(script, message, **letter)
    assert not plan.trouble, plan.trouble
    return [(one.reason, one.early) for one in plan.actions if isinstance(one, Reject)]


class ExampleTests(SynchronousTestCase):
    """The examples of RFC 5429."""

    def test_ereject(self):
        """§2.1: mail from one address is refused, the reason as it stands."""
        script = """
            require ["ereject"];
            if address "from" "someone@example.com" {
                ereject "I no longer accept mail from this address";
            }
        """
        told = [("I no longer accept mail from this address", True)]
        self.assertEqual(refusals(script, "From: someone@example.com\n\n"), told)
        plan = run_script(script, "From: other@example.com\n\n")
        self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_reject_large(self):
        """§2.2: a message above a size is refused with several lines."""
        script = """
            require ["reject"];
            if size :over 100K {
                reject text:
Your message is too big.  If you want to send me a big attachment,
put it on a public web site and send me a URL.
.
                ;
            }
        """
        large = "From: a@b.example\n\n" + "a large message\n" * 7_000
        ((reason, early),) = refusals(script, large)
        self.assertFalse(early)
        self.assertEqual(
            reason,
            "Your message is too big.  If you want to send me a big attachment,\r\n"
            "put it on a public web site and send me a URL.\r\n",
        )
        self.assertEqual(refusals(script), [])

    def test_reject_sender(self):
        """§2.2.1: the coyote's mail is refused, and not kept."""
        script = """
            require ["reject"];
            if header :contains "from" "coyote@desert.example.org" {
                reject text:
I am not taking mail from you, and I don't
want your birdseed, either!
.
                ;
            }
        """
        plan = run_script(script)
        reason = (
            "I am not taking mail from you, and I don't\r\n"
            "want your birdseed, either!\r\n"
        )
        self.assertEqual(plan.actions, (Reject(reason, at=4),))

    def test_spam(self):
        """§2.5: certain spam is refused, suspect mail filed."""
        script = """
            require ["ereject", "spamtest", "fileinto", "relational",
                     "comparator-i;ascii-numeric"];
            if spamtest :value "ge"
                        :comparator "i;ascii-numeric" "6" {
                ereject text:
AntiSpam engine thinks your message is spam.
It is therefore being refused.
Please call 1-900-PAY-US if you want to reach us.
.
                ;
            } elsif spamtest :value "ge"
                             :comparator "i;ascii-numeric" "4" {
                fileinto "Suspect";
            }
        """
        ((reason, early),) = refusals(script, marks={"spam": "90"})
        self.assertTrue(early)
        self.assertEqual(
            reason.splitlines(),
            [
                "AntiSpam engine thinks your message is spam.",
                "It is therefore being refused.",
                "Please call 1-900-PAY-US if you want to reach us.",
            ],
        )
        plan = run_script(script, marks={"spam": "40"})
        self.assertEqual([type(one) for one in plan.actions], [FileInto])
        plan = run_script(script, marks={"spam": "3"})
        self.assertEqual(plan.actions, (Keep(implicit=True),))


class TogetherTests(SynchronousTestCase):
    """RFC 5429 §2.4."""

    CLASHING = (
        'reject "no"; keep;',
        'keep; reject "no";',
        'reject "no"; fileinto "A";',
        'fileinto :copy "A"; reject "no";',
        'reject "no"; redirect "a@b.example";',
        'reject "no"; reject "no";',
        'reject "no"; ereject "never";',
        'ereject "never"; ereject "never";',
        'vacation "away"; reject "no";',
        'reject "no"; vacation "away";',
    )

    def test_clashes(self):
        """What delivers or answers, and a second refusal, fails: all is kept."""
        head = 'require ["reject", "ereject", "fileinto", "vacation", "copy"];'
        for script in self.CLASHING:
            plan = run_script(head + script)
            self.assertEqual(plan.actions, (Keep(implicit=True),), script)
            self.assertIn("refused", plan.trouble)

    def test_discard(self):
        """Beside discard a message is refused all the same."""
        plan = run_script('require "reject"; discard; reject "no";')
        self.assertEqual(plan.actions, (Discard(at=1), Reject("no", at=1)))

    def test_capabilities(self):
        """Each needs its own capability."""
        self.assertIn('require "ereject"', errors('require "reject"; ereject "x";'))
        self.assertIn('require "reject"', errors('require "ereject"; reject "x";'))

    def test_long(self):
        """A reason is cut."""
        ((reason, _),) = refusals(f'require "reject"; reject "{"x" * 20_000}";')
        self.assertEqual(len(reason), REASON_CHARACTERS)
