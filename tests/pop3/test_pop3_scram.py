"""SCRAM over POP3: our last words are a challenge (RFC 5034 §4)."""

import base64

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.support.pop3 import Talk
from tests.support.scram import DoorContract, Keyed


class ScramTests(DoorContract, SynchronousTestCase):
    user = "mrose"

    def setUp(self):
        self.talk = talk = Talk()
        directory = Keyed(talk.world, self.user, "secret", "mrose@example.test")
        talk.ground = evolve(talk.ground, directory=directory)
        talk.connect()
        self.events, self.throttle = talk.events, talk.ground.throttle

    def auth(self, *words):
        return self.talk.say(b" ".join((b"AUTH", *words)) + b"\r\n")

    def respond(self, octets):
        line = b"*" if octets is None else base64.b64encode(octets)
        return self.talk.say(line + b"\r\n")

    def challenge(self, said):
        self.assertEqual(said[:2], b"+ ", said)
        return base64.b64decode(said[2:])

    def entered(self, said):
        return said.startswith(b"+OK ")

    def refused(self, said):
        return said.startswith(b"-ERR ")

    def test_told(self):
        """CAPA names the mechanisms, the strongest first."""
        said = self.talk.say(b"CAPA\r\n")
        self.assertIn(b"\r\nSASL SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\r\n", said)
