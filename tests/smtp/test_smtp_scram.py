"""SCRAM over SMTP: our last words are a challenge (RFC 4954 §4)."""

import base64

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory import memory
from mailsuite.events.memory import Events
from mailsuite.net.throttle import Throttle
from mailsuite.smtp import manners
from mailsuite.smtp.ground import Ground
from mailsuite.smtp.service import Doors
from mailsuite.smtp.settings import Submission
from tests.support.scram import DoorContract
from tests.support.smtp import Welcoming


class ScramTests(DoorContract, SynchronousTestCase):
    user = "u@example.test"

    def setUp(self):
        self.clock, self.events = Clock(), Events()
        self.throttle, self.reception = Throttle(self.clock.seconds), Welcoming()
        directory = memory.make({self.user: self.secret}).directory
        ground = Ground(
            *(self.clock, self.reception, directory, self.events, self.throttle),
            lambda: None,
        )
        settings = Submission(clear_auth_on_loopback=True, auth_attempts=10)
        manner = manners.submission(settings, "mx.test", 100_000, tls=True)
        here = IPv4Address("TCP", "127.0.0.1", 1)
        self.transport = StringTransport(peerAddress=here)
        self.door = Doors(ground, manner, lambda: "s1").buildProtocol(None)
        self.door.makeConnection(self.transport)
        self.greeting = self.say(b"EHLO c\r\n")

    def say(self, octets):
        self.transport.clear()
        self.door.dataReceived(octets)
        for _ in range(10):
            self.clock.advance(1)
        return self.transport.value()

    def auth(self, *words):
        return self.say(b" ".join((b"AUTH", *words)) + b"\r\n")

    def respond(self, octets):
        line = b"*" if octets is None else base64.b64encode(octets)
        return self.say(line + b"\r\n")

    def challenge(self, said):
        self.assertEqual(said[:4], b"334 ", said)
        return base64.b64decode(said[4:])

    def entered(self, said):
        return said.startswith(b"235 ")

    def refused(self, said):
        return said[:1] in b"45"

    def test_told(self):
        """EHLO names the mechanisms, the strongest first."""
        told = b"250-AUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\r\n"
        self.assertIn(told, self.greeting)

    def test_reception(self):
        """The reception hears of who it is after the last words are acknowledged."""
        self.test_scram()
        self.assertEqual(self.reception.told[-1].name, self.user)
