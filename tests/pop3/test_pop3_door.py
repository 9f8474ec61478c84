"""The POP3 door: what a client sees, and what stays in the mailbox."""

import base64
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.talking import COMMANDS_PER_TURN
from mailsuite.pop3.door import HELD_OCTETS as DOOR_OCTETS
from mailsuite.pop3.transaction import LISTED_ROWS
from mailsuite.wire.pop3.session import HELD_OCTETS
from tests.support.pop3 import Talk

ONE = b"Subject: one\r\n\r\nfirst\r\n.dot\r\n"
TWO = b"Subject: two\r\n\r\n" + b"line\r\n" * 3
MAIL = (ONE, TWO)
PLAIN = base64.b64encode(b"\0mrose\0secret")
TRANSCRIPTS = Path(__file__).parent.parent / "transcripts" / "pop3"


class LoginTests(SynchronousTestCase):
    def test_user_pass(self):
        """USER and PASS open the maildrop."""
        talk = Talk(MAIL)
        self.assertEqual(talk.login(), b"+OK 2 messages (63 octets)")
        self.assertEqual(talk.events.of("pop3.login")[0].fields["user"], "mrose")

    def test_plain_with_initial_response(self):
        """AUTH PLAIN takes its response on the same line (RFC 5034 §4)."""
        self.assertIn(
            b"+OK 2 messages", Talk(MAIL).say(b"AUTH PLAIN " + PLAIN + b"\r\n")
        )

    def test_plain_in_two_steps(self):
        """Without it the server asks with an empty challenge."""
        talk = Talk(MAIL)
        self.assertEqual(talk.say(b"AUTH PLAIN\r\n"), b"+ \r\n")
        self.assertIn(b"+OK 2 messages", talk.say(PLAIN + b"\r\n"))

    def test_login_mechanism(self):
        """AUTH LOGIN asks for the name and then for the password."""
        talk = Talk(MAIL)
        self.assertEqual(talk.say(b"AUTH LOGIN\r\n"), b"+ VXNlcm5hbWU6\r\n")
        name = base64.b64encode(b"mrose") + b"\r\n"
        self.assertEqual(talk.say(name), b"+ UGFzc3dvcmQ6\r\n")
        self.assertIn(b"+OK", talk.say(base64.b64encode(b"secret") + b"\r\n"))

    def test_cancel(self):
        """An asterisk ends the exchange, and another login may follow."""
        talk = Talk(MAIL)
        talk.say(b"AUTH PLAIN\r\n")
        self.assertIn(b"-ERR", talk.say(b"*\r\n"))
        self.assertIn(b"+OK 2", talk.login())

    def test_bad_exchange(self):
        """A malformed response is refused and asks the directory nothing."""
        talk = Talk(MAIL)
        self.assertIn(b"-ERR", talk.say(b"AUTH PLAIN AAAA\r\n"))
        self.assertIn(b"-ERR", talk.say(b"AUTH NOSUCH\r\n"))
        self.assertEqual(talk.world.asked, [])

    def test_wrong(self):
        """A wrong password is told with [AUTH], the same for any name."""
        talk = Talk(MAIL)
        first = talk.say(b"USER mrose\r\nPASS no\r\n")
        self.assertIn(b"-ERR [AUTH] ", first)
        self.assertEqual(talk.say(b"USER nobody\r\nPASS no\r\n"), first)
        self.assertEqual(len(talk.events.of("auth.failed")), 2)

    def test_attempts(self):
        """After three failures the connection is closed; failures cost time."""
        talk = Talk(MAIL)
        for _ in range(3):
            talk.say(b"USER mrose\r\nPASS no\r\n")
        self.assertTrue(talk.transport.disconnecting)
        talk.connect()
        self.assertEqual(talk.say(b"USER mrose\r\nPASS secret\r\n").count(b"\r\n"), 1)
        talk.clock.advance(10)
        self.assertIn(b"+OK 2 messages", talk.taken())

    def test_temporary(self):
        """A directory that cannot tell is [SYS/TEMP] and no failure (RFC 3206)."""
        talk = Talk(MAIL)
        talk.world.temporary = True
        self.assertIn(b"-ERR [SYS/TEMP] ", talk.say(b"AUTH PLAIN " + PLAIN + b"\r\n"))
        talk.world.temporary = False
        self.assertIn(b"+OK 2", talk.login())

    def test_plaintext_is_refused(self):
        """Without TLS no password is taken, and CAPA offers neither USER nor SASL."""
        talk = Talk(MAIL, plaintext_login=False)
        self.assertIn(b"-ERR", talk.say(b"USER mrose\r\n"))
        self.assertIn(b"-ERR", talk.say(b"AUTH PLAIN " + PLAIN + b"\r\n"))
        self.assertEqual(talk.world.asked, [])
        capabilities = talk.say(b"CAPA\r\n")
        self.assertNotIn(b"SASL", capabilities)
        self.assertNotIn(b"USER", capabilities)

    def test_in_use(self):
        """A second session is told [IN-USE] until the first has ended."""
        talk = Talk(MAIL)
        talk.login()
        first = talk.door
        talk.connect()
        self.assertIn(b"-ERR [IN-USE] ", talk.login())
        second, talk.door = talk.door, first
        talk.lost()
        talk.door = second
        self.assertIn(b"+OK 2", talk.login())
        self.assertEqual(talk.world.open_accounts, 1)

    def test_shared(self):
        """Where exclusive is off, sessions share the maildrop."""
        talk = Talk(MAIL, exclusive=False)
        talk.login()
        talk.connect()
        self.assertIn(b"+OK 2", talk.login())

    def test_login_time(self):
        """Who does not log in in time is cut off, whatever it says meanwhile."""
        talk = Talk(MAIL, login_seconds=60)
        for _ in range(6):
            talk.say(b"CAPA\r\n")
            talk.clock.advance(11)
        self.assertTrue(talk.transport.disconnecting)


