"""The ManageSieve door: each command of RFC 5804, its answers and its limits."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.protocol import UNSENT_OCTETS
from mailsuite.wire.managesieve import gathering
from tests.support.managesieve import OFFER, ROOM, Talk


class DoorTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk()

    def say(self, octets, answer):
        """Say it, and see how it ended."""
        said = self.talk.say(octets)
        self.assertTrue(said.endswith(answer + b"\r\n"), said)
        return said

    def test_greeting(self):
        """Capabilities come first, then OK (RFC 5804 §1.7)."""
        lines = self.talk.greeting.split(b"\r\n")
        self.assertIn(b'"SIEVE" "fileinto vacation"', lines)
        self.assertIn(b'"MAXREDIRECTS" "4"', lines)
        self.assertIn(b'"NOTIFY" "mailto"', lines)
        self.assertIn(b'"SASL" "PLAIN LOGIN"', lines)
        self.assertIn(b'"VERSION" "1.0"', lines)
        self.assertTrue(lines[-2].startswith(b"OK"))

    def test_without_tls(self):
        """Where passwords need TLS none are asked for, and none are taken."""
        self.talk = Talk(tls=True, plaintext_login=False)
        self.assertIn(b'"SASL" ""\r\n', self.talk.greeting)
        self.assertIn(b'"STARTTLS"\r\n', self.talk.greeting)
        self.assertTrue(self.talk.login().startswith(b"NO (ENCRYPT-NEEDED)"))

    def test_without_tls_at_all(self):
        """An empty list of mechanisms stands only beside STARTTLS (RFC 5804 §1.7)."""
        self.talk = Talk(plaintext_login=False)
        self.assertNotIn(b'"SASL"', self.talk.greeting)
        self.assertNotIn(b'"STARTTLS"', self.talk.greeting)
        self.say(b"STARTTLS\r\n", b'NO "TLS is not available now"')

    def test_capabilities(self):
        """Who is logged in is told as OWNER, and STARTTLS is offered no longer."""
        self.talk = Talk(tls=True)
        before = self.say(b"CAPABILITY\r\n", b"OK").split(b"\r\n")
        self.assertIn(b'"STARTTLS"', before)
        self.assertIn(b'"UNAUTHENTICATE"', before)
        self.assertFalse([line for line in before if line.startswith(b'"OWNER"')])
        self.talk.login()
        after = self.say(b"CAPABILITY\r\n", b"OK").split(b"\r\n")
        self.assertEqual(
            set(after) ^ set(before), {b'"STARTTLS"', b'"OWNER" "ann@example.test"'}
        )
        names = [line.split(b" ")[0] for line in after]
        self.assertEqual(len(names), len(set(names)))
        for line in (b"STARTTLS\r\n", b'AUTHENTICATE "PLAIN"\r\n'):
            self.say(line, b'NO "Not now"')
        self.say(b"UNAUTHENTICATE\r\n", b'OK "Nobody is logged in"')
        again = self.say(b"CAPABILITY\r\n", b"OK").split(b"\r\n")
        self.assertEqual(again, before)
        self.say(b"UNAUTHENTICATE\r\n", b'NO "Log in first"')

    def test_initial_response(self):
        """A mechanism in which the server speaks first takes none (RFC 5804 §2.1)."""
        said = self.talk.say(b'AUTHENTICATE "LOGIN" "YW5u"\r\n')
        self.assertEqual(said, b'NO "LOGIN takes no initial response"\r\n')
        self.say(b'authenticate "plain"\r\n', b'""')
        self.say(b'"*"\r\n', b'NO "Cancelled"')
        self.say(b'AUTHENTICATE "PLAIN"\r\n', b'""')
        self.say(b'"AGFubkBleGFtcGxlLnRlc3QAc2VjcmV0"\r\n', b'OK "Logged in"')

    def test_no_mechanism(self):
        """Unknown ones, no base64 and nonsense are NO, and twenty of them the end."""
        for line in (b'"GSSAPI"', b'"PLAIN" "eA"', b'"PLAIN" "eA=="', b'"PLAIN" "*"'):
            said = self.talk.say(b"AUTHENTICATE " + line + b"\r\n")
            self.assertTrue(said.startswith(b"NO "), said)
        said = self.talk.say(b'AUTHENTICATE "GSSAPI"\r\n' * 20)
        self.assertEqual(said.count(b"NO "), 16)
        self.assertTrue(said.endswith(b'BYE "Too many errors"\r\n'), said)

    def test_login(self):
        """PLAIN at once or after an empty challenge, LOGIN in two steps."""
        self.assertEqual(self.talk.login(), b'OK "Logged in"\r\n')
        self.assertIn(b'"OWNER" "ann@example.test"', self.talk.say(b"CAPABILITY\r\n"))
        self.say(b"UNAUTHENTICATE\r\n", b'OK "Nobody is logged in"')
        self.say(b'GETSCRIPT "a"\r\n', b'NO "Log in first"')
        self.say(b'AUTHENTICATE "LOGIN"\r\n', b'"VXNlcm5hbWU6"')
        self.say(b'"YW5uQGV4YW1wbGUudGVzdA=="\r\n', b'"UGFzc3dvcmQ6"')
        self.say(b"{8+}\r\nc2VjcmV0\r\n", b'OK "Logged in"')

    def test_wrong_passwords(self):
        """Three wrong ones end the connection; a busy checker does not."""
        later = b'AUTHENTICATE "PLAIN" "AGxhdGVyAHg="\r\n'
        self.say(later, b'NO (TRYLATER) "Try again later"')
        wrong = b'AUTHENTICATE "PLAIN" "AGFubgB4"\r\n'
        for _ in range(2):
            said = self.talk.say(wrong, 0.1)
            self.assertEqual(said, b'NO "Name or password is wrong"\r\n')
        self.assertTrue(
            self.talk.say(wrong, 0.1).endswith(b'BYE "Too many errors"\r\n')
        )
        self.assertTrue(self.talk.transport.disconnecting)

    def test_wrong_passwords_are_added_up(self):
        """UNAUTHENTICATE is no way to guess for longer."""
        wrong = b'AUTHENTICATE "PLAIN" "AGFubgB4"\r\n'
        for _ in range(2):
            self.assertTrue(self.talk.say(wrong, 0.1).startswith(b"NO"))
            self.talk.login()
            self.say(b"UNAUTHENTICATE\r\n", b'OK "Nobody is logged in"')
        said = self.talk.say(wrong, 0.1)
        self.assertTrue(said.endswith(b'BYE "Too many errors"\r\n'), said)

    def test_literal_without_end(self):
        """What no account may have ends with the code of its quota (§1.3)."""
        self.talk.login()
        said = self.talk.say(b'PUTSCRIPT "x" {4294967295+}\r\n')
        self.assertEqual(said, b'BYE (QUOTA/MAXSIZE) "Literal too long"\r\n')

    def test_scripts(self):
        """Put, list, activate, get, rename, remove."""
        self.talk.login()
        self.say(b'HAVESPACE "a" 10\r\n', b'OK "Done"')
        self.say(b'PUTSCRIPT "a" {6+}\r\nkeep;\n\r\n', b'OK "Done"')
        self.say(b'PUTSCRIPT "b" "hm"\r\n', b'OK (WARNINGS) "line 1: hm"')
        self.say(b'SETACTIVE "a"\r\n', b'OK "Done"')
        said = self.say(b"LISTSCRIPTS\r\n", b'OK "Done"')
        self.assertTrue(said.startswith(b'"a" ACTIVE\r\n"b"\r\n'))
        said = self.say(b'GETSCRIPT "a"\r\n', b'OK "Done"')
        self.assertTrue(said.startswith(b"{6}\r\nkeep;\n\r\n"))
        self.say(b'RENAMESCRIPT "b" "a"\r\n', b'already"')
        self.say(b'RENAMESCRIPT "b" "c"\r\n', b'OK "Done"')
        self.say(b'DELETESCRIPT "a"\r\n', b'none first"')
        self.say(b'SETACTIVE ""\r\n', b'OK "Done"')
        self.say(b'DELETESCRIPT "a"\r\n', b'OK "Done"')
        self.assertEqual(list(self.talk.scripts.kept), ["c"])

    def test_refusals(self):
        """Each obstacle has its code (RFC 5804 §1.3)."""
        self.talk.login()
        said = self.say(b'GETSCRIPT "x"\r\n', b'no such script"')
        self.assertTrue(said.startswith(b"NO (NONEXISTENT)"))
        said = self.say(b'CHECKSCRIPT "bad"\r\n', b'no command bad"')
        self.assertTrue(said.startswith(b'NO "line 1, column 1'))
        said = self.say(b'HAVESPACE "x" 1200\r\n', b'1000 octets"')
        self.assertTrue(said.startswith(b"NO (QUOTA/MAXSIZE)"))
        for number in range(ROOM):
            self.say(b'PUTSCRIPT "%d" "#"\r\n' % number, b'OK "Done"')
        said = self.say(b'PUTSCRIPT "x" "#"\r\n', b'3 scripts"')
        self.assertTrue(said.startswith(b"NO (QUOTA/MAXSCRIPTS)"))
        self.say(b'PUTSCRIPT "" "#"\r\n', b'NO "a script needs a name"')
        said = self.say(b'PUTSCRIPT "0" ""\r\n', b'remove it instead"')
        self.assertEqual(self.talk.scripts.kept["0"], b"#")

    def test_too_large(self):
        """A script that no account may have is over quota, before it is looked at."""
        self.talk.login()
        size = OFFER.octets + 1
        for line in (
            b'HAVESPACE "x" %d\r\n' % size,
            b'PUTSCRIPT "x" {%d+}\r\n' % size + b"b" * size + b"\r\n",
            b'PUTSCRIPT "x" {200000+}\r\n' + b"b" * 200_000 + b"\r\n",
        ):
            said = self.talk.say(line)
            self.assertTrue(said.startswith(b"NO (QUOTA/MAXSIZE)"), said)
        said = self.talk.say(b"CHECKSCRIPT {%d+}\r\n" % size + b"b" * size + b"\r\n")
        self.assertEqual(said, b'OK "Done"\r\n')
        self.assertEqual(self.talk.scripts.kept, {})

    def test_unforeseen(self):
        """A failure of ours is temporary, and the session goes on."""
        self.talk.login()
        self.talk.scripts.broken = True
        self.say(b'GETSCRIPT "x"\r\n', b'NO (TRYLATER) "Temporary failure"')
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.say(b"NOOP\r\n", b'OK "Done"')
        (failed,) = self.talk.events.of("managesieve.failed")
        self.assertEqual(failed.fields["command"], "GETSCRIPT")

    def test_noop(self):
        """NOOP gives its tag back (RFC 5804 §2.13)."""
        self.say(b"NOOP\r\n", b'OK "Done"')
        self.say(b'NOOP "a b"\r\n', b'OK (TAG "a b") "Done"')

    def test_pipelined(self):
        """Commands that come together are answered in order."""
        said = self.talk.say(b'NOOP "1"\r\nNOOP "2"\r\nLOGOUT\r\nNOOP "3"\r\n')
        self.assertEqual(said.count(b"OK"), 3)
        self.assertLess(said.index(b'"1"'), said.index(b'"2"'))
        self.assertNotIn(b'"3"', said)
        self.assertTrue(self.talk.transport.disconnecting)

    def test_nonsense(self):
        """Too many refused commands in a row end the session with BYE."""
        said = self.talk.say(b"FOO\r\n" * 30)
        self.assertEqual(said.count(b"NO "), 20)
        self.assertTrue(said.endswith(b'BYE "Too many errors"\r\n'))

    def test_endless_line(self):
        """A line without end is answered with BYE, and nothing is kept."""
        said = self.talk.say(b"x" * 100_000)
        self.assertEqual(said, b'BYE "Line too long"\r\n')

    def test_silence(self):
        """Who does not log in is told so, and let go."""
        self.talk.clock.advance(61)
        self.assertTrue(self.talk.heard().startswith(b"BYE"))
        self.assertTrue(self.talk.transport.disconnecting)

    def test_silence_after_unauthenticate(self):
        """Who is nobody again has as long to log in as a stranger."""
        self.talk.login()
        self.talk.clock.advance(100)
        self.say(b"UNAUTHENTICATE\r\n", b'OK "Nobody is logged in"')
        self.assertEqual(self.talk.login(), b'OK "Logged in"\r\n')
        self.talk.clock.advance(100)
        self.say(b"UNAUTHENTICATE\r\n", b'OK "Nobody is logged in"')
        self.talk.clock.advance(61)
        self.assertTrue(self.talk.heard().startswith(b"BYE"))

    def test_silence_within_a_login(self):
        """BYE is the last word, whatever the directory says later."""
        self.talk.directory.hold = Deferred()
        self.talk.login()
        self.talk.clock.advance(61)
        self.assertTrue(self.talk.heard().startswith(b"BYE"))
        self.talk.directory.hold.callback(None)
        self.talk.clock.advance(1)
        self.assertEqual(self.talk.heard(), b"")
        self.assertEqual(self.talk.events.of("managesieve.login"), [])

    def test_silence_after_login(self):
        """Half an hour is allowed (RFC 5804 §1.2), and NOOP begins it anew."""
        self.talk.login()
        self.talk.clock.advance(1_700)
        self.say(b"NOOP\r\n", b'OK "Done"')
        self.talk.clock.advance(1_700)
        self.assertEqual(self.talk.heard(), b"")
        self.talk.clock.advance(200)
        self.assertTrue(self.talk.heard().startswith(b"BYE"))

    def test_never_reads(self):
        """Who does not read is not answered, and not read, without end."""
        self.talk.login()
        self.talk.scripts.kept["a"] = b"#" * 1_000
        self.talk.door.pauseProducing()
        flood = b'GETSCRIPT "a"\r\n' * 5_000
        sent = 0
        while self.talk.transport.producerState != "paused" and sent < 5_000_000:
            self.talk.door.dataReceived(flood)
            self.talk.clock.advance(0.01)
            sent += len(flood)
        bound = gathering.HELD_OCTETS + 2 * len(flood)
        self.assertLess(sent, bound)
        self.assertLess(len(self.talk.heard()), UNSENT_OCTETS)
        self.talk.door.resumeProducing()
        self.talk.say(b"", 0.1)
        self.assertEqual(self.talk.transport.producerState, "producing")

    def test_drained_while_full(self):
        """A literal that is read over does not leave the connection unread."""
        self.talk.login()
        self.talk.scripts.hold = Deferred()
        self.talk.door.dataReceived(b'GETSCRIPT "a"\r\nNOOP {4000000+}\r\n')
        self.talk.door.dataReceived(b"x" * 300_000)
        self.assertEqual(self.talk.transport.producerState, "paused")
        self.talk.scripts.hold.callback(None)
        self.talk.clock.advance(1)
        self.assertEqual(self.talk.transport.producerState, "producing")
        said = self.talk.say(b"x" * 3_700_000 + b"\r\nNOOP\r\n")
        self.assertTrue(said.endswith(b'NO "Too large"\r\nOK "Done"\r\n'), said)

    @given(st.binary(max_size=400))
    def test_any_octets(self, octets):
        """Any octets are answered with lines of the protocol."""
        talk = Talk()
        talk.login()
        said = talk.say(octets + b"\r\n", 0.01)
        if said:
            self.assertRegex(said.split(b"\r\n")[-2], b"^(OK|NO|BYE)|^$")
        self.assertEqual(talk.events.of("managesieve.failed"), [])

    def test_stop(self):
        """A stopping server says BYE."""
        self.talk.door.leave()
        self.assertEqual(self.talk.heard(), b'BYE "The server is shutting down"\r\n')

    def test_lost(self):
        """A lost connection is an event, and leaves no timer."""
        self.talk.login()
        self.talk.door.connectionLost()
        self.assertEqual(len(self.talk.events.of("managesieve.closed")), 1)
        self.assertEqual(self.talk.clock.getDelayedCalls(), [])
