"""Mail that scripts make: vacation, notify, reject, at delivery."""

from mailsuite.mime.scan import scan
from mailsuite.model.envelope import JUNK
from mailsuite.model.outcomes import Delivered, Failed
from mailsuite.sieve.settings import Sieve
from tests.support.filing import SENDER, USER, FilingCase, letter
from tests.support.queue import address

AWAY = 'require "vacation"; vacation "I am away";'


class VacationTests(FilingCase):
    settings = Sieve(replies=3)

    def replies(self, *names, **more):
        """How many replies each delivery brings."""
        return [len(self.deliver(name=f"0G1G{n}", **more).spawn) for n in names]

    def test_reply(self):
        """The sender gets one, from the null address; the message is kept."""
        self.script(AWAY)
        (child,) = self.deliver().spawn
        self.assertIsNone(child.envelope.sender)
        (to,) = child.envelope.recipients
        self.assertEqual((to.address, to.notify), (address(SENDER), "NEVER"))
        self.assertIn(b"Auto-Submitted: auto-replied", child.blob.octets)
        self.assertIn(b"From: user@example.test\r\n", child.blob.octets)
        self.assertEqual(self.where(), ["INBOX"])

    def test_own_mail(self):
        """It is signed as ours: it came in by no door."""
        self.script(AWAY)
        (child,) = self.deliver(envelope_marks={"role": "smtp"}).spawn
        self.assertNotIn("role", child.envelope.marks)

    def test_remembered(self):
        """A sender gets it once in so many days; another sender gets it too."""
        self.script(AWAY)
        self.assertEqual(self.replies(1, 2, 3), [1, 0, 0])
        self.assertEqual(self.replies(4, sender="Coyote@desert.example.org"), [0])
        self.assertEqual(self.replies(5, sender="other@desert.example.org"), [1])
        self.now += 8 * 86_400
        self.assertEqual(self.replies(6), [1])

    def test_repeated(self):
        """A delivery that is repeated replies again: it was not recorded before."""
        self.script(AWAY)
        self.assertEqual(self.replies(1, 1, 1), [1, 1, 1])
        self.assertEqual(self.replies(2), [0])

    def test_rate(self):
        """So many replies go in an hour."""
        self.script(AWAY)
        sent = [self.replies(n, sender=f"u{n}@desert.example.org")[0] for n in range(5)]
        self.assertEqual(sent, [1, 1, 1, 0, 0])

    def test_unanswered(self):
        """Nothing goes to nobody, to programs, lists, the owner, or about junk."""
        self.script(AWAY)
        for n, (sender, before) in enumerate(
            (
                ("", ""),
                ("MAILER-DAEMON@desert.example.org", ""),
                (SENDER, "List-Id: <l.example>\r\n"),
                (SENDER, "Auto-Submitted: auto-generated\r\n"),
                (SENDER, "Precedence: bulk\r\n"),
                (USER, ""),
                ("user+home@example.test", ""),
            )
        ):
            blob = letter(prefix=f"R: x\r\n{before}")
            self.assertEqual(self.deliver(blob, f"0G1G{n}", sender).spawn, ())
        self.assertEqual(self.replies(9, marks={JUNK: "spf"}), [0])
        self.assertEqual(len(self.happened("sieve.silent")), 8)

    def test_named(self):
        """A message must name the owner, by any address of theirs."""
        octets = letter().octets.replace(b"To: user@", b"To: crowd@")
        blob = letter()
        strange = type(blob)(
            "k2", len(octets) + 15, octets, b"Received: x\r\n\r\n"[:13]
        )
        self.script(AWAY)
        self.assertEqual(self.deliver(strange).spawn, ())
        self.script(
            'require "vacation"; vacation :addresses "Crowd@example.test" "away";'
        )
        self.assertEqual(len(self.deliver(strange).spawn), 1)
        self.script(AWAY, "third")
        detailed = octets.replace(b"To: crowd@", b"To: user+box@")
        plus = type(blob)("k3", len(detailed), detailed, b"")
        self.assertEqual(len(self.deliver(plus, "0G1G300", "a@b.example").spawn), 1)

    def test_from(self):
        """From is an address of the owner's, whatever the script says."""
        for n, (wanted, found) in enumerate(
            (
                ("user+x@example.test", b"From: user+x@example.test"),
                ("The Boss <boss@example.test>", b"<user@example.test>"),
                ("boss@bank.example", b"From: user@example.test"),
            )
        ):
            self.script(f'require "vacation"; vacation :from "{wanted}" "away";')
            (child,) = self.deliver(sender=f"u{n}@b.example").spawn
            self.assertIn(found, child.blob.octets)

    def test_copy(self):
        """A copy of the reply is filed once, where the script says."""
        self.script('require ["vacation", "fcc"]; vacation :fcc "Sent" "away";')
        for _ in range(2):
            (child,) = self.deliver().spawn
        self.assertEqual(self.where(), ["INBOX", "Sent"])
        (sent,) = [one for one in self.mail() if one.mailbox == "Sent"]
        self.assertEqual(scan(sent.octets), scan(child.blob.octets))

    def test_copy_nowhere(self):
        """A copy for which there is no mailbox is left out."""
        self.script('require ["vacation", "fcc"]; vacation :fcc "Gone" "away";')
        self.assertEqual(len(self.deliver().spawn), 1)
        self.assertEqual(self.where(), ["INBOX"])


class NotifyTests(FilingCase):
    def test_notice(self):
        """Somebody is told, in the owner's name."""
        self.script('require "enotify"; notify "mailto:pager@else.example";')
        (child,) = self.deliver().spawn
        self.assertEqual(child.envelope.sender, address(USER))
        self.assertEqual(
            [one.address for one in child.envelope.recipients],
            [address("pager@else.example")],
        )
        self.assertEqual(self.where(), ["INBOX"])

    def test_of_a_notice(self):
        """Of mail from the null address the notice is from there too."""
        self.script('require "enotify"; notify "mailto:pager@else.example";')
        (child,) = self.deliver(sender="").spawn
        self.assertIsNone(child.envelope.sender)


class RejectTests(FilingCase):
    def refused(self, reason="I do not want it", early=False, **more):
        word = "ereject" if early else "reject"
        self.script(f'require "{word}"; {word} "{reason}";')
        return self.deliver(**more)

    def test_waiting(self):
        """Who waits is told in the dialogue (the test's leases are waited for)."""
        for early in (False, True):
            outcome = self.refused(early=early)
            self.assertEqual(outcome, Failed("5.7.1", "I do not want it"))
        self.assertEqual(self.where(), [])
        self.assertEqual(len(self.happened("sieve.rejected")), 2)

    def test_words(self):
        """What the dialogue cannot say a notice says, or a fixed text."""
        early = self.refused("Nicht f\xfcr mich", early=True)
        self.assertIsInstance(early, Failed)
        self.assertTrue(early.text.isascii())
        outcome = self.refused("Nicht f\xfcr mich")
        self.assertIsInstance(outcome, Delivered)
        (child,) = outcome.spawn
        self.assertIsNone(child.envelope.sender)
        self.assertIn(b"disposition-notification", child.blob.octets)

    def test_nobody(self):
        """Nobody is told of what came from nobody."""
        outcome = self.refused("Nicht f\xfcr mich", sender="")
        self.assertEqual(outcome.spawn, ())
        self.assertEqual(self.where(), [])
