"""Routes, candidates and implicit TLS, each by itself."""

import os

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.memory import Table
from mailsuite.interfaces.resolving import Exchanger
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import UsageError
from mailsuite.net.lanes import Lane
from mailsuite.relay.candidates import HOSTS, Candidates, Target, public
from mailsuite.relay.content import BLOCK_OCTETS, Content
from mailsuite.relay.dialing import Dialer
from mailsuite.relay.routes import Policy, Route, Routes
from mailsuite.relay.settings import Relay
from tests.relay.test_remote import Counted, Relaying, certified


class RoutesTests(SynchronousTestCase):
    def _routes(self, *rows, tls="may"):
        return Routes.parse(rows, 25, tls)

    def test_specific(self):
        """The most specific route counts; without one the MX does."""
        routes = self._routes("* h0", "a.test [h1]:2525", ".b.test h2")
        found = {
            d: routes.find(d).host
            for d in ("A.test", "x.a.test", "b.test", "x.y.b.test")
        }
        self.assertEqual(
            found,
            {"A.test": "h1", "x.a.test": "h0", "b.test": "h2", "x.y.b.test": "h2"},
        )
        route = routes.find("a.test")
        self.assertEqual((route.port, route.exchangers), (2525, False))
        route = self._routes().find("c.test")
        self.assertEqual(
            route, Route("c.test", 25, True, Policy.MAY, None, configured=False)
        )

    def test_login(self):
        """A secret comes from a file, the environment, or stands there."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("s3cret\n")
        self.patch(os, "environ", {"PW": "other"})
        for word, secret in (
            (f"file:{path}", "s3cret"),
            ("env:PW", "other"),
            ("plain", "plain"),
        ):
            route = self._routes(f"* h:587 user=u password={word}").find("x")
            self.assertEqual((route.login.user, route.login.password), ("u", secret))
            self.assertIs(route.tls, Policy.VERIFY)
            self.assertNotIn(secret, repr(route))

    def test_wrapped(self):
        """Port 465 speaks TLS from the first octet."""
        self.assertTrue(self._routes("* h:465").find("x").wrapped)
        self.assertFalse(self._routes("* h:587").find("x").wrapped)

    def test_wrong(self):
        """What cannot be read is named."""
        for row in (
            "*", "a h:x", "a h:99999", "a h tls=x", "a h colour=red", "a h user",
            "a h user=u password=file:/nonexistent", "a h user=u password=env:NO_SUCH_THING",
        ):  # fmt: skip
            self.assertIn(
                "relay.routes", str(self.assertRaises(UsageError, self._routes, row))
            )
        self.assertRaises(UsageError, self._routes, tls="maybe")


class CandidatesTests(SynchronousTestCase):
    def _hosts(self, mail):
        route = Routes.parse((), 25, "may").find("b.test")
        candidates = Candidates(Table({}, {"b.test": mail}), frozenset({"us.test"}))
        work = candidates.hosts(route)
        try:
            work.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("it waits")

    def test_mixed(self):
        """Equal hosts come in random order, better ones first, not too many."""
        mail = [Exchanger(10, f"h{n}.test") for n in range(8)] + [
            Exchanger(1, "first.test")
        ]
        orders = {tuple(self._hosts(mail)) for _ in range(50)}
        self.assertEqual({order[0] for order in orders}, {"first.test"})
        self.assertGreater(len(orders), 10)
        many = [Exchanger(1, f"h{n}.test") for n in range(1000)]
        self.assertEqual(len(self._hosts(many)), HOSTS)

    def test_public(self):
        """Only addresses of the public network are."""
        for address in ("8.8.8.8", "2606:4700::1"):
            self.assertTrue(public(address), address)
        for address in (
            "127.0.0.1", "10.1.1.1", "192.168.0.1", "169.254.0.1", "0.0.0.0", "224.0.0.1",
            "255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "ff02::1",
            "::ffff:10.0.0.1", "2002:7f00:1::",
        ):  # fmt: skip
            self.assertFalse(public(address), address)


class WrappedTests(Relaying):
    async def test_wrapped(self):
        """TLS before the greeting, which is then only heard inside."""
        sink = self.sink(context=certified(self.mktemp()), wrapped=True)
        route = Route("127.0.0.1", sink.port, False, Policy.REQUIRED, wrapped=True)
        dialer = Dialer(reactor, "us.test", Relay(), Counted())
        dialogue = await dialer.dial(Target("127.0.0.1", "127.0.0.1", sink.port), route)
        self.assertTrue(dialogue.secured)
        self.assertTrue(dialogue.usable)
        dialogue.abort()


class ContentTests(Relaying):
    async def test_blocks(self):
        """Memory and file give the same octets and traits."""
        octets = b"A: b\r\n\r\n" + b"x" * BLOCK_OCTETS + "é".encode()
        path = os.path.join(os.getcwd(), self.mktemp())
        with open(path, "wb") as file:  # noqa: ASYNC230 - a test
            file.write(octets)
        lane = Lane(reactor, "test")
        self.addCleanup(lane.stop)
        for blob in (
            Blob("k", 1, octets, b"P: p\r\n"),
            Blob("k", 1, None, b"P: p\r\n", path),
        ):
            content = Content(blob, lane)
            await content.open(None)
            self.assertEqual(await content.traits(), (False, True))
            whole = b""
            while block := await content.block(len(whole)):
                whole += block
            self.assertEqual(whole, b"P: p\r\n" + octets)
