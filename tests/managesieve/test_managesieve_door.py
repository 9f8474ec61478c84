"""The ManageSieve door: each command of RFC 5804, its answers and its limits."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.managesieve import ROOM, Talk


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
        self.talk = Talk(plaintext_login=False)
        self.assertIn(b'"SASL" ""\r\n', self.talk.greeting)
        self.assertTrue(self.talk.login().startswith(b"NO (ENCRYPT-NEEDED)"))

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
        said = self.say(b'HAVESPACE "x" 5000\r\n', b'1000 octets"')
        self.assertTrue(said.startswith(b"NO (QUOTA/MAXSIZE)"))
        for number in range(ROOM):
            self.say(b'PUTSCRIPT "%d" ""\r\n' % number, b'OK "Done"')
        said = self.say(b'PUTSCRIPT "x" ""\r\n', b'3 scripts"')
        self.assertTrue(said.startswith(b"NO (QUOTA/MAXSCRIPTS)"))
        self.say(b'PUTSCRIPT "" ""\r\n', b'NO "a script needs a name"')

    def test_unforeseen(self):
        """A failure of ours is temporary, and the session goes on."""
        self.talk.login()
        self.talk.scripts.broken = True
        self.say(b'GETSCRIPT "x"\r\n', b'NO (TRYLATER) "Temporary failure"')
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.say(b"NOOP\r\n", b'OK "Done"')

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
