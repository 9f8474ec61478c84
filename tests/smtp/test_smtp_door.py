"""The door: order, replies in one write, limits, timers, AUTH, orderly ends."""

import base64
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory import memory
from mailsuite.events.memory import Events
from mailsuite.model.address import Address
from mailsuite.model.errors import NoSpace, UsageError
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import Phase, Refuse
from mailsuite.net.throttle import Throttle
from mailsuite.smtp import manners
from mailsuite.smtp.door import HELD_OCTETS, Door
from mailsuite.smtp.ground import Ground
from mailsuite.smtp.service import Doors, Turned
from mailsuite.smtp.settings import LMTP, SMTP, Submission
from tests.support import transcripts
from tests.support.smtp import Welcoming

NAME = "mx.example.test"
MAIL = b"MAIL FROM:<a@b>\r\n"
RCPT = b"RCPT TO:<c@d>\r\n"
ASKED = b"EHLO c\r\n" + MAIL + RCPT + b"DATA\r\n"


class Transport(StringTransport):
    """Counts writes, from an address of our choice."""

    def __init__(self, host: str = "192.0.2.7") -> None:
        super().__init__(peerAddress=IPv4Address("TCP", host, 4_000))
        self.writes = 0

    def write(self, data: bytes) -> None:
        self.writes += 1
        super().write(data)

    def said(self) -> bytes:
        said = self.value()
        self.clear()
        return said


