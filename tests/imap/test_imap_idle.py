"""Changes reach an IDLE session at once, and storms are gathered."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.imap.idle import Idling
from tests.support.imap_world import Talk

MAIL = b"Subject: x\r\n\r\ny\r\n"


class IdleTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk()
        self.box = self.talk.world.box("INBOX")
        self.client = self.talk.login(b"INBOX")

    def idle(self):
        said = self.client.say(b"i IDLE\r\n")
        self.assertTrue(said.startswith(b"+ "), said)
        self.client.hear(1)

    def test_at_once(self):
        """A new message is told without the client asking."""
        self.idle()
        self.box.add(MAIL)
        self.assertEqual(self.client.hear(), b"* 1 EXISTS\r\n* 1 RECENT\r\n")
        self.assertEqual(self.client.say(b"DONE\r\n"), b"i OK Done\r\n")

    def test_storm(self):
        """Many changes in a tenth of a second are told together."""
        self.idle()
        said = b""
        for _ in range(50):
            self.box.add(MAIL)
            said += self.client.hear(0.002)
        said += self.client.hear(0.2)
        self.assertLessEqual(said.count(b"EXISTS"), 8)
        self.assertIn(b"* 50 EXISTS", said)

    def test_others(self):
        """Flags and expunges of another session are told."""
        self.box.add(MAIL)
        other = self.talk.login(b"INBOX")
        self.idle()
        other.ask(b"STORE 1 +FLAGS (\\Deleted)")
        self.assertIn(b"* 1 FETCH (UID 1 FLAGS (\\Deleted", self.client.hear(0.2))
        other.ask(b"EXPUNGE")
        self.assertEqual(self.client.hear(0.2), b"* 1 EXPUNGE\r\n")

    def test_changed_as_it_begins(self):
        """What happens while IDLE begins is told, and so is what comes after it."""
        clock, told = Clock(), []
        idling = Idling(clock, lambda: told.append(clock.seconds()), 30.0)
        idling.changed()
        idling.begin()
        clock.advance(0)
        self.assertEqual(told, [0.0])
        clock.advance(1)
        idling.changed()
        clock.advance(0)
        self.assertEqual(told, [0.0, 1.0])

    def test_other_mailbox(self):
        """Changes elsewhere are none of its business."""
        self.idle()
        self.talk.world.box("Sent").add(MAIL)
        self.assertEqual(self.client.hear(1), b"")

    def test_pipelined(self):
        """IOS sends IDLE, DONE and more in one go; answers come in order."""
        said = self.client.say(
            b"a IDLE\r\nDONE\r\nb NOOP\r\nc IDLE\r\nDONE\r\nd CHECK\r\n"
        )
        words = [line.partition(b" ")[0] for line in said.split(b"\r\n")[:-1]]
        self.assertEqual(words, [b"+", b"a", b"b", b"+", b"c", b"d"])

    def test_garbage(self):
        """Anything but DONE ends IDLE with BAD, and commands go on."""
        self.idle()
        self.assertIn(b"i BAD", self.client.say(b"b NOOP\r\n"))
        self.assertEqual(self.client.ask(b"NOOP")[1], b"OK Done")

    def test_megabytes(self):
        """Megabytes instead of DONE end the connection."""
        self.idle()
        self.assertIn(b"* BYE", self.client.say(b"x" * 100_000))
        self.assertTrue(self.client.closed)

    def test_unselected(self):
        """IDLE without a mailbox waits, too."""
        client = self.talk.login()
        self.assertTrue(client.say(b"a IDLE\r\n").startswith(b"+ "))
        self.assertEqual(client.say(b"done\r\n"), b"a OK Done\r\n")

    def test_outside(self):
        """What is changed behind the suite is found after a while."""
        self.idle()
        watchers, self.talk.world.watchers = self.talk.world.watchers, []
        self.box.add(MAIL)
        self.talk.world.watchers = watchers
        self.assertIn(b"* 1 EXISTS", self.client.hear(30))

    def test_still_here(self):
        """A quiet IDLE says something every few minutes."""
        self.idle()
        said = b"".join([self.client.hear(30) for _ in range(8)])
        self.assertEqual(said.count(b"* OK Still here"), 2)

    def test_lost(self):
        """A connection that ends in IDLE leaves no timer behind."""
        self.idle()
        self.client.lose()
        self.talk.clock.advance(100)
        self.assertEqual(self.talk.clock.getDelayedCalls(), [])

    def test_timeout(self):
        """An IDLE of more than half an hour is ended."""
        self.idle()
        for _ in range(80):
            self.client.hear(30)
        self.assertTrue(self.client.closed)
