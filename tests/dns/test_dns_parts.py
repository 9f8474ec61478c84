"""Server lists, the cache, and answers that are only octets."""

from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailsuite.dns.cache import Cache
from mailsuite.dns.memory import Table
from mailsuite.dns.questions import Fate, Finding, Question, read
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
    def test_ages(self):
        """An answer is forgotten when its time is over."""
        clock = Clock()
        cache = Cache(clock.seconds, 10)
        question = Question("a.test", RdataType.A)
        cache.put(question, Finding(Fate.FOUND, ttl=5))
        clock.advance(4)
        self.assertIsNotNone(cache.get(question))
        clock.advance(2)
        self.assertIsNone(cache.get(question))

    def test_bounded(self):
        """The least used is forgotten first."""
        cache = Cache(Clock().seconds, 2)
        questions = [Question(f"{n}.test", RdataType.A) for n in range(3)]
        for question in questions[:2]:
            cache.put(question, Finding(Fate.FOUND, ttl=5))
        cache.get(questions[0])
        cache.put(questions[2], Finding(Fate.FOUND, ttl=5))
        self.assertEqual(
            [q for q in questions if cache.get(q)], [questions[0], questions[2]]
        )


class ReadTests(SynchronousTestCase):
    @given(st.binary(max_size=200))
    def test_garbage(self, octets):
        """Whatever comes is no answer, and never an exception."""
        head = b"\0\7\x80\0\0\1\0\1\0\0\0\0\1a\4test\0\0\1\0\1"
        for whole in (octets, head[:12] + octets, head + octets):
            read(whole, Question("a.test", RdataType.A), 7)


class ProvidesTests(SynchronousTestCase):
    def test_interface(self):
        """Both resolvers provide IResolver."""
        verifyObject(IResolver, Table())
        verifyObject(IResolver, Resolver.of(Clock(), DNS()))