class DoorCase(SynchronousTestCase):
    """A port of each kind, on a clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.events = Events()
        self.reception = Welcoming()
        self.directory = memory.make({"u@example.test": "p"}).directory
        self.manners = manners.smtp(SMTP(), NAME, 100_000, tls=False)
        self.tls: Any = None

    def doors(self) -> Doors:
        ground = Ground(
            self.clock,
            self.reception,
            self.directory,
            self.events,
            Throttle(self.clock.seconds),
            lambda: self.tls,
        )
        names = iter(f"S{n}" for n in range(10_000))
        return Doors(ground, self.manners, lambda: next(names))

    def connect(
        self, doors: Doors | None = None, host: str = "192.0.2.7"
    ) -> tuple[Door, Transport]:
        transport = Transport(host)
        door = (doors or self.doors()).buildProtocol(transport.getPeer())
        assert isinstance(door, Door)
        door.makeConnection(transport)
        return door, transport

    def opened(self, octets: bytes = b"", host: str = "192.0.2.7"):
        door, transport = self.connect(host=host)
        transport.said()
        if octets:
            door.dataReceived(octets)
            transport.said()
        return door, transport

    def lose(self, door: Door) -> None:
        door.connectionLost(Failure(ConnectionDone()))


class ServingTests(DoorCase):
    def test_a_message(self) -> None:
        """A message reaches the reception whole, and its reply the client."""
        door, transport = self.connect()
        self.assertEqual(transport.said(), b"220 mx.example.test ESMTP\r\n")
        door.dataReceived(ASKED)
        self.assertTrue(
            transport.said().endswith(b"354 End data with <CR><LF>.<CR><LF>\r\n")
        )
        door.dataReceived(b"one\r\n..two\r\n.\r\nQUIT\r\n")
        self.assertEqual(
            transport.said(), b"250 2.0.0 Ok: queued as Q1\r\n221 2.0.0 Bye\r\n"
        )
        self.assertTrue(transport.disconnecting)
        self.assertEqual(
            self.reception.messages,
            [(Address("a", "b"), [Address("c", "d")], b"one\r\n.two\r\n")],
        )

    def test_one_write(self) -> None:
        """Replies made for one read leave in one write."""
        door, transport = self.opened()
        transport.writes = 0
        door.dataReceived(ASKED)
        self.assertEqual(transport.writes, 1)
        self.assertEqual(transport.said().count(b"\r\n"), 7 + 3)

    def test_order_while_waiting(self) -> None:
        """While one command waits the next ones are kept, in their order."""
        door, transport = self.opened(ASKED)
        self.reception.wait = Deferred()
        door.dataReceived(b"x\r\n.\r\nNOOP\r\n")
        door.dataReceived(b"QUIT\r\n")
        self.assertEqual(transport.said(), b"")
        self.reception.wait.callback(None)
        self.assertEqual(
            transport.said(),
            b"250 2.0.0 Ok: queued as Q1\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n",
        )

    def test_reading_stops(self) -> None:
        """While one command waits not more than a bounded amount is read."""
        door, transport = self.opened(ASKED)
        self.reception.wait = Deferred()
        door.dataReceived(b"x\r\n.\r\n")
        door.dataReceived(b"NOOP\r\n" * (HELD_OCTETS // 6 + 10))
        self.assertEqual(transport.producerState, "paused")
        self.reception.wait.callback(None)
        while self.clock.getDelayedCalls():
            self.clock.advance(0.001)
        self.assertEqual(transport.producerState, "producing")

    def test_never_reading_peer(self) -> None:
        """A peer that reads nothing is not answered into memory for ever."""
        door, transport = self.opened()
        door.pauseProducing()
        for _ in range(100):
            door.dataReceived(b"NOOP\r\n" * 400)
        self.assertLess(len(transport.value()), 10_000)
        self.assertEqual(transport.producerState, "paused")
        door.overdue(self.clock.seconds() + 10_000)
        self.assertTrue(transport.disconnecting)

    def test_others_get_their_turn(self) -> None:
        """Thousands of commands in one read are not served in one turn."""
        door, transport = self.opened()
        door.dataReceived(b"NOOP\r\n" * 1_000)
        self.assertEqual(transport.said().count(b"250"), 200)
        self.clock.pump([0, 0, 0, 0, 0])
        self.assertEqual(transport.said().count(b"250"), 800)

    def test_early_talker(self) -> None:
        """The greeting comes first even if the peer spoke first."""
        self.reception.wait = None
        door, transport = self.connect()
        door.dataReceived(b"EHLO c\r\nQUIT\r\n")
        self.assertTrue(transport.said().startswith(b"220 "))

    def test_refused_verdicts(self) -> None:
        """What the reception refuses is told, and the session stands where it was."""
        door, transport = self.opened(b"EHLO c\r\n")
        reply = Reply(550, "5.7.1", "No")
        for phase, octets in (
            (Phase.MAIL, MAIL),
            (Phase.RCPT, RCPT),
            (Phase.DATA, b"DATA\r\n"),
        ):
            self.reception.refusing = {phase: Refuse(reply)}
            door.dataReceived(octets)
            self.assertEqual(transport.said(), b"550 5.7.1 No\r\n")
            self.reception.refusing = {}
            door.dataReceived(octets)
            self.assertIn(transport.said()[:3], {b"250", b"354"})

    def test_refused_at_the_door(self) -> None:
        """The connect stages may refuse the connection."""
        self.reception.refusing = {Phase.CONNECT: Refuse(Reply(554, "5.7.1", "No"))}
        door, transport = self.connect()
        door.dataReceived(b"EHLO c\r\n")
        self.assertEqual(transport.said(), b"554 5.7.1 No\r\n")
        self.assertTrue(transport.disconnecting)

    def test_refused_and_closed(self) -> None:
        """A verdict may end the connection."""
        verdict = Refuse(Reply(421, "4.7.0", "Go"), close=True)
        self.reception.refusing = {Phase.MAIL: verdict}
        _, transport = self.opened(b"EHLO c\r\n" + MAIL)
        self.assertTrue(transport.disconnecting)

    def test_unforeseen(self) -> None:
        """What nobody foresaw is 451, logged once, and the session goes on."""
        door, transport = self.opened(b"EHLO c\r\n")
        for phase in (Phase.MAIL, Phase.RCPT, Phase.MESSAGE):
            self.reception.raising = {phase: RuntimeError("x")}
            door.dataReceived(MAIL + RCPT)
            if phase is Phase.MESSAGE:
                door.dataReceived(b"DATA\r\nx\r\n.\r\n")
            self.assertIn(b"451 4.3.0 ", transport.said())
            self.reception.raising = {}
            door.dataReceived(b"RSET\r\n")
            self.assertEqual(transport.said()[:3], b"250")
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.events.names().count("smtp.failed"), 3)

    def test_disk_full(self) -> None:
        """A full disk is 452 4.3.1, another trouble of it 451; nothing is left."""
        for error, code in ((NoSpace(), b"452 4.3.1"), (OSError(5, "x"), b"451 4.3.0")):
            self.reception.blobs.fails = error
            door, transport = self.opened(ASKED)
            door.dataReceived(b"x\r\n" * 10)
            door.dataReceived(b".\r\nNOOP\r\n")
            self.assertEqual(transport.said()[:9], code)
            self.assertTrue(self.reception.blobs.writers[-1].aborted)
            self.flushLoggedErrors(OSError)

    def test_oversize(self) -> None:
        """Too much content is 552, and nothing of it is kept."""
        door, transport = self.opened(ASKED)
        for _ in range(60):
            door.dataReceived(b"x" * 2_000 + b"\r\n")
        door.dataReceived(b".\r\n")
        self.assertEqual(transport.said()[:9], b"552 5.3.4")
        self.assertTrue(self.reception.blobs.writers[-1].aborted)

    def test_bare_line_end(self) -> None:
        """A bare LF is 550 and the end; what follows is not even looked at."""
        door, transport = self.opened(ASKED)
        door.dataReceived(b"x\n.\r\nMAIL FROM:<evil@x>\r\n")
        self.assertEqual(transport.said()[:9], b"550 5.5.2")
        self.assertTrue(transport.disconnecting)
        door.dataReceived(b"EHLO x\r\n")
        self.assertEqual(transport.said(), b"")

    def test_lost_connection(self) -> None:
        """A connection that is lost in the middle leaves nothing behind."""
        for octets in (b"", ASKED[:25], ASKED, ASKED + b"half"):
            door, _ = self.opened(octets)
            before = self.reception.aborted
            self.lose(door)
            self.assertEqual(self.reception.aborted - before, int(b"MAIL" in octets))
        self.assertTrue(self.reception.blobs.writers[-1].aborted)
        self.assertEqual(self.reception.messages, [])

    def test_half_closed(self) -> None:
        """Who asked everything and closes its side gets every answer, then the end."""
        door, transport = self.opened(ASKED)
        self.reception.wait = Deferred()
        door.dataReceived(b"x\r\n.\r\nQUIT\r\n")
        door.readConnectionLost()
        self.assertFalse(transport.disconnecting)
        self.reception.wait.callback(None)
        self.assertEqual(
            transport.said(), b"250 2.0.0 Ok: queued as Q1\r\n221 2.0.0 Bye\r\n"
        )
        self.assertTrue(transport.disconnecting)

    def test_half_closed_without_goodbye(self) -> None:
        """So does who does not say QUIT; a message without its end is not kept."""
        door, transport = self.opened(ASKED)
        self.reception.wait = Deferred()
        door.dataReceived(b"x\r\n.\r\n")
        door.readConnectionLost()
        self.reception.wait.callback(None)
        self.assertEqual(transport.said(), b"250 2.0.0 Ok: queued as Q1\r\n")
        self.assertTrue(transport.disconnecting)
        door, transport = self.opened(ASKED + b"half")
        door.readConnectionLost()
        self.assertTrue(transport.disconnecting)
        self.lose(door)
        self.assertTrue(self.reception.blobs.writers[-1].aborted)
        self.assertEqual(len(self.reception.messages), 1)

    def test_lost_while_accepting(self) -> None:
        """What is being accepted is accepted, though the peer has gone."""
        door, _ = self.opened(ASKED)
        self.reception.wait = Deferred()
        door.dataReceived(b"x\r\n.\r\n")
        self.lose(door)
        self.reception.wait.callback(None)
        self.assertEqual(len(self.reception.messages), 1)

    def test_too_many_errors(self) -> None:
        """After so many refused commands 421 and the end."""
        door, transport = self.opened(b"EHLO c\r\n")
        door.dataReceived(b"FOO\r\n" * 60)
        said = transport.said()
        self.assertEqual(said.count(b"500 "), 51)
        self.assertTrue(said.endswith(b"421 4.7.0 Too many errors\r\n"))
        self.assertTrue(transport.disconnecting)

    def test_transcripts(self) -> None:
        """The transcripts that a session passes pass through the door too."""
        for path in transcripts.files("smtp"):
            for cut in transcripts.CUTS[:3]:
                transcripts.play(path, self.player(path.stem), cut)

    def player(self, stem: str) -> "Player":
        self.setUp()
        host = "192.0.2.7"
        if stem.startswith("lmtp"):
            self.manners = manners.lmtp(LMTP(), NAME, 100_000)
        elif stem.startswith("auth"):
            self.directory = memory.make({"u@example.test": "p"}).directory
            settings = Submission(clear_auth_on_loopback=True)
            self.manners = manners.submission(settings, NAME, 100_000, tls=False)
            host = "127.0.0.1"
        return Player(self, host)


class Player:
    """A door as transcripts talk to it."""

    def __init__(self, case: DoorCase, host: str) -> None:
        self._door, self._transport = case.connect(host=host)

    @property
    def closed(self) -> bool:
        return bool(self._transport.disconnecting)

    def feed(self, octets: bytes) -> bytes:
        if octets:
            self._door.dataReceived(octets)
        return self._transport.said()


class LMTPTests(DoorCase):
    def test_each_recipient(self) -> None:
        """LMTP answers the end of content once for each recipient."""
        self.manners = manners.lmtp(LMTP(), NAME, 100_000)
        door, transport = self.connect(host="")
        self.assertEqual(transport.said(), b"220 mx.example.test LMTP\r\n")
        door.dataReceived(b"LHLO c\r\n" + MAIL + RCPT + RCPT + b"DATA\r\nx\r\n.\r\n")
        self.assertEqual(transport.said().count(b"queued as Q1"), 2)


class AuthTests(DoorCase):
    def setUp(self) -> None:
        super().setUp()
        settings = Submission(clear_auth_on_loopback=True)
        self.manners = manners.submission(settings, NAME, 100_000, tls=True)

    def plain(self, password: str, user: str = "u@example.test") -> bytes:
        proof = base64.b64encode(f"\0{user}\0{password}".encode())
        return b"AUTH PLAIN " + proof + b"\r\n"

    def test_good(self) -> None:
        """The right password is 235, the reception is told, AUTH is over."""
        door, transport = self.opened(b"EHLO c\r\n", "127.0.0.1")
        door.dataReceived(self.plain("p"))
        self.assertEqual(transport.said()[:9], b"235 2.7.0")
        self.assertIn("auth.succeeded", self.events.names())
        self.assertEqual(self.reception.told[-1].name, "u@example.test")

    def test_login(self) -> None:
        """LOGIN asks for name and password, or takes the name at once."""
        name, password = (base64.b64encode(x) for x in (b"u@example.test", b"p"))
        door, transport = self.opened(b"EHLO c\r\n", "127.0.0.1")
        door.dataReceived(b"AUTH LOGIN\r\n")
        self.assertEqual(transport.said(), b"334 VXNlcm5hbWU6\r\n")
        door.dataReceived(name + b"\r\n")
        self.assertEqual(transport.said(), b"334 UGFzc3dvcmQ6\r\n")
        door.dataReceived(password + b"\r\n")
        self.assertEqual(transport.said()[:3], b"235")
        door, transport = self.opened(b"EHLO c\r\n", "127.0.0.1")
        door.dataReceived(b"AUTH LOGIN " + name + b"\r\n" + password + b"\r\n")
        self.assertIn(b"\r\n235 2.7.0 ", transport.said())

    def test_same_answer(self) -> None:
        """A wrong password and an unknown user get the same answer."""
        door, transport = self.opened(b"EHLO c\r\n", "127.0.0.1")
        door.dataReceived(self.plain("wrong"))
        first = transport.said()
        door.dataReceived(self.plain("wrong", "nobody@example.test"))
        self.assertEqual(transport.said(), first)
        self.assertEqual(first[:9], b"535 5.7.8")

    def test_for_another(self) -> None:
        """Who would act for another is refused as with a wrong password (RFC 4954 §6)."""
        door, transport = self.opened(b"EHLO c\r\n", "127.0.0.1")
        proof = base64.b64encode(b"other\0u@example.test\0p")
        door.dataReceived(b"AUTH PLAIN " + proof + b"\r\n")
        self.assertEqual(transport.said()[:9], b"535 5.7.8")
        door.dataReceived(b"AUTH PLAIN AAAA\r\n")
        self.assertEqual(transport.said()[:9], b"501 5.5.2")

    def test_attempts(self) -> None:
        """Three failures end the session."""
        door, transport = self.opened(b"EHLO c\r\n", "127.0.0.1")
        for _ in range(3):
            door.dataReceived(self.plain("wrong"))
        self.clock.advance(60)
        self.assertTrue(
            transport.said().endswith(b"421 4.7.0 Too many failed logins\r\n")
        )
        self.assertTrue(transport.disconnecting)

    def test_delays_grow(self) -> None:
        """After failures from one address the answer comes later, right or wrong."""
        doors = self.doors()
        for _ in range(4):
            door, transport = self.connect(doors, "127.0.0.1")
            door.dataReceived(b"EHLO c\r\n" + self.plain("wrong"))
            self.clock.advance(40)
        door, transport = self.connect(doors, "127.0.0.1")
        door.dataReceived(b"EHLO c\r\n")
        transport.said()
        door.dataReceived(self.plain("p"))
        self.assertEqual(transport.said(), b"")
        self.clock.advance(40)
        self.assertEqual(transport.said()[:3], b"235")

    def test_not_before_tls(self) -> None:
        """From elsewhere AUTH is neither offered nor taken before TLS."""
        door, transport = self.connect()
        transport.said()
        door.dataReceived(b"EHLO c\r\n")
        said = transport.said()
        self.assertNotIn(b"AUTH", said)
        self.assertIn(b"STARTTLS", said)
        door.dataReceived(self.plain("p"))
        self.assertEqual(transport.said()[:10], b"538 5.7.11")
        door.dataReceived(MAIL)
        self.assertEqual(transport.said()[:9], b"530 5.7.0")


class EndTests(DoorCase):
    def test_who_cannot_be_greeted_is_hung_up_on(self) -> None:
        """The unforeseen before the greeting ends the session without a word."""
        self.reception.raising = {Phase.CONNECT: RuntimeError("x")}
        door, transport = self.connect()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertIn("smtp.failed", self.events.names())
        door.dataReceived(b"EHLO c.test\r\n")
        self.assertEqual(transport.said(), b"")
        self.assertTrue(transport.disconnecting)

    def test_handshake(self) -> None:
        """A TLS handshake that takes over 10 s is cut off."""
        door, transport = self.opened()
        door._handshake = self.clock.seconds()
        door.overdue(9)
        self.assertFalse(transport.disconnected)
        door.overdue(11)
        self.assertTrue(transport.disconnected)

    def test_idle(self) -> None:
        """Silence for 300 s is 421 4.4.2."""
        door, transport = self.opened(MAIL)
        door.overdue(299)
        self.assertFalse(transport.disconnecting)
        door.overdue(301)
        self.assertEqual(transport.said()[:9], b"421 4.4.2")
        self.assertTrue(transport.disconnecting)

    def test_slow_loris(self) -> None:
        """An octet now and then does not make a transaction last for ever."""
        door, transport = self.opened(b"EHLO c\r\n" + MAIL)
        for _ in range(18):
            self.clock.advance(101)
            door.dataReceived(b"N")
            door.overdue(self.clock.seconds())
        self.assertEqual(transport.said()[:9], b"421 4.4.2")
        self.assertTrue(transport.disconnecting)

    def test_old_sessions(self) -> None:
        """A session that is too old ends after its message, not in it."""
        door, transport = self.opened(b"EHLO c\r\n")
        for _ in range(71):
            self.clock.advance(100)
            door.dataReceived(b"NOOP\r\n")
        door.dataReceived(MAIL + RCPT + b"DATA\r\n")
        self.clock.advance(200)
        door.dataReceived(b"x\r\n")
        transport.said()
        door.overdue(self.clock.seconds())
        self.assertFalse(transport.disconnecting)
        door.dataReceived(b".\r\n")
        said = transport.said()
        self.assertTrue(said.startswith(b"250 2.0.0 Ok: queued"))
        self.assertTrue(said.endswith(b"421 4.4.2 Session lasted too long\r\n"))
        self.assertTrue(transport.disconnecting)

    def test_stop(self) -> None:
        """At a stop idle sessions get 421 4.3.2, messages under way are finished."""
        doors = self.doors()
        idle, idle_transport = self.connect(doors)
        busy, busy_transport = self.connect(doors)
        busy.dataReceived(ASKED)
        idle_transport.said()
        busy_transport.said()
        stopped = Deferred.fromCoroutine(doors.close())
        self.assertEqual(idle_transport.said()[:9], b"421 4.3.2")
        self.lose(idle)
        self.assertFalse(busy_transport.disconnecting)
        busy.dataReceived(b"x\r\n.\r\n")
        said = busy_transport.said()
        self.assertTrue(said.startswith(b"250 "))
        self.assertTrue(said.endswith(b"421 4.3.2 System shutting down\r\n"))
        self.assertNoResult(stopped)
        self.lose(busy)
        self.successResultOf(stopped)

    def test_stop_in_time(self) -> None:
        """After 10 s the rest is cut off."""
        doors = self.doors()
        door, transport = self.connect(doors)
        door.dataReceived(ASKED)
        stopped = Deferred.fromCoroutine(doors.close())
        self.clock.advance(10)
        self.assertTrue(transport.disconnected)
        self.lose(door)
        self.successResultOf(stopped)


class MannersTests(SynchronousTestCase):
    def test_lmtp_stays_at_home(self) -> None:
        """LMTP trusts whoever connects, so that only this machine may."""
        for listen in ("unix:/run/x", "127.0.0.1:24", "[::1]:24"):
            manners.lmtp(LMTP(listen=(listen,)), NAME, 1)
        for listen in ("*:24", "192.0.2.1:24", "[::]:24"):
            with self.assertRaises(UsageError):
                manners.lmtp(LMTP(listen=(listen,)), NAME, 1)

    def test_recipients(self) -> None:
        """Fewer than 100 recipients cannot be set (RFC 5321 §4.5.3.1.8)."""
        with self.assertRaises(UsageError):
            manners.smtp(SMTP(recipients=99), NAME, 1, tls=False)


class LimitTests(DoorCase):
    def test_per_host(self) -> None:
        """So many connections from one address, then 421 4.7.0; ended ones count not."""
        self.manners = manners.smtp(
            SMTP(connections_per_host=2), NAME, 100_000, tls=False
        )
        doors = self.doors()
        door, _ = self.connect(doors)
        self.connect(doors)
        transport = Transport()
        turned = doors.buildProtocol(transport.getPeer())
        self.assertIsInstance(turned, Turned)
        turned.makeConnection(transport)
        self.assertEqual(transport.said()[:9], b"421 4.7.0")
        self.assertTrue(transport.disconnecting)
        self.connect(doors, "192.0.2.8")
        self.lose(door)
        self.connect(doors)

    def test_total(self) -> None:
        """So many connections in all."""
        self.manners = manners.smtp(SMTP(connections=2), NAME, 100_000, tls=False)
        doors = self.doors()
        self.connect(doors, "192.0.2.1")
        self.connect(doors, "192.0.2.2")
        address = IPv4Address("TCP", "192.0.2.3", 1)
        self.assertIsInstance(doors.buildProtocol(address), Turned)

    def test_reload(self) -> None:
        """New manners are for new connections."""
        doors = self.doors()
        old, old_transport = self.connect(doors)
        doors.reload(manners.smtp(SMTP(), "new.example.test", 5, tls=False))
        _, new_transport = self.connect(doors)
        self.assertIn(b"new.example.test", new_transport.said())
        old_transport.said()
        old.dataReceived(b"EHLO c\r\n")
        self.assertIn(b"SIZE 100000", old_transport.said())
