"""Real sockets and Python's own client: TLS both ways, Unix sockets, orderly ends."""

import os
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mailsuite.directory import memory
from mailsuite.events.memory import Events
from mailsuite.model.principals import Principal
from mailsuite.net.endpoints import Bound, Place, bind
from mailsuite.net.throttle import Throttle
from mailsuite.smtp import manners
from mailsuite.smtp.ground import Ground
from mailsuite.smtp.manners import Manners
from mailsuite.smtp.service import Doors, Ports
from mailsuite.smtp.settings import LMTP, SMTP, Submission
from mailsuite.tls import selfsigned
from mailsuite.tls.contexts import Contexts
from mailsuite.tls.settings import TLS
from tests.support.circles import circles
from tests.support.patience import PATIENCE_SECONDS
from tests.support.smtp import Welcoming

NAME = "mx.example.test"
MESSAGE = "Subject: x\r\n\r\nhello\r\n"


class PortCase(TestCase):
    def setUp(self) -> None:
        folder = self.mktemp()
        os.mkdir(folder)
        self.folder = folder
        files = f"{folder}/cert.pem", f"{folder}/key.pem"
        selfsigned.write(*files, ["localhost", "127.0.0.1"], time.time())
        self.contexts = Contexts(TLS(certificate=files[0], key=files[1]))
        self.contexts.load()
        self.trust = ssl.create_default_context(cafile=files[0])
        self.reception = Welcoming()
        self.events = Events()

    def serve(self, chosen: Manners, place: Place | None = None) -> Bound:
        from twisted.internet import reactor

        clock: Any = reactor
        ground = Ground(
            clock,
            self.reception,
            memory.make({"u@example.test": "p"}).directory,
            self.events,
            Throttle(clock.seconds),
            self.contexts.creator,
        )
        names = iter(f"S{n}" for n in range(1_000))
        bound = bind(place or Place("127.0.0.1", 0))
        self.ports = Ports(reactor, [bound], Doors(ground, chosen, lambda: next(names)))
        self.ports.startService()
        self.addCleanup(self.stop)
        return bound

    def stop(self) -> Any:
        return self.ports.stopService() if self.ports.running else None

    def client(self, call: Callable[[], Any]) -> "Deferred[Any]":
        return deferToThread(call)

    def submission(self) -> Manners:
        return manners.submission(Submission(), NAME, 100_000_000, tls=True)


class TLSTests(PortCase):
    def test_starttls(self):
        """STARTTLS, AUTH, a message: Python's client is content."""
        port = self.serve(self.submission()).port

        def talk() -> None:
            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE_SECONDS) as client:
                client.starttls(context=self.trust)
                client.login("u@example.test", "p")
                client.sendmail("u@example.test", ["x@far.test"], MESSAGE)

        async def run() -> None:
            await self.client(talk)
            self.assertEqual(len(self.reception.messages), 1)
            self.assertEqual(self.reception.messages[0][2], MESSAGE.encode())
            proven = [one for one in self.reception.told if isinstance(one, Principal)]
            self.assertEqual(len(proven), 1)

        return Deferred.fromCoroutine(run())

    def test_injection(self):
        """Plain text behind STARTTLS in one packet is not executed in TLS."""
        port = self.serve(self.submission()).port

        def talk() -> bytes:
            with socket.create_connection(
                ("127.0.0.1", port), timeout=PATIENCE_SECONDS
            ) as plain:
                file = plain.makefile("rb")
                file.readline()
                plain.sendall(b"EHLO c\r\n")
                while file.readline()[3:4] == b"-":
                    pass
                plain.sendall(b"STARTTLS\r\nEHLO evil\r\nNOOP\r\n")
                file.readline()
                with self.trust.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
                    tls.sendall(b"MAIL FROM:<a@b>\r\nQUIT\r\n")
                    said = b""
                    while more := tls.recv(4_096):
                        said += more
            return said

        async def run() -> None:
            said = await self.client(talk)
            self.assertEqual(said[:3], b"503")
            self.assertEqual(said.count(b"\r\n"), 2)

        return Deferred.fromCoroutine(run())

    def test_implicit(self):
        """TLS from the start, several megabytes, in blocks."""
        port = self.serve(self.submission().at_once()).port
        large = "Subject: x\r\n\r\n" + ("y" * 70 + "\r\n") * 60_000

        def talk() -> None:
            with smtplib.SMTP_SSL(
                "127.0.0.1", port, timeout=PATIENCE_SECONDS, context=self.trust
            ) as client:
                assert b"STARTTLS" not in client.ehlo()[1]
                assert [door._handshake for door in self.ports.doors.open] == [None]
                client.login("u@example.test", "p")
                client.sendmail("u@example.test", ["x@far.test"], large)

        async def run() -> None:
            await self.client(talk)
            self.assertEqual(self.reception.messages[0][2], large.encode())

        return Deferred.fromCoroutine(run())