class TransactionTests(SynchronousTestCase):
    def setUp(self):
        self.talk = Talk(MAIL)
        self.talk.login()
        self.say = self.talk.say

    def test_stat_and_lists(self):
        """STAT, LIST and UIDL agree; sizes are octets with CRLF."""
        self.assertEqual(self.say(b"STAT\r\n"), b"+OK 2 63\r\n")
        self.assertEqual(
            self.say(b"LIST\r\n"),
            b"+OK 2 messages (63 octets)\r\n1 29\r\n2 34\r\n.\r\n",
        )
        self.assertEqual(self.say(b"LIST 2\r\n"), b"+OK 2 34\r\n")
        self.assertTrue(
            self.say(b"UIDL\r\n").endswith(b"\r\n1 777.11\r\n2 777.12\r\n.\r\n")
        )
        self.assertEqual(self.say(b"UIDL 1\r\n"), b"+OK 1 777.11\r\n")

    def test_retr(self):
        """RETR sends the message with its dots doubled, and closes the file."""
        self.assertEqual(
            self.say(b"RETR 1\r\n"),
            b"+OK 29 octets\r\nSubject: one\r\n\r\nfirst\r\n..dot\r\n.\r\n",
        )
        self.assertTrue(self.talk.world.inbox.opened[0].closed)

    def test_top(self):
        """TOP sends the header and so many lines."""
        self.assertTrue(
            self.say(b"TOP 2 1\r\n").endswith(b"\r\nSubject: two\r\n\r\nline\r\n.\r\n")
        )

    def test_numbers(self):
        """Numbers that name no message are refused everywhere."""
        for line in (b"RETR 0", b"RETR 3", b"DELE 999999999", b"LIST 3", b"TOP 9 1"):
            self.assertTrue(self.say(line + b"\r\n").startswith(b"-ERR"), line)

    def test_next_is_ready(self):
        """Who goes through messages one by one gets what is there, marked or not."""
        talk = Talk([b"1\r\n", b".2\r\n", b"\r\n3\r\n4\r\n"])
        talk.world.inbox.near = {11, 12, 13}
        talk.login()
        self.assertEqual(talk.say(b"RETR 1\r\n"), b"+OK 3 octets\r\n1\r\n.\r\n")
        self.assertEqual(len(talk.world.inbox.opened), 2)
        self.assertEqual(talk.say(b"RETR 2\r\n"), b"+OK 4 octets\r\n..2\r\n.\r\n")
        self.assertEqual(talk.say(b"TOP 3 1\r\n"), b"+OK 8 octets\r\n\r\n3\r\n.\r\n")
        talk.say(b"RETR 1\r\nDELE 2\r\n")
        self.assertTrue(talk.say(b"RETR 2\r\n").startswith(b"-ERR"))
        self.assertTrue(all(text.closed for text in talk.world.inbox.opened))

    def test_dele(self):
        """A marked message is gone from every answer, but not from the mailbox."""
        self.assertTrue(self.say(b"DELE 1\r\n").startswith(b"+OK"))
        for line in (b"DELE 1", b"RETR 1", b"LIST 1", b"UIDL 1", b"TOP 1 0"):
            self.assertTrue(self.say(line + b"\r\n").startswith(b"-ERR"), line)
        self.assertEqual(self.say(b"STAT\r\n"), b"+OK 1 34\r\n")
        self.assertTrue(self.say(b"LIST\r\n").endswith(b"\r\n2 34\r\n.\r\n"))
        self.assertIn(11, self.talk.world.inbox.mail)

    def test_rset(self):
        """RSET takes all marks back."""
        self.say(b"DELE 1\r\nDELE 2\r\nRSET\r\n")
        self.assertEqual(self.say(b"STAT\r\n"), b"+OK 2 63\r\n")

    def test_quit_removes(self):
        """QUIT removes what is marked, then the server hangs up."""
        answer = self.say(b"DELE 1\r\nQUIT\r\nNOOP\r\n")
        self.assertEqual(answer.count(b"+OK"), 2)
        self.assertEqual(list(self.talk.world.inbox.mail), [12])
        self.assertTrue(self.talk.transport.disconnecting)
        self.talk.lost()
        closed = self.talk.events.of("pop3.closed")[0].fields
        self.assertEqual((closed["deleted"], closed["reason"]), (1, "quit"))

    def test_quit_fails(self):
        """A QUIT that cannot remove says so and hangs up (RFC 1939 §6)."""
        self.talk.world.inbox.broken = True
        self.assertIn(b"-ERR [SYS/TEMP] ", self.say(b"DELE 1\r\nQUIT\r\n"))
        self.assertTrue(self.talk.transport.disconnecting)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_cut_keeps_mail(self):
        """A connection that breaks removes nothing."""
        self.say(b"DELE 1\r\nDELE 2\r\n")
        self.talk.lost()
        self.assertEqual(len(self.talk.world.inbox.mail), 2)
        self.assertEqual(self.talk.world.open_accounts, 0)

    def test_timeout_keeps_mail(self):
        """A session that went quiet is closed and removes nothing."""
        self.say(b"DELE 1\r\n")
        self.talk.clock.advance(601)
        self.assertTrue(self.talk.transport.disconnecting)
        self.assertEqual(len(self.talk.world.inbox.mail), 2)

    def test_gone_message(self):
        """A message that IMAP removed meanwhile is refused; QUIT still succeeds."""
        self.talk.world.inbox.mail.pop(11)
        self.assertTrue(self.say(b"RETR 1\r\n").startswith(b"-ERR"))
        self.assertTrue(self.say(b"DELE 1\r\nQUIT\r\n").endswith(b"+OK Goodbye\r\n"))

    def test_damaged_message(self):
        """A message that cannot be read is refused alone; the others are served."""
        self.talk.world.inbox.damaged.add(11)
        self.assertTrue(self.say(b"RETR 1\r\n").startswith(b"-ERR [SYS/PERM] "))
        self.assertTrue(self.say(b"RETR 2\r\n").startswith(b"+OK"))

    def test_unforeseen(self):
        """What nobody foresaw is a temporary refusal, logged once."""
        hold = self.talk.hold()
        self.say(b"RETR 1\r\n")
        hold.errback(RuntimeError("surprise"))
        self.assertIn(b"-ERR [SYS/TEMP] ", self.say(b""))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(len(self.talk.events.of("pop3.failed")), 1)

    def test_cut_while_reading(self):
        """A connection that ends during a command leaves no task and no lock."""
        self.talk.hold()
        self.say(b"RETR 1\r\n")
        self.talk.lost()
        self.assertEqual(len(self.talk.door.tasks), 0)
        self.assertEqual(self.talk.world.open_accounts, 0)
        self.talk.world.inbox.hold = None
        self.talk.connect()
        self.assertIn(b"+OK 2", self.talk.login())


