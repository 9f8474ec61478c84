"""Who may log in, how, how often, and how connections end."""

import base64

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap_world import Talk


def plain(name, secret):
    return base64.b64encode(b"\0" + name + b"\0" + secret)


class LoginTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk()
        self.client = self.talk.connect()

    def test_greeting(self):
        """The greeting names IMAP4rev1 first, and what can be done now."""
        self.assertIn(b"* OK [CAPABILITY IMAP4rev1 ", self.client.greeting)
        self.assertIn(b" AUTH=PLAIN AUTH=LOGIN]", self.client.greeting)

    def test_login_disabled(self):
        """Where plaintext is not allowed, no password is looked at."""
        client = Talk(plaintext_login=False).connect()
        self.assertIn(b"LOGINDISABLED", client.greeting)
        self.assertNotIn(b"AUTH=", client.greeting)
        for command in (b"LOGIN mrose secret", b"AUTHENTICATE PLAIN"):
            self.assertIn(b"[PRIVACYREQUIRED]", client.ask(command)[1])

    def test_wrong(self):
        """A wrong password and an unknown user look the same."""
        first = self.client.ask(b"LOGIN mrose wrong")
        self.assertEqual(first, self.client.ask(b"LOGIN nobody secret"))
        self.assertIn(b"NO [AUTHENTICATIONFAILED]", first[1])

    def test_three(self):
        """The third wrong password ends the connection."""
        for _ in range(2):
            self.client.ask(b"LOGIN mrose wrong")
        said = self.client.say(b"a LOGIN mrose wrong\r\nb NOOP\r\n")
        self.assertIn(b"* BYE", said)
        self.assertNotIn(b"b OK", said)
        self.assertTrue(self.client.closed)

    def test_delay(self):
        """After failures an attempt waits, whatever is pipelined behind it."""
        talk = Talk(login_attempts=10)
        for _ in range(4):
            talk.connect().say(b"a LOGIN mrose wrong\r\n")
            talk.clock.advance(2)
        client = talk.connect()
        self.assertEqual(client.say(b"a LOGIN mrose secret\r\nb NOOP\r\n"), b"")
        said = client.hear(30)
        self.assertLess(said.index(b"a OK"), said.index(b"b OK"))

    def test_temporary(self):
        """A directory that cannot tell is not a wrong password."""
        self.talk.world.temporary = True
        self.assertIn(b"NO [UNAVAILABLE]", self.client.ask(b"LOGIN mrose secret")[1])
        self.assertEqual(self.client.door._talk.failures, 0)

    def test_plain(self):
        """AUTHENTICATE PLAIN with a challenge."""
        self.assertEqual(self.client.say(b"a AUTHENTICATE PLAIN\r\n"), b"+ \r\n")
        said = self.client.say(plain(b"mrose", b"secret") + b"\r\n")
        self.assertIn(b"a OK [CAPABILITY", said)

    def test_initial(self):
        """AUTHENTICATE PLAIN with an initial response (RFC 4959)."""
        said = self.client.ask(b"authenticate plain " + plain(b"mrose", b"secret"))
        self.assertIn(b"OK [CAPABILITY", said[1])

    def test_auth_login(self):
        """AUTHENTICATE LOGIN, as Outlook does it."""
        self.client.say(b"a AUTHENTICATE LOGIN\r\n")
        self.client.say(base64.b64encode(b"mrose") + b"\r\n")
        said = self.client.say(base64.b64encode(b"secret") + b"\r\nb NOOP\r\n")
        self.assertIn(b"a OK", said)
        self.assertIn(b"b OK", said)

    def test_cancel(self):
        """``*`` gives an exchange up; commands go on."""
        self.client.say(b"a AUTHENTICATE PLAIN\r\n")
        self.assertIn(b"a BAD", self.client.say(b"*\r\n"))
        self.assertEqual(self.client.ask(b"NOOP")[1], b"OK Done")

    def test_malformed(self):
        """What is no base64 or no response is BAD, and no login."""
        self.client.say(b"a AUTHENTICATE PLAIN\r\n")
        self.assertIn(b"a BAD", self.client.say(b"!!!\r\n"))
        self.assertIn(b"BAD", self.client.ask(b"AUTHENTICATE PLAIN AAAA")[1])
        self.assertIn(b"NO", self.client.ask(b"AUTHENTICATE FOO")[1])
        self.assertIn(b"BAD", self.client.ask(b"SELECT INBOX")[1])

    def test_for_another(self):
        """Who would act for another is NO with its own code (RFC 5530 §3)."""
        proof = base64.b64encode(b"tim\0mrose\0secret")
        answer = self.client.ask(b"AUTHENTICATE PLAIN " + proof)[1]
        self.assertTrue(answer.startswith(b"NO [AUTHORIZATIONFAILED]"), answer)
        self.assertIn(b"BAD", self.client.ask(b"SELECT INBOX")[1])

    def test_format(self):
        """Names with variables and formats are only names (CVE-2017-2669)."""
        for name in (b"%u", b"${HOME}", b"{0}", b"%s%s%n"):
            answer = Talk().connect().ask(b'LOGIN "' + name + b'" secret')[1]
            self.assertIn(b"AUTHENTICATIONFAILED", answer)

    def test_too_long(self):
        """Names and passwords longer than any are not looked at (CWE-407)."""
        for name, secret in ((320, 1_024), (321, 1), (1, 1_025), (30_000, 30_000)):
            sizes = (name, b"x" * name, secret, b"x" * secret)
            said = Talk().connect().say(b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % sizes)
            fits = name <= 320 and secret <= 1_024
            self.assertIn(b"a NO" if fits else b"a BAD", said)

    def test_too_late(self):
        """Who does not log in is sent away, however busy."""
        for _ in range(7):
            self.client.hear(9)
            self.client.say(b"a NOOP\r\n")
        self.assertTrue(self.client.closed)

    def test_idle_timeout(self):
        """Half an hour of silence is allowed, not much more."""
        self.client.ask(b"LOGIN mrose secret")
        self.client.hear(1800)
        self.assertFalse(self.client.closed)
        self.assertIn(b"* BYE", self.client.hear(400))
        self.assertTrue(self.client.closed)

    def test_answer_not_read(self):
        """To run a long command is no silence; not to read its answer is."""
        self.client.ask(b"LOGIN mrose secret")
        self.client.door.pauseProducing()
        self.client.say(b"a NOOP\r\n")
        self.client.hear(2200)
        self.assertTrue(self.client.closed)

    def test_bad_commands(self):
        """Too many bad commands end the connection."""
        said = self.client.say(b"garbage\r\n" * 30)
        self.assertEqual(said.count(b"BAD"), 20)
        self.assertIn(b"* BYE", said)
        self.assertTrue(self.client.closed)

    def test_bad_in_a_row(self):
        """Who logged in and is mostly right may be wrong more often."""
        self.client.ask(b"LOGIN mrose secret")
        said = self.client.say((b"a FOO\r\n" * 19 + b"b NOOP\r\n") * 3)
        self.assertEqual(said.count(b"a BAD"), 57)
        self.assertFalse(self.client.closed)
        self.assertIn(b"* BYE", self.client.say(b"a FOO\r\n" * 30))

    def test_logout(self):
        """LOGOUT says BYE and OK, and nothing behind it runs."""
        said = self.client.say(b"a LOGOUT\r\nb NOOP\r\n")
        self.assertEqual(said, b"* BYE Logging out\r\na OK Done\r\n")
        self.assertTrue(self.client.closed)

    def test_closed(self):
        """However a session ends, its account is given back."""
        self.client.ask(b"LOGIN mrose secret")
        self.assertEqual(
            (self.talk.world.opened, len(self.talk.world.watchers)), (1, 1)
        )
        self.client.lose()
        self.assertEqual(
            (self.talk.world.opened, len(self.talk.world.watchers)), (0, 0)
        )

    def test_events(self):
        """Logins and failures are events, and none holds a secret."""
        self.client.ask(b"LOGIN mrose hunter2")
        self.client.ask(b"LOGIN mrose secret")
        self.client.lose()
        names = [event.name for event in self.talk.events.seen]
        self.assertEqual(
            names,
            [
                "imap.connected",
                "auth.failed",
                "auth.succeeded",
                "imap.login",
                "imap.closed",
            ],
        )
        self.assertNotIn("hunter2", repr(self.talk.events.seen))

    def test_unforeseen(self):
        """What was not foreseen is NO [SERVERBUG], logged, and not told."""
        self.client.ask(b"LOGIN mrose secret")
        self.talk.world.broken = ZeroDivisionError("inner part")
        _, answer = self.client.ask(b"SELECT INBOX")
        self.assertIn(b"NO [SERVERBUG]", answer)
        self.assertNotIn(b"inner", answer)
        self.talk.world.broken = None
        self.assertIn(b"OK", self.client.ask(b"SELECT INBOX")[1])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_order(self):
        """A command that waits holds up all that was pipelined behind it."""
        self.client.ask(b"LOGIN mrose secret")
        box = self.talk.world.box("INBOX")
        box.add(b"Subject: x\r\n\r\ny")
        self.client.ask(b"SELECT INBOX")
        box.hold = Deferred()
        said = self.client.say(b"a FETCH 1 BODY.PEEK[]\r\nb NOOP\r\nc LOGOUT\r\n")
        self.assertEqual(said, b"")
        box.hold.callback(None)
        said = self.client.hear()
        places = [said.index(word) for word in (b"a OK", b"b OK", b"c OK")]
        self.assertEqual(places, sorted(places))

    def test_lost_within(self):
        """A connection that ends inside a command ends quietly."""
        self.client.ask(b"LOGIN mrose secret")
        box = self.talk.world.box("INBOX")
        box.add(b"Subject: x\r\n\r\ny")
        self.client.ask(b"SELECT INBOX")
        box.hold = Deferred()
        self.client.say(b"a FETCH 1 BODY.PEEK[]\r\n")
        self.client.lose()
        self.assertEqual(self.talk.world.opened, 0)
        self.assertEqual(len(self.client.door.tasks), 0)
