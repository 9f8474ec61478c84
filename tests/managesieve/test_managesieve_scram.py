"""SCRAM over ManageSieve: success carries our last words (RFC 5804 §1.3)."""

import base64
import re

from twisted.trial.unittest import SynchronousTestCase

from tests.support.managesieve import Directory, Talk
from tests.support.scram import Client, DoorContract, Keyed


class ScramTests(DoorContract, SynchronousTestCase):
    user = "ann@example.test"

    def setUp(self):
        self.talk = Talk()
        ground = self.talk.door.ground
        object.__setattr__(ground, "directory", Keyed(Directory(), self.user, "secret"))
        self.events, self.throttle = self.talk.events, ground.throttle

    def auth(self, *words):
        line = b" ".join(b'"%b"' % word for word in words)
        return self.talk.say(b"AUTHENTICATE " + line + b"\r\n")

    def respond(self, octets):
        line = b"*" if octets is None else base64.b64encode(octets)
        return self.talk.say(b'"%b"\r\n' % line)

    def challenge(self, said):
        return base64.b64decode(re.fullmatch(rb'"([^"]*)"\r\n', said)[1])

    def entered(self, said):
        return said.startswith(b"OK ")

    def refused(self, said):
        return said.startswith(b"NO ")

    def test_last_words(self):
        """They are in the code of OK (RFC 5804 §1.3, §2.1)."""
        client = Client(self.user, "secret")
        said = self.ended(client)
        found = re.fullmatch(rb'OK \(SASL "([^"]+)"\) "Logged in"\r\n', said)
        self.assertTrue(client.trusts(base64.b64decode(found[1])))

    def test_told(self):
        """The greeting names the mechanisms, the strongest first."""
        said = self.talk.say(b"CAPABILITY\r\n")
        self.assertIn(b'"SASL" "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN"\r\n', said)