class PipeliningTests(SynchronousTestCase):
    def test_order(self):
        """Pipelined commands are answered in order, also while one waits."""
        talk = Talk(MAIL)
        talk.login()
        hold = talk.hold()
        self.assertEqual(talk.say(b"RETR 1\r\nSTAT\r\nNOOP\r\n"), b"")
        talk.world.inbox.hold = None
        hold.callback(None)
        self.assertTrue(talk.say(b"").endswith(b".\r\n+OK 2 63\r\n+OK\r\n"))

    def test_one_write(self):
        """Answers to what came together leave together."""
        talk = Talk(MAIL)
        talk.login()
        writes = []
        self.patch(talk.transport, "write", writes.append)
        talk.say(b"STAT\r\nNOOP\r\nQUIT\r\n")
        self.assertEqual(writes, [b"+OK 2 63\r\n+OK\r\n", b"+OK Goodbye\r\n"])

    def test_errors_between(self):
        """What is refused in the middle is answered in its place."""
        talk = Talk([b"1\r\n", b"2\r\n", b"3\r\n"])
        talk.world.inbox.near = {13}
        talk.world.inbox.damaged.add(12)
        talk.login()
        answer = talk.say(b"RETR 1\r\nRETR 2\r\nFOO\r\nRETR 3\r\nRETR 4\r\nQUIT\r\n")
        words = [line.split(b" ")[0] for line in answer.split(b"\r\n")]
        ok = [b"+OK", b"1", b".", b"-ERR", b"-ERR", b"+OK", b"3", b".", b"-ERR", b"+OK"]
        self.assertEqual(words, [*ok, b""])
        self.assertTrue(talk.transport.disconnecting)

    def test_large_answers(self):
        """Of a long pipeline no more is held back than a bound."""
        talk = Talk([b"x" * 30_000 + b"\r\n"] * 20)
        talk.login()
        writes = []
        self.patch(talk.transport, "write", writes.append)
        talk.say(b"".join(b"RETR %d\r\n" % n for n in range(1, 21)))
        self.assertEqual(b"".join(writes).count(b"+OK 30002 octets\r\n"), 20)
        self.assertLess(max(map(len, writes)), DOOR_OCTETS + 31_000)

    def test_flood_pauses_reading(self):
        """Reading stops while too much waits, and goes on after."""
        talk = Talk(MAIL)
        talk.login()
        hold = talk.hold()
        noops = HELD_OCTETS // 6 + 100
        talk.say(b"RETR 1\r\n" + b"NOOP\r\n" * noops)
        self.assertEqual(talk.transport.producerState, "paused")
        talk.world.inbox.hold = None
        hold.callback(None)
        self.assertEqual(talk.say(b"").count(b"+OK\r\n"), noops)
        self.assertEqual(talk.transport.producerState, "producing")

    def test_turns(self):
        """A long pipeline leaves the reactor to others now and then."""
        talk = Talk(MAIL)
        talk.login()
        talk.door.dataReceived(b"NOOP\r\n" * (COMMANDS_PER_TURN + 1))
        self.assertEqual(talk.taken().count(b"+OK"), COMMANDS_PER_TURN)
        talk.clock.advance(0)
        self.assertEqual(talk.taken().count(b"+OK"), 1)

    def test_slow_reader(self):
        """While the peer is behind, no further block is read for it."""
        talk = Talk([b"x" * 76 + b"\r\n"] * 3)
        talk.login()
        talk.door.pauseProducing()
        self.assertEqual(talk.say(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n").count(b"+OK"), 1)
        talk.door.resumeProducing()
        self.assertEqual(talk.say(b"").count(b"+OK"), 2)

    def test_long_listing(self):
        """A long LIST is made in pieces and is complete."""
        talk = Talk([b"x"] * (LISTED_ROWS * 2 + 1))
        talk.login()
        lines = talk.say(b"LIST\r\n").split(b"\r\n")
        self.assertEqual(len(lines), LISTED_ROWS * 2 + 1 + 3)

    def test_bad_commands(self):
        """Somebody who speaks no POP3 is cut off."""
        talk = Talk(MAIL, bad_commands=5)
        answer = talk.say(b"GET / HTTP/1.1\r\n" * 9)
        self.assertEqual(answer.count(b"-ERR"), 5)
        self.assertTrue(talk.transport.disconnecting)

    def test_again(self):
        """Whom QUIT answered logs in again at once, however slowly TLS ends."""
        talk = Talk(MAIL)
        talk.login()
        self.assertIn(b"+OK", talk.say(b"QUIT\r\n"))
        first = talk.door
        talk.connect()
        self.assertTrue(talk.login().startswith(b"+OK"))
        talk.door, second = first, talk.door
        talk.lost()
        talk.door = second
        talk.connect()
        self.assertIn(b"[IN-USE]", talk.login())

    def test_bad_in_a_row(self):
        """Who logged in and is mostly right may be wrong more often."""
        talk = Talk(MAIL, bad_commands=5)
        talk.login()
        answer = talk.say((b"FOO\r\n" * 4 + b"NOOP\r\n") * 3)
        self.assertEqual(answer.count(b"-ERR"), 12)
        self.assertFalse(talk.transport.disconnecting)
        talk.say(b"FOO\r\n" * 9)
        self.assertTrue(talk.transport.disconnecting)

    def test_endless_line(self):
        """A line without end is refused once and the connection closed."""
        talk = Talk(MAIL)
        for _ in range(20):
            talk.door.dataReceived(b"x" * 4096)
        self.assertEqual(talk.taken().count(b"-ERR"), 1)
        self.assertTrue(talk.transport.disconnecting)


class LeaveTests(SynchronousTestCase):
    def test_idle(self):
        """At a stop an idle session ends at once, without removing anything."""
        talk = Talk(MAIL)
        talk.login()
        talk.say(b"DELE 1\r\n")
        talk.door.leave()
        self.assertTrue(talk.transport.disconnecting)
        self.assertEqual(len(talk.world.inbox.mail), 2)

    def test_busy(self):
        """A command in hand is answered first, what is behind it is not run."""
        talk = Talk(MAIL)
        talk.login()
        hold = talk.hold()
        talk.say(b"RETR 1\r\nNOOP\r\n")
        talk.door.leave()
        self.assertFalse(talk.transport.disconnecting)
        hold.callback(None)
        self.assertTrue(talk.say(b"").endswith(b"\r\n.\r\n"))
        self.assertTrue(talk.transport.disconnecting)


class TranscriptTests(SynchronousTestCase):
    """RFC 1939 §10 and others, as lines of a client and a server."""

    def script(self, name):
        text = (TRANSCRIPTS / name).read_text("utf-8")
        lines = [line for line in text.splitlines() if line[:2] in {"C:", "S:"}]
        return [(line[0], line[3:].encode()) for line in lines]

    def run_script(self, name, cuts):
        script = self.script(name)
        talk = Talk([b"x" * 118 + b"\r\n", b"y" * 198 + b"\r\n"])
        said = b"".join(line + b"\r\n" for who, line in script if who == "C")
        wanted = [line for who, line in script if who == "S"]
        talk.transport.clear()
        answer, at = b"+OK POP3 server ready\r\n", 0
        for end in [*cuts(len(said)), len(said)]:
            if not talk.transport.disconnecting:
                answer += talk.say(said[at:end])
            at = max(at, end)
        self.assertEqual(answer.split(b"\r\n"), [*wanted, b""])

    def each(self, cuts):
        for path in sorted(TRANSCRIPTS.glob("*.txt")):
            self.run_script(path.name, cuts)

    def test_whole(self):
        """All pipelined at once."""
        self.each(lambda _: [])

    def test_octets(self):
        """One octet at a time."""
        self.each(range)

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.integers(0, 200), max_size=8))
    def test_cuts(self, cuts):
        """Cut anywhere."""
        self.each(lambda size: sorted(cut for cut in cuts if cut < size))
