"""A reactor with shorter turns reads, writes and disconnects as before."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.support.patience import PATIENCE_SECONDS

SCRIPT = """
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol, ClientFactory
from mailsuite.net.turns import Turns

class Bad(Protocol):
    def dataReceived(self, data):
        self.transport.write(data.upper())
        if data == b"boom":
            raise ValueError("a fault of one connection")

class Near(Protocol):
    def connectionMade(self):
        self.transport.write(self.factory.say)
    def dataReceived(self, data):
        print("read", data.decode(), flush=True)
        if data == b"HELLO":
            self.transport.loseConnection()
    def connectionLost(self, reason):
        print("lost", flush=True)
        self.factory.then()

def connect(say, then):
    factory = ClientFactory()
    factory.protocol, factory.say, factory.then = Near, say, then
    factory.noisy = False
    reactor.connectTCP("127.0.0.1", port.getHost().port, factory)

factory = Factory()
factory.protocol = Bad
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
Turns(reactor).start()
reactor.callLater(0, connect, b"boom", lambda: connect(b"hello", reactor.stop))
reactor.callLater(200, reactor.stop)
reactor.run()
"""


class TurnsTests(SynchronousTestCase):
    """In a process of its own, because a reactor cannot be run twice."""

    def test_events_arrive_and_a_fault_ends_one_connection(self):
        """A raising connection is closed; the next one is served."""
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        lines = done.stdout.split("\n")
        self.assertEqual(lines.count("lost"), 2, done.stdout)
        self.assertIn("read HELLO", lines)
