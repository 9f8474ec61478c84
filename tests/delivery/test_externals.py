"""Programs that scripts have run at delivery (:mod:`mailsuite.delivery.externals`)."""

import os
import tempfile
from shutil import rmtree

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mailsuite.delivery.externals import Externals
from mailsuite.delivery.letters import Case
from mailsuite.events.memory import Events
from mailsuite.interfaces.queueing import Lease
from mailsuite.model.envelope import Blob, Envelope, Recipient
from mailsuite.sieve.settings import Sieve
from tests.support.queue import address


class Account:
    name = "user@example.test"


class ExternalsTests(TestCase):
    def setUp(self):
        self.etc = tempfile.mkdtemp()
        self.addCleanup(rmtree, self.etc)
        self.folder = os.path.join(self.etc, "programs")
        os.mkdir(self.folder, 0o755)
        self.events = Events()
        settings = evolve(Sieve(), programs="programs")
        self.externals = Externals(reactor, self.events, self.etc, settings)
        to = Recipient(0, address("user+x@example.test"))
        blob = Blob("k", 0, b"")
        envelope = Envelope(address("coyote@desert.example.org"), (to,))
        lease = Lease("0G1", 1, envelope, blob, (to,), "local", 1, 0.0)
        self.case = Case(lease, to, Account(), "x", blob)

    def program(self, name, text, mode=0o755):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, mode)
        return path

    def call(self, name, given="", *arguments):
        subject = ("execute", "1", name, given, *arguments)
        return Deferred.fromCoroutine(self.externals.call(self.case, subject))

    async def test_call(self):
        """A program gets octets, arguments and the envelope."""
        self.program("who", 'cat; echo "$1 $SENDER $RECIPIENT $USER"')
        found = await self.call("who", "\xff ", "\u00e9")
        self.assertEqual(
            found,
            b"\xff \xc3\xa9 coyote@desert.example.org user+x@example.test"
            b" user@example.test\n",
        )
        (event,) = [one.fields for one in self.events.of("sieve.executed")]
        self.assertEqual((event["program"], event["good"]), ("who", 1))

    async def test_absent(self):
        """What is not there fails, and is told to operators."""
        self.assertIsNone(await self.call("nothing"))
        (event,) = [one.fields for one in self.events.of("sieve.executed")]
        self.assertEqual(event["good"], 0)

    def test_which(self):
        """Only files of the folder that are programs and that no other may write."""
        self.program("good", "true")
        self.program("plain", "true", 0o644)
        self.program("shared", "true", 0o777)
        os.mkdir(os.path.join(self.folder, "folder"))
        self.assertTrue(self.externals.path("good").endswith("/programs/good"))
        for name in ("plain", "shared", "folder", "..", ".", "", "../programs/good"):
            self.assertEqual(self.externals.path(name), "", name)
        self.assertEqual(self.externals.path("/bin/sh"), "")
        self.assertEqual(self.externals.path("a\0b"), "")

    def test_folder(self):
        """Nothing is run of a folder that others may write, or that is not set."""
        self.program("good", "true")
        os.chmod(self.folder, 0o777)
        self.assertEqual(self.externals.path("good"), "")
        os.chmod(self.folder, 0o755)
        self.externals.settings = Sieve()
        self.assertEqual(self.externals.path("good"), "")
