"""What examples of the RFCs say of a delivery, and not of the script alone.

RFC 5230 §4.2 and RFC 6131 §3: who is answered how often. RFC 5429 §2.1.2 and §2.5:
what the sender is told of a refusal. RFC 5233 §1: where details lead.
"""

from mailsuite.delivery.refusing import FIXED
from mailsuite.mime import dsn
from mailsuite.model.address import Address
from mailsuite.model.envelope import JUNK
from mailsuite.policy.answers import reply_to
from mailsuite.wire.smtp.replies import render
from tests.support.filing import FilingCase, letter


class AnsweredTests(FilingCase):
    """Who is answered how often."""

    def answered(self, *subjects):
        """How many replies each message brings."""
        number = self.now
        return [
            len(self.deliver(letter(subject), f"0G1G{number + n:.0f}").spawn)
            for n, subject in enumerate(subjects)
        ]

    def test_two_responses(self):
        """RFC 5230 §4.2: the coyote gets two responses, one with each message."""
        self.script("""
   require "vacation";
   if header :contains "subject" "cyrus" {
       vacation "I'm out -- send mail to cyrus-bugs";
   } else {
       vacation "I'm out -- call me at +1 304 555 0123";
   }""")
        found = self.answered("Cyrus bug", "come over for dinner", "Cyrus bug")
        self.assertEqual(found, [1, 1, 0])

    def test_unexpanded(self):
        """RFC 5230 §4.2: what variables hold makes no other response."""
        self.script("""
   require ["vacation", "variables"];
   if header :matches "subject" "*" {
       vacation :subject "Automatic response to: ${1}"
                "I'm away -- send mail to foo in my absence";
   }""")
        self.assertEqual(self.answered("one", "two"), [1, 0])

    def test_one_response(self):
        """RFC 5230 §4.2: with one handle tweety will only receive one."""
        script = """
   require "vacation";
   if header :contains "subject" "lunch" {
       vacation :handle "ran-away" "I'm out and can't meet for lunch";
   } else {
       vacation :handle "ran-away" "I'm out";
   }"""
        self.script(script)
        self.assertEqual(self.answered("lunch?", "dinner?"), [1, 0])

    def test_half_an_hour(self):
        """RFC 6131 §3: a sender gets one every 1800 seconds."""
        self.script("""
   require ["vacation-seconds"];
   vacation :addresses ["tjs@example.edu", "ts4z@landru.example.edu"]
            :seconds 1800
            "I am in a meeting, and do not have access to email.";""")
        self.assertEqual(self.answered("one", "two"), [1, 0])
        self.now += 1_790
        self.assertEqual(self.answered("three"), [0])
        self.now += 11
        self.assertEqual(self.answered("four", "five"), [1, 0])

    def test_every_message(self):
        """RFC 6131 §3: with 0 every message is answered."""
        self.script("""
   require ["vacation-seconds"];

   vacation :handle "auto-resp" :seconds 0
       "Your request has been received.  A service
        representative will contact you as soon as
        possible, usually within one business day.";""")
        self.assertEqual(self.answered("one", "two", "three"), [1, 1, 1])


class DetailTests(FilingCase):
    """RFC 5233 §1."""

    def test_mailbox(self):
        """ken+sieve@example.org is delivered into a mailbox called sieve."""
        self.folder("sieve")
        self.deliver(to="user+sieve@example.test")
        self.assertEqual(self.where(), ["sieve"])


class RefusedTests(FilingCase):
    """RFC 5429."""

    def test_report(self):
        """§2.1.2: who sends no more gets a report with both sentences and the reason."""
        reason = "I am not taking mail from you, and I don't want your birdseed,"
        reason += " either!"
        self.script(f'require "ereject"; ereject "{reason}";')
        outcome = self.deliver(awaited=False)
        told = dsn.compose(
            dsn.Report(
                "mx.example.test",
                1e9,
                "postmaster@mx.example.test",
                Address("coyote", "desert.example.org"),
                [dsn.Recipient(Address("user", "example.test"), "failed",
                               outcome.status, diagnostic=outcome.text)],
                b"",
                "<1@mx.example.test>",
                1e9,
                "=_1",
            )
        )  # fmt: skip
        human, _, rest = told.partition(b"message/delivery-status")
        said = " ".join(human.decode().split())
        self.assertIn(f"{FIXED}. The reason given is as follows: {reason}", said)
        self.assertIn(b"Action: failed", rest)

    def test_session(self):
        """§2.5: the reply on three lines, each with its code."""
        self.script("""
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
               }""")
        outcome = self.deliver(marks={JUNK: "spf"})
        self.assertEqual(
            render(reply_to(outcome)).splitlines(),
            [
                b"550-5.7.1 AntiSpam engine thinks your message is spam.",
                b"550-5.7.1 It is therefore being refused.",
                b"550 5.7.1 Please call 1-900-PAY-US if you want to reach us.",
            ],
        )
