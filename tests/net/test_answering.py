"""Who closes its side first is answered, in plain TCP and in TLS."""

import os
import time

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mailsuite.net.answering import Answering
from mailsuite.tls import selfsigned
from mailsuite.tls.contexts import Contexts
from mailsuite.tls.settings import TLS
from tests.support.halfclosed import heard
from tests.support.patience import PATIENCE_SECONDS


@define(eq=False, slots=False)
class Late(Answering):
    """Says after all was said how much that was, and then ``more``."""

    case: "HalfClosedTests"
    got: int = field(default=0, init=False)

    def opened(self):
        if self.case.tls:
            self.secure(self.case.contexts.creator())

    def received(self, data):
        self.got += len(data)

    def heard_out(self):
        self.case.calls.append(self)
        self.tasks.launch("answer", self.answer())

    async def answer(self):
        await self.case.wait
        self.send(b"%d " % self.got)
        for _ in range(self.case.more):
            await self.drained()
            self.send(bytes(65_536))
        self.send(b"end")
        self.hang_up()

    def ended(self):
        self.case.lost.callback(None)


class HalfClosedTests(TestCase):
    timeout = PATIENCE_SECONDS
    tls = False
    more = 0

    def setUp(self):
        self.calls, self.lost, self.wait = [], Deferred(), Deferred()
        factory = Factory()
        factory.buildProtocol = lambda _: Late(reactor, "s", self)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    async def talk(self):
        said = deferToThread(heard, self.port, b"x" * 300_000, self.tls)
        reactor.callLater(0.05, self.wait.callback, None)
        told = await said
        await self.lost
        self.assertEqual(len(self.calls), 1)
        return told

    async def test_answered_late(self):
        """What takes a while is told all the same; then the connection ends."""
        self.assertEqual(await self.talk(), b"300000 end")

    async def test_long_answer(self):
        """An answer longer than what may be unsent arrives whole."""
        self.more = 50
        told = await self.talk()
        self.assertEqual(told, b"300000 " + bytes(50 * 65_536) + b"end")


class HalfClosedTLSTests(HalfClosedTests):
    """A close_notify ends what the client says, not what it hears."""

    tls = True

    def setUp(self):
        super().setUp()
        folder = self.mktemp()
        os.mkdir(folder)
        files = f"{folder}/cert.pem", f"{folder}/key.pem"
        selfsigned.write(*files, ["localhost"], time.time())
        self.contexts = Contexts(TLS(certificate=files[0], key=files[1]))
        self.contexts.load()
