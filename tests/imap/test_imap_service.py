"""The IMAP service over real sockets: TLS, limits, a clean stop, imaplib."""

import imaplib
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

from mailsuite.imap.service import service
from mailsuite.net.endpoints import Place, bind
from mailsuite.net.service import Socket
from mailsuite.tls import selfsigned
from tests.support.circles import circles
from tests.support.imap_world import Talk
from tests.support.patience import PATIENCE_SECONDS

MAIL = b"Subject: a\r\n\r\nb\r\n"


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class ServiceTests(TestCase):
    timeout = PATIENCE_SECONDS

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        files = [os.path.join(folder.name, name) for name in ("cert.pem", "key.pem")]
        selfsigned.write(*files, ["localhost"], 1_700_000_000)
        self.talk = Talk(tls=files)
        self.box = self.talk.world.box("INBOX")
        self.box.add(MAIL)
        self.talk.world.clock = reactor
        self.ground = evolve(self.talk.ground, clock=reactor)

    def start(self, **settings):
        ground = evolve(self.ground, settings=evolve(self.ground.settings, **settings))
        bound = [bind(Place("127.0.0.1", 0)) for _ in range(2)]
        self.ports = [one.port for one in bound]
        self.service = service(ground, [Socket(bound[0]), Socket(bound[1], True)])
        self.service.startService()
        self.addCleanup(self.service.stopService)

    async def test_starttls(self):
        """A whole session of the standard library's client, over STARTTLS."""
        self.start(plaintext_login=False)

        def session():
            with imaplib.IMAP4("127.0.0.1", self.ports[0], 20) as client:
                self.assertIn("LOGINDISABLED", client.capabilities)
                client.starttls(context())
                self.assertIn("AUTH=PLAIN", client.capabilities)
                self.assertNotIn("STARTTLS", client.capabilities)
                client.login("mrose", "secret")
                client.select()
                client.append("INBOX", None, None, b"Subject: c\r\n\r\nd\r\n")
                self.assertEqual(client.search(None, "ALL")[1], [b"1 2"])
                self.assertEqual(client.fetch("1", "(BODY[])")[1][0][1], MAIL)

        await deferToThread(session)

    async def test_freed_at_once(self):
        """A session that ended leaves no circle of references, in TLS neither."""
        self.start()

        def session(port):
            sock = socket.create_connection(("127.0.0.1", port), 20)
            sock = context().wrap_socket(sock) if port == self.ports[1] else sock
            for line in (b"a LOGIN mrose secret", b"b SELECT INBOX", b"c IDLE"):
                sock.recv(8_000)
                sock.sendall(line + b"\r\n")
            sock.recv(8_000)
            sock.close()

        for port in self.ports:
            left = await circles(self, partial(session, port), self.service.doors)
            self.assertEqual(left, [])

    async def test_injection(self):
        """What is sent in plaintext together with STARTTLS is dropped."""
        self.start()

        def session():
            sock = socket.create_connection(("127.0.0.1", self.ports[0]), 20)
            sock.recv(1000)
            sock.sendall(b"a STARTTLS\r\nb LOGIN mrose secret\r\nc CREATE bad\r\n")
            self.assertEqual(sock.recv(1000), b"a OK Begin TLS\r\n")
            secure = context().wrap_socket(sock)
            secure.sendall(b"d NOOP\r\ne SELECT INBOX\r\n")
            said = b""
            while b"e " not in said:
                said += secure.recv(1000)
            self.assertEqual(
                said, b"d OK Done\r\ne BAD Not while not authenticated\r\n"
            )
            secure.close()

        await deferToThread(session)

    async def test_implicit(self):
        """On the TLS port the greeting comes after the handshake."""
        self.start(plaintext_login=False)

        def session():
            with imaplib.IMAP4_SSL(
                "127.0.0.1",
                self.ports[1],
                ssl_context=context(),
                timeout=PATIENCE_SECONDS,
            ) as client:
                self.assertNotIn("STARTTLS", client.capabilities)
                client.login("mrose", "secret")
                self.assertEqual(client.select()[1], [b"1"])

        await deferToThread(session)

    async def test_large(self):
        """A large body goes out whole to a client that reads slowly."""
        self.start()
        large = b"Subject: x\r\n\r\n" + b"0123456789abcde\n" * 300_000
        self.box.add(large)

        def session():
            with imaplib.IMAP4("127.0.0.1", self.ports[0], 20) as client:
                client.login("mrose", "secret")
                client.select()
                self.assertEqual(client.fetch("2", "(BODY.PEEK[])")[1][0][1], large)

        await deferToThread(session)

    async def test_stop(self):
        """At a stop everybody hears BYE, and new connections are refused."""
        self.start()

        def open_one():
            sock = socket.create_connection(("127.0.0.1", self.ports[0]), 20)
            sock.recv(1000)
            return sock

        sock = await deferToThread(open_one)
        stopping = self.service.stopService()

        def read():
            with sock:
                return sock.recv(1000), sock.recv(1000)

        said = await deferToThread(read)
        await stopping
        self.assertTrue(said[0].startswith(b"* BYE [UNAVAILABLE]"), said)
        self.assertEqual(said[1], b"")
        with self.assertRaises(OSError):
            await deferToThread(open_one)

    async def test_stop_within(self):
        """A message that comes in at a stop is stored and answered first."""
        self.start()
        self.talk.world.appending = Deferred()

        def send():
            sock = socket.create_connection(("127.0.0.1", self.ports[0]), 20)
            sock.recv(1000)
            sock.sendall(b"a LOGIN mrose secret\r\n")
            sock.recv(1000)
            sock.sendall(b"b APPEND Sent {%d+}\r\n%b\r\n" % (len(MAIL), MAIL))
            return sock

        sock = await deferToThread(send)
        while not self.talk.blobs.writers:
            await deferToThread(lambda: None)
        stopping = self.service.stopService()
        self.talk.world.appending.callback(None)

        def read():
            said = b""
            with sock:
                while block := sock.recv(1000):
                    said += block
            return said

        said = await deferToThread(read)
        await stopping
        self.assertIn(b"b OK [APPENDUID", said)
        self.assertIn(b"* BYE", said)

    async def test_connections_per_host(self):
        """Above the limit a connection is closed."""
        self.start(connections_per_host=1)

        def session():
            one = socket.create_connection(("127.0.0.1", self.ports[0]), 20)
            self.assertIn(b"* OK", one.recv(1000))
            two = socket.create_connection(("127.0.0.1", self.ports[0]), 20)
            self.assertEqual(two.recv(1000), b"")
            one.close()
            two.close()

        await deferToThread(session)
