"""Listening sockets: early binding, plain advice, rest when descriptors end."""

import errno
import os
import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mailsuite.model.errors import UsageError
from mailsuite.net import endpoints
from mailsuite.net.endpoints import Place, bind


class PlaceTests(SynchronousTestCase):
    def test_addresses(self):
        """Every documented form is read, and written back."""
        for text in ("127.0.0.1:25", "[::1]:25", "unix:/run/x"):
            self.assertEqual(str(Place.parse(text)), text)
        self.assertEqual(Place.parse("*:25"), Place("0.0.0.0", 25))

    def test_refused(self):
        """Anything else is refused with an example in the text."""
        for text in (
            "",
            "25",
            "localhost:25",
            "::1:25",
            "1.2.3.4:70000",
            "unix:",
            "[1.2.3.4]:1",
        ):
            error = self.assertRaises(UsageError, Place.parse, text)
            self.assertIn("127.0.0.1:25", str(error))


class Said(Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Faulty(Protocol):
    def connectionMade(self):
        raise ZeroDivisionError


class BindTests(TestCase):
    def _says(self, address, family):
        done = Deferred()

        def read():
            with socket.socket(family) as client:
                client.connect(address)
                return client.recv(100)

        deferToThread(read).chainDeferred(done)
        return done

    async def test_tcp(self):
        """A bound port keeps callers until it is served."""
        bound = bind(Place("127.0.0.1", 0))
        with socket.create_connection(("127.0.0.1", bound.port)) as early:
            listening = bound.listen(reactor, Factory.forProtocol(Said))
            said = await self._says(("127.0.0.1", bound.port), socket.AF_INET)
            self.assertEqual(said, b"hello")
            self.assertEqual(early.recv(10), b"hello")
        self.assertEqual(listening.getHost().port, bound.port)
        listening.stop()
        listening.stop()

    async def test_unix(self):
        """A Unix socket is served, private to its group, and removed at stop."""
        path = self.mktemp()
        bound = bind(Place(path=path))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        listening = bound.listen(reactor, Factory.forProtocol(Said))
        self.assertEqual(await self._says(path, socket.AF_UNIX), b"hello")
        listening.stop()
        self.assertRaises(FileNotFoundError, os.stat, path)

    async def test_fault_at_the_beginning(self):
        """A door that fails when it opens ends alone; the next caller is served."""
        doors = [Said(), Faulty()]
        factory = Factory()
        factory.buildProtocol = lambda _: doors.pop()
        bound = bind(Place("127.0.0.1", 0))
        address = "127.0.0.1", bound.port
        with socket.create_connection(address) as first:
            self.addCleanup(bound.listen(reactor, factory).stop)
            self.assertEqual(await self._says(address, socket.AF_INET), b"hello")
            ended = deferToThread(first.recv, 1)
            await self.assertFailure(ended, ConnectionResetError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_port_in_use(self):
        """A port in use is named, with what to do."""
        bound = bind(Place("127.0.0.1", 0))
        error = self.assertRaises(UsageError, bind, Place("127.0.0.1", bound.port))
        self.assertIn(str(bound.port), str(error))
        self.assertIn("in use", str(error))
        bound.close()

    def test_foreign_address(self):
        """An address that the machine does not have is named."""
        error = self.assertRaises(UsageError, bind, Place("192.0.2.1", 0))
        self.assertIn("192.0.2.1", str(error))

    def test_dead_socket(self):
        """What a dead process left is replaced; a living one's is not."""
        path = self.mktemp()
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(path)
        dead.close()
        bound = bind(Place(path=path))
        error = self.assertRaises(UsageError, bind, Place(path=path))
        self.assertIn("in use", str(error))
        bound.close()

    def test_other_file(self):
        """A file that is no socket is left alone."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("precious")
        self.assertRaises(UsageError, bind, Place(path=path))
        self.assertTrue(os.path.exists(path))


class Exhausted:
    """A socket that has no descriptors left, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def accept(self):
        self.asked += 1
        raise OSError(errno.EMFILE, "Too many open files")

    def getsockname(self):
        return ("127.0.0.1", 1)

    def fileno(self):
        return 0

    def close(self):
        pass


class Readers(Clock):
    def __init__(self):
        super().__init__()
        self.readers = []

    def addReader(self, reader):
        self.readers.append(reader)

    def removeReader(self, reader):
        self.readers = [other for other in self.readers if other is not reader]


class RestTests(SynchronousTestCase):
    def test_rests(self):
        """Without descriptors accept rests, instead of spinning."""
        clock = Readers()
        exhausted = Exhausted()
        listening = endpoints.Listening(
            clock, exhausted, Factory(), Place("127.0.0.1", 1)
        )
        listening.start()
        listening.doRead()
        self.assertEqual((exhausted.asked, clock.readers), (1, []))
        clock.advance(endpoints.PAUSE_SECONDS)
        self.assertEqual(clock.readers, [listening])
        listening.doRead()
        listening.stop()
        clock.advance(endpoints.PAUSE_SECONDS)
        self.assertEqual(clock.readers, [])
