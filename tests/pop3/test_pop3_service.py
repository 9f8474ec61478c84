"""The POP3 service over real sockets: TLS, limits, a clean stop."""

import os
import socket
import ssl
import tempfile
from functools import partial

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mailsuite.net.endpoints import Place, bind
from mailsuite.net.service import Socket
from mailsuite.pop3.service import service
from mailsuite.tls import selfsigned
from tests.support.circles import circles
from tests.support.patience import PATIENCE_SECONDS
from tests.support.pop3 import Talk


def client_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Client:
    """A blocking client, used from a thread."""

    def __init__(self, port, tls=False):
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        if tls:
            self.sock = client_context().wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def say(self, *lines):
        self.sock.sendall(b"".join(line + b"\r\n" for line in lines))
        return self.line()

    def line(self):
        return self.file.readline()

    def start_tls(self):
        self.file.close()
        self.sock = client_context().wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def close(self):
        self.file.close()
        self.sock.close()


class ServiceTests(TestCase):
    timeout = PATIENCE_SECONDS

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        files = [os.path.join(folder.name, name) for name in ("cert.pem", "key.pem")]
        selfsigned.write(*files, ["localhost"], 1_700_000_000)
        self.talk = Talk([b"Subject: a\r\n\r\nb\r\n"], tls=files)
        self.ground = evolve(self.talk.ground, clock=reactor)
        self.service = None

    def start(self, **settings):
        ground = evolve(self.ground, settings=evolve(self.ground.settings, **settings))
        bound = [bind(Place("127.0.0.1", 0)) for _ in range(2)]
        self.ports = [one.port for one in bound]
        self.service = service(ground, [Socket(bound[0]), Socket(bound[1], True)])
        self.service.startService()
        self.addCleanup(self.service.stopService)

    async def run_client(self, call):
        return await deferToThread(call)

    async def test_stls(self):
        """After STLS the session starts anew; plaintext sent with it is dropped."""
        self.start(plaintext_login=False)

        def talk():
            client = Client(self.ports[0])
            self.assertIn(b"+OK", client.line())
            self.assertIn(b"-ERR", client.say(b"USER mrose"))
            self.assertEqual(
                client.say(b"STLS", b"CAPA", b"NOOP"), b"+OK Begin TLS\r\n"
            )
            client.start_tls()
            self.assertIn(b"+OK Send", client.say(b"USER mrose"))
            self.assertIn(b"+OK 1 messages", client.say(b"PASS secret"))
            self.assertIn(b"-ERR", client.say(b"STLS"))
            self.assertIn(b"+OK", client.say(b"QUIT"))
            self.assertEqual(client.line(), b"")
            client.close()

        await self.run_client(talk)

    async def test_freed_at_once(self):
        """A session that ended leaves no circle of references, in TLS neither."""
        self.start()

        def talk(port):
            client = Client(port, tls=port == self.ports[1])
            client.line()
            for line in (b"USER mrose", b"PASS secret", b"STAT"):
                self.assertIn(b"+OK", client.say(line))
            client.close()

        for port in self.ports:
            left = await circles(self, partial(talk, port), self.service.doors)
            self.assertEqual(left, [])

    async def test_implicit(self):
        """On the TLS port the greeting comes after the handshake, STLS is refused."""
        self.start(plaintext_login=False)

        def talk():
            client = Client(self.ports[1], tls=True)
            self.assertIn(b"+OK", client.line())
            self.assertIn(b"-ERR", client.say(b"STLS"))
            self.assertIn(b"+OK Send", client.say(b"USER mrose"))
            self.assertIn(b"+OK 1 messages", client.say(b"PASS secret"))
            self.assertIn(b"+OK", client.say(b"RETR 1"))
            self.assertEqual(client.line(), b"Subject: a\r\n")
            client.close()

        await self.run_client(talk)

    async def test_connections_per_host(self):
        """Above the limit a connection is closed; a place that is free is given."""
        self.start(connections_per_host=1)

        def talk():
            one, two = Client(self.ports[0]), Client(self.ports[0])
            self.assertIn(b"+OK", one.line())
            self.assertEqual(two.line(), b"")
            one.say(b"QUIT")
            self.assertEqual(one.line(), b"")
            three = Client(self.ports[0])
            self.assertIn(b"+OK", three.line())
            for client in (one, two, three):
                client.close()

        await self.run_client(talk)

    async def test_stop(self):
        """A stop ends idle sessions, removes nothing and takes nobody new."""
        self.start()

        def talk():
            client = Client(self.ports[0])
            client.line()
            client.say(b"USER mrose", b"PASS secret", b"DELE 1")
            client.line(), client.line()
            return client

        client = await self.run_client(talk)
        stopped = self.service.stopService()
        self.assertEqual(await deferToThread(client.line), b"")
        client.close()
        await stopped
        self.assertEqual(len(self.talk.world.inbox.mail), 1)
        with self.assertRaises(ConnectionRefusedError):
            await deferToThread(Client, self.ports[0])

    async def test_never_reading_peer(self):
        """A peer that never reads holds up itself, not the server's memory."""
        self.talk.world.inbox.mail[11] = b"x" * 4_000_000
        self.start()

        def talk():
            client = Client(self.ports[0])
            client.line()
            client.say(b"USER mrose", b"PASS secret", *[b"RETR 1"] * 100)
            return client

        client = await self.run_client(talk)
        pause = Deferred()
        reactor.callLater(0.3, pause.callback, None)
        await pause
        self.assertLess(len(self.talk.world.inbox.opened), 5)
        client.close()
