"""Server lists, the cache, and answers that are only octets."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailsuite.dns.cache import Cache
from mailsuite.dns.findings import Fate, Finding
from mailsuite.dns.kinds import TXT, A
from mailsuite.dns.memory import Table
from mailsuite.dns.resolver import Resolver
from mailsuite.dns.servers import Server, chosen, parse, system
from mailsuite.dns.settings import DNS
from mailsuite.interfaces.resolving import IResolver
from mailsuite.model.errors import UsageError


class ServersTests(SynchronousTestCase):
    def test_parse(self):
        """Addresses with and without port."""
        for text, server in (
            ("192.0.2.1", Server("192.0.2.1", 53)),
            ("192.0.2.1:5353", Server("192.0.2.1", 5353)),
            ("2001:db8::1", Server("2001:db8::1", 53)),
            ("[2001:db8::1]:5353", Server("2001:db8::1", 5353)),
        ):
            self.assertEqual(parse(text), server)
            self.assertEqual(parse(str(server)), server)
        for text in ("", "ns.test", "192.0.2.1:0", "192.0.2.1:x", "[::1"):
            self.assertRaises(UsageError, parse, text) if text != "[::1" else parse(
                text
            )

    def test_system(self):
        """resolv.conf is read; without it this machine is asked."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(
                "# x\nsearch a\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver ::1\n"
            )
        self.assertEqual(chosen((), path), [Server("192.0.2.1"), Server("::1")])
        self.assertEqual(system("/nonexistent"), [Server("127.0.0.1")])
        self.assertEqual(chosen(("192.0.2.7",), path), [Server("192.0.2.7")])


class CacheTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()

    def _found(self, *values, ttl=5.0):
        return Finding(Fate.FOUND, values, ttl)

    def test_ages(self):
        """An answer is forgotten when its time is over."""
        cache = Cache(self.clock.seconds, 10, 10_000)
        cache.put(("a.test", A), self._found())
        self.clock.advance(4)
        self.assertIsNotNone(cache.get(("a.test", A)))
        self.assertEqual(cache.left(("a.test", A)), 1)
        self.assertIsNone(cache.get(("a.test", TXT)))
        self.clock.advance(2)
        self.assertEqual(cache.left(("a.test", A)), 0)
        self.assertIsNone(cache.get(("a.test", A)))
        self.assertEqual((len(cache), cache.weight), (0, 0))

    def test_unremembered(self):
        """What has no time to live is not kept."""
        cache = Cache(self.clock.seconds, 10, 10_000)
        cache.put(("a.test", A), self._found(ttl=0.0))
        self.assertEqual(len(cache), 0)

    def test_bounded(self):
        """The least used is forgotten first."""
        cache = Cache(self.clock.seconds, 2, 10_000)
        questions = [(f"{n}.test", A) for n in range(3)]
        for question in questions[:2]:
            cache.put(question, self._found())
        cache.get(questions[0])
        cache.put(questions[2], self._found())
        self.assertEqual(
            [q for q in questions if cache.get(q)], [questions[0], questions[2]]
        )

    def test_octets(self):
        """Long answers count as what they take, and one too long is not kept."""
        cache = Cache(self.clock.seconds, 1_000, 20_000)
        for n in range(50):
            cache.put((f"{n}.test", TXT), self._found(b"x" * 4_000))
            self.assertLessEqual(cache.weight, 20_000)
        self.assertEqual(len(cache), 4)
        cache.put(("huge.test", TXT), self._found(b"x" * 20_000))
        self.assertEqual(len(cache), 4)
        for n in range(50):
            cache.put((f"{n}.test", TXT), self._found(b""))
        for n in range(50):
            cache._drop((f"{n}.test", TXT))
        self.assertEqual((len(cache), cache.weight), (0, 0))


class ProvidesTests(SynchronousTestCase):
    def test_interface(self):
        """Both resolvers provide IResolver."""
        verifyObject(IResolver, Table())
        verifyObject(IResolver, Resolver.of(Clock(), DNS()))