class PlainTests(PortCase):
    def test_unix_socket(self):
        """LMTP on a Unix socket, which others may not open."""
        place = Place(path=os.path.abspath(f"{self.folder}/lmtp"))
        self.serve(manners.lmtp(LMTP(), NAME, 100_000), place)
        self.assertEqual(os.stat(place.path).st_mode & 0o777, 0o660)

        def talk() -> Any:
            with smtplib.LMTP(place.path, local_hostname="c") as client:
                client.ehlo_or_helo_if_needed()
                return client.sendmail("a@b", ["u@example.test"], MESSAGE)

        async def run() -> None:
            self.assertEqual(await self.client(talk), {})
            self.assertEqual(len(self.reception.messages), 1)

        return Deferred.fromCoroutine(run())

    def test_refused_in_the_stream(self):
        """A client that is still sending hears 550, not a reset."""
        port = self.serve(manners.smtp(SMTP(), NAME, 50_000_000, tls=False)).port

        def talk() -> bytes:
            with socket.create_connection(
                ("127.0.0.1", port), timeout=PATIENCE_SECONDS
            ) as plain:
                plain.sendall(
                    b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nbare\n"
                )
                for _ in range(100):
                    plain.sendall(b"x" * 9_998 + b"\r\n")
                plain.sendall(b".\r\n")
                plain.shutdown(socket.SHUT_WR)
                said = b""
                while more := plain.recv(4_096):
                    said += more
            return said

        async def run() -> None:
            said = await self.client(talk)
            self.assertTrue(
                said.endswith(b"550 5.5.2 Bare <CR> or <LF> in message\r\n")
            )
            self.assertEqual(self.reception.messages, [])

        return Deferred.fromCoroutine(run())

    def test_an_ended_connection_is_freed_at_once(self):
        """It leaves no circle of references: its memory serves the next one."""
        port = self.serve(manners.smtp(SMTP(), NAME, 100_000, tls=True)).port

        def talk(*, secure: bool) -> None:
            with smtplib.SMTP("127.0.0.1", port, local_hostname="c") as client:
                if secure:
                    client.starttls(context=self.trust)
                client.sendmail("a@b", ["u@example.test"], MESSAGE)

        async def run() -> None:
            for secure in (False, True):
                once = partial(talk, secure=secure)
                left = await circles(self, once, self.ports.doors.open)
                self.assertEqual(left, [])

        return Deferred.fromCoroutine(run())

    def test_stop(self):
        """A stop tells idle clients 421 and refuses new ones."""
        port = self.serve(manners.smtp(SMTP(), NAME, 100_000, tls=False)).port

        def connect() -> socket.socket:
            plain = socket.create_connection(
                ("127.0.0.1", port), timeout=PATIENCE_SECONDS
            )
            plain.recv(4_096)
            return plain

        async def run() -> None:
            plain = await self.client(connect)
            await self.ports.stopService()
            self.assertEqual(
                (await self.client(lambda: plain.recv(99)))[:9], b"421 4.3.2"
            )
            plain.close()
            with self.assertRaises(ConnectionRefusedError):
                await self.client(connect)

        return Deferred.fromCoroutine(run())
