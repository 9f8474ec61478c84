"""SCRAM over IMAP: our last words are a challenge (RFC 3501 §6.2.2)."""

import base64

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap_world import Talk
from tests.support.scram import DoorContract, Keyed


class ScramTests(DoorContract, SynchronousTestCase):
    user = "mrose"

    def setUp(self):
        talk = Talk()
        directory = Keyed(talk.world, self.user, "secret", talk.world.name)
        talk.ground = evolve(talk.ground, directory=directory)
        self.client = talk.connect()
        self.events, self.throttle = talk.events, talk.ground.throttle

    def auth(self, *words):
        return self.client.say(b" ".join((b"a AUTHENTICATE", *words)) + b"\r\n")

    def respond(self, octets):
        line = b"*" if octets is None else base64.b64encode(octets)
        return self.client.say(line + b"\r\n")

    def challenge(self, said):
        self.assertEqual(said[:2], b"+ ", said)
        return base64.b64decode(said[2:])

    def entered(self, said):
        return said.startswith(b"a OK ")

    def refused(self, said):
        return said.startswith((b"a NO ", b"a BAD "))

    def test_told(self):
        """The greeting names the mechanisms, the strongest first."""
        told = b" AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=PLAIN AUTH=LOGIN]"
        self.assertIn(told, self.client.greeting)

    def test_idle_after(self):
        """Lines after the exchange are commands again."""
        self.test_scram()
        self.assertEqual(self.client.say(b"b IDLE\r\n")[:1], b"+")
        self.assertIn(b"b OK", self.client.say(b"DONE\r\n"))
