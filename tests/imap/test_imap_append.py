"""APPEND streams, keeps what it is given, and leaves nothing half."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.flags import SEEN
from tests.support.imap_world import Talk

MAIL = b"Subject: x\r\n\r\ny\r\n"


class AppendTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk(message_octets=100_000)
        self.client = self.talk.login()
        self.sent = self.talk.world.box("Sent")

    def test_flags_and_date(self):
        """Flags and date survive; the answer names the UID (RFC 4315)."""
        said = self.client.say(
            b'a APPEND "Sent" (\\Seen Foo) "17-Jul-1996 02:44:25 -0700" {%d}\r\n'
            % len(MAIL)
        )
        self.assertTrue(said.startswith(b"+ "))
        said = self.client.say(MAIL + b"\r\n")
        self.assertEqual(said, b"a OK [APPENDUID 1003 1] Done\r\n")
        found = self.sent.mail[1]
        self.assertEqual((found.octets, found.date), (MAIL, 837_596_665))
        self.assertEqual(found.flags, {SEEN, "Foo"})

    def test_bare_lines(self):
        """A bare LF is stored as CRLF, however the octets are cut."""
        mail = b"A: b\n\r\n\nx\r\n\n\ry\n"
        stored = b"A: b\r\n\r\n\r\nx\r\n\r\n\ry\r\n"
        self.client.say(b"a APPEND Sent {%d+}\r\n" % len(mail) + mail + b"\r\n")
        self.client.say(b"b APPEND Sent {%d+}\r\n" % len(mail))
        for at in range(len(mail)):
            self.client.say(mail[at : at + 1])
        self.client.say(b"\r\n")
        found = [each.octets for each in self.sent.mail.values()]
        self.assertEqual(found, [stored, stored])

    def test_epoch(self):
        """The first second of 1970 is a date, as those before it are."""
        for day, seconds in ((b"01-Jan-1970", 0), (b"31-Dec-1969", -86400)):
            self.client.say(
                b'a APPEND Sent "%b 00:00:00 +0000" {%d+}\r\n%b\r\n'
                % (day, len(MAIL), MAIL)
            )
            self.assertEqual([*self.sent.mail.values()][-1].date, seconds)

    def test_selected(self):
        """The session that has the mailbox selected hears of it at once."""
        self.client.ask(b"SELECT Sent")
        said = self.client.say(b"a APPEND Sent {%d+}\r\n%b\r\n" % (len(MAIL), MAIL))
        self.assertTrue(said.startswith(b"* 1 EXISTS\r\n* 1 RECENT\r\na OK"), said)

    def test_pipelined(self):
        """Many in one go are stored in their order, answers in order."""
        one = b"a%d APPEND Sent {%d+}\r\n%b\r\n"
        octets = b"".join(
            [one % (n, len(MAIL) + 1, MAIL + b"%d" % (n % 10)) for n in range(40)]
        )
        lines = self.client.say(octets + b"z NOOP\r\n").split(b"\r\n")[:-1]
        self.assertEqual(
            lines,
            [b"a%d OK [APPENDUID 1003 %d] Done" % (n, n + 1) for n in range(40)]
            + [b"z OK Done"],
        )
        self.assertEqual(
            [m.octets[-1:] for m in self.sent.mail.values()],
            [b"%d" % (n % 10) for n in range(40)],
        )

    def test_try_create(self):
        """A missing mailbox is told before the message is sent."""
        self.assertIn(b"NO [TRYCREATE]", self.client.ask(b"APPEND no {5}")[1])
        self.assertEqual(self.client.ask(b"NOOP")[1], b"OK Done")
        said = self.client.say(b"a APPEND no {6+}\r\nb NOOP\r\nc NOOP\r\n")
        self.assertEqual(said, b"a NO [TRYCREATE] No such mailbox\r\nc OK Done\r\n")

    def test_too_big(self):
        """Too big is told instead of ``+``; sent anyway it ends the connection."""
        self.assertIn(b"NO [TOOBIG]", self.client.ask(b"APPEND Sent {100001}")[1])
        self.assertIn(b"OK", self.client.ask(b"NOOP")[1])
        said = self.client.say(b"a APPEND Sent {100001+}\r\nxxxx")
        self.assertIn(b"a NO [TOOBIG]", said)
        self.assertIn(b"* BYE", said)
        self.assertTrue(self.client.closed)

    def test_full(self):
        """A full account is told before the message is sent."""
        self.talk.world.full = True
        self.assertIn(b"NO [OVERQUOTA]", self.client.ask(b"APPEND Sent {5}")[1])
        said = self.client.say(b"a APPEND Sent {%d+}\r\n%b\r\n" % (len(MAIL), MAIL))
        self.assertIn(b"a NO [OVERQUOTA]", said)
        self.assertEqual(self.sent.mail, {})

    def test_nul(self):
        """NUL is refused, nothing is stored, and the session stays in step."""
        said = self.client.say(b"a APPEND Sent {5+}\r\na\0b\r\n\r\nb NOOP\r\n")
        self.assertIn(b"a NO", said)
        self.assertIn(b"b OK", said)
        self.assertEqual(self.sent.mail, {})
        self.assertEqual(self.talk.blobs.writers[0].state, "aborted")

    def test_empty(self):
        """An empty message is refused."""
        self.assertIn(b"NO", self.client.ask(b"APPEND Sent {0}")[1])
        self.assertIn(b"a NO", self.client.say(b"a APPEND Sent {0+}\r\n\r\n"))

    def test_bad_date(self):
        """A bad date is BAD and stores nothing; what was sent is passed over."""
        said = self.client.say(b'a APPEND Sent "1-1-2020" {6+}\r\nb NOOP\r\nc NOOP\r\n')
        self.assertIn(b"a BAD", said)
        self.assertNotIn(b"b OK", said)
        self.assertIn(b"c OK", said)

    def test_cut_off(self):
        """A connection that ends within the message leaves nothing."""
        self.client.say(b"a APPEND Sent {1000+}\r\nhalf")
        self.client.lose()
        self.assertEqual(self.talk.blobs.writers[0].state, "aborted")
        self.assertEqual(self.sent.mail, {})

    def test_second(self):
        """A second message in one command is BAD, and neither is stored."""
        said = self.client.say(b"a APPEND Sent {1+}\r\nx {1}\r\nb NOOP\r\n")
        self.assertIn(b"a BAD", said)
        self.assertIn(b"b OK", said)
        self.assertEqual(self.sent.mail, {})

    def test_not_logged_in(self):
        """Before login nothing of a message is taken."""
        client = self.talk.connect()
        self.assertIn(b"BAD", client.ask(b"APPEND Sent {70000}")[1])
        self.assertIn(b"* BYE", client.say(b"a APPEND Sent {70000+}\r\n"))
        self.assertEqual(self.talk.blobs.writers, [])

    def test_held(self):
        """While a message is being stored, what follows waits and is bounded."""
        from tests.support.imap_world import held

        self.talk.world.appending = held()
        self.client.say(b"a APPEND Sent {%d+}\r\n%b\r\n" % (len(MAIL), MAIL))
        self.client.say(b"b NOOP\r\n" * 40_000)
        self.assertEqual(self.client.transport.producerState, "paused")
        self.talk.world.appending.callback(None)
        said = b"".join([self.client.hear() for _ in range(10)])
        self.assertTrue(said.startswith(b"a OK"))
        self.assertEqual(said.count(b"b OK"), 40_000)
        self.assertEqual(self.client.transport.producerState, "producing")

    def test_together(self):
        """Messages of one pipeline are stored at the same time."""
        from tests.support.imap_world import held

        self.talk.world.appending = held()
        one = b"a%d APPEND Sent {%d+}\r\n%b\r\n"
        octets = b"".join([one % (n, len(MAIL), MAIL) for n in range(3)])
        self.assertEqual(self.client.say(octets + b"b NOOP\r\n"), b"")
        states = [writer.state for writer in self.talk.blobs.writers]
        self.assertEqual(states, ["closed"] * 3)
        self.talk.world.appending.callback(None)
        said = self.client.hear()
        self.assertEqual(
            [line[:2] for line in said.split(b"\r\n")[:-1]],
            [b"a0", b"a1", b"a2", b"b "],
        )

    def test_large_in_its_place(self):
        """One that takes longer waits for those before it, those behind it wait for it."""
        from tests.support.imap_world import held

        def whole():
            states = [writer.state for writer in self.talk.blobs.writers]
            return states.count("closed")

        world = self.talk.world
        one = b"a%d APPEND Sent {%d+}\r\n%b\r\n"
        mails = [MAIL, MAIL + b"x" * 70_000, MAIL]
        octets = b"".join([one % (n, len(m), m) for n, m in enumerate(mails)])
        world.appending = first = held()
        said = self.client.say(octets)
        self.assertEqual(whole(), 1)
        world.appending = second = held()
        first.callback(None)
        said += self.client.hear()
        self.assertEqual(whole(), 2)
        world.appending = None
        second.callback(None)
        said += self.client.hear()
        self.assertEqual(said.count(b" OK [APPENDUID"), 3)
        sizes = [len(mail.octets) for mail in self.sent.mail.values()]
        self.assertEqual(sizes, [len(mail) for mail in mails])

    def test_together_refused(self):
        """One that is refused among them is answered in its place."""
        one = b"a%d APPEND %b {%d+}\r\n%b\r\n"
        names = [b"Sent", b"no", b"Sent"]
        octets = [one % (n, box, len(MAIL), MAIL) for n, box in enumerate(names)]
        said = self.client.say(b"".join(octets) + b"b NOOP\r\n")
        self.assertEqual(
            [line[:5] for line in said.split(b"\r\n")[:-1]],
            [b"a0 OK", b"a1 NO", b"a2 OK", b"b OK "],
        )

    def test_lost_together(self):
        """A connection that ends while messages are stored ends quietly."""
        from tests.support.imap_world import held

        self.talk.world.appending = held()
        one = b"a APPEND Sent {%d+}\r\n%b\r\n" % (len(MAIL), MAIL)
        self.client.say(one * 3)
        self.client.lose()
        self.talk.world.appending.callback(None)
        self.assertEqual(self.talk.world.opened, 0)
