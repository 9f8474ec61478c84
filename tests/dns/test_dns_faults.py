"""Servers that fail, lie, hang or are overrun; ports, ids and bounds."""

import contextlib
import os
import resource
import time
from itertools import pairwise

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mailsuite.dns import datagrams, streams
from mailsuite.dns.budget import Budget
from mailsuite.dns.ground import Ground
from mailsuite.dns.resolver import Resolver
from mailsuite.dns.servers import Server
from mailsuite.dns.settings import DNS
from mailsuite.dns.upstream import FAULTS, Upstream
from mailsuite.events.memory import Events
from mailsuite.interfaces.resolving import NoAnswer, NoSuchName
from tests.support.nameserver import NameServer, Zones, answer, cut

ZONES = "\n".join([
    "test. 60 IN SOA ns.test. x.test. 1 2 3 4 30",
    *(f'n{n}.test. 60 IN TXT "{n}"' for n in range(200)),
    "a.test. 60 IN A 192.0.2.1",
    "alias.test. 60 IN CNAME a.test.",
    "dangling.test. 60 IN CNAME nowhere.test.",
    "mx.test. 60 IN MX 20 b.test.",
    "mx.test. 60 IN MX 10 a.test.",
])  # fmt: skip
TXT = 'a.test. 60 IN TXT "yes"'


def sockets():
    """How many this process has open."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


class Grounded(TestCase):
    def server(self, answering):
        made = NameServer(reactor, answering)
        self.addCleanup(lambda: Deferred.fromCoroutine(made.stop()))
        return made

    def resolver(self, *servers, **settings):
        self.events = Events()
        settings = {"seconds": 2.0, "rounds": 1, "ipv6": False} | settings
        addresses = tuple(f"127.0.0.1:{one.port}" for one in servers)
        made = Resolver.of(reactor, DNS(servers=addresses, **settings), self.events)
        self.addCleanup(lambda: Deferred.fromCoroutine(made.stop()))
        return made

    def asking(self, answering, **settings):
        self.one = self.server(answering)
        return self.resolver(self.one, **settings)

    def zoned(self, **settings):
        self.zones = Zones(ZONES)
        return self.asking(self.zones, **settings)

    async def refused(self, awaited, kind=NoAnswer):
        with self.assertRaises(kind):
            await awaited

    async def turn(self):
        done = Deferred()
        reactor.callLater(0, done.callback, None)
        await done


class TruthTests(Grounded):
    """What dnspython's own resolver says of the same server is what we say."""

    async def test_dnspython(self):
        """Values, no data, no name and failure, over all types."""
        resolver = self.zoned()
        self.zones.failing("broken.test")
        self.zones.truncating("mx.test")
        other = dns.resolver.Resolver(configure=False)
        other.nameservers, other.port = ["127.0.0.1"], self.one.port
        other.lifetime = 5
        for name in ("a", "alias", "dangling", "mx", "n5", "none", "broken"):
            for kind in ("A", "AAAA", "MX", "TXT", "TLSA"):
                ours = await self._ours(resolver, f"{name}.test", kind)
                theirs = await deferToThread(self._theirs, other, f"{name}.test", kind)
                self.assertEqual(ours, theirs, (name, kind))

    async def _ours(self, resolver, name, kind):
        try:
            return set((await resolver.records(name, kind)).rows)
        except (NoSuchName, NoAnswer) as error:
            return type(error).__name__

    def _theirs(self, other, name, kind):
        try:
            return {one.to_text() for one in other.resolve(name, kind)}
        except dns.resolver.NoAnswer:
            return set()
        except dns.resolver.NXDOMAIN:
            return "NoSuchName"
        except dns.resolver.NoNameservers:
            return "NoAnswer"


class FailureTests(Grounded):
    async def test_servfail_is_not_nxdomain(self):
        """They stay apart, and each is remembered."""
        resolver = self.zoned()
        self.zones.failing("broken.test")
        for _ in range(3):
            await self.refused(resolver.texts("broken.test"))
            await self.refused(resolver.texts("none.test"), NoSuchName)
            self.assertEqual(await resolver.texts("a.test"), [])
        self.assertEqual(len(self.one.asked), 3)
        self.assertEqual(resolver.counters.failures, 1)
        self.assertEqual(resolver.counters.remembered, 6)

    async def test_failing_server_once(self):
        """One that failed is not asked again for it; one that was silent is."""
        silent, failing = (
            self.server(lambda query, tcp: []),
            self.server(lambda query, tcp: [answer(query, rcode=dns.rcode.REFUSED)]),
        )
        resolver = self.resolver(silent, failing, seconds=0.2, rounds=3)
        await self.refused(resolver.texts("a.test"))
        self.assertEqual((len(silent.asked), len(failing.asked)), (3, 1))

    async def test_lame(self):
        """A server that sends us elsewhere is no recursive one."""
        lame = self.server(
            lambda query, tcp: [
                answer(query, authority=["test. 60 IN NS ns.test."])
            ]
        )  # fmt: skip
        good = self.server(Zones(ZONES))
        self.assertEqual(
            await self.resolver(lame, good).texts("n1.test"), [b"1"]
        )  # fmt: skip

    async def test_respite(self):
        """Who fails several times in a row is asked last, and told of once."""
        silent, good = self.server(lambda query, tcp: []), self.server(Zones(ZONES))
        resolver = self.resolver(silent, good, seconds=0.25)
        for n in range(8):
            self.assertEqual(await resolver.texts(f"n{n}.test"), [b"%d" % n])
        self.assertEqual(len(silent.asked), FAULTS)
        self.assertEqual(self.events.names(), ["dns.failing"])

    async def test_answering_again(self):
        """A server that comes back is told of."""
        answers = []
        resolver = self.asking(lambda query, tcp: answers, seconds=0.25)
        for n in range(FAULTS):
            await self.refused(resolver.texts(f"n{n}.test"))
        zones = Zones(ZONES)
        self.one._answering = zones
        self.assertEqual(await resolver.texts("n9.test"), [b"9"])
        self.assertEqual(self.events.names(), ["dns.failing", "dns.answering"])

    async def test_closed(self):
        """A closed port is a silent server, known at once."""
        gone = self.server(Zones(ZONES))
        await gone.stop()
        resolver = self.resolver(gone, seconds=20.0)
        await self.refused(resolver.texts("n1.test"))
        many = [
            Deferred.fromCoroutine(self.refused(resolver.texts(f"m{n}.test")))
            for n in range(100)
        ]
        await gatherResults(many)

    async def test_hanging(self):
        """A question ends with its time, a message with its own."""
        resolver = self.asking(
            lambda query, tcp: [], seconds=0.1, total_seconds=0.25, rounds=100
        )
        await self.refused(resolver.texts("a.test"))
        self.assertLessEqual(len(self.one.asked), 4)
        resolver = self.asking(lambda query, tcp: [], seconds=60.0)
        budget = Budget(resolver, reactor, seconds=0.05)
        await self.refused(budget.texts("a.test"))
        self.assertEqual(resolver.open(), 1)
        await resolver.stop()
        self.assertEqual(resolver.open(), 0)

    async def test_exhausted(self):
        """Without descriptors there is no answer for now, and later there is."""
        resolver = self.zoned()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            await self.refused(resolver.texts("n1.test"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.assertEqual(await resolver.texts("n2.test"), [b"2"])


class EDNSTests(Grounded):
    def _old(self, refusal):
        """A server that answers ``refusal`` to EDNS."""
        self.plain = []

        def answering(query, tcp):
            self.plain.append(query.edns < 0)
            if query.edns >= 0:
                return [refusal(query)]
            name = query.question[0].name.to_text()
            return [answer(query, f'{name} 0 IN TXT "yes"')]

        return self.asking(answering)

    async def _falls_back(self, refusal):
        resolver = self._old(refusal)
        for _ in range(3):
            self.assertEqual(await resolver.texts("a.test"), [b"yes"])
        self.assertEqual(self.plain, [False, True, True, True])

    async def test_formerr(self):
        """FORMERR: without EDNS from then on."""
        await self._falls_back(lambda query: answer(query, rcode=dns.rcode.FORMERR))

    async def test_notimp(self):
        """NOTIMP likewise."""
        await self._falls_back(lambda query: answer(query, rcode=dns.rcode.NOTIMP))

    async def test_bare(self):
        """A FORMERR that is only a header likewise."""
        await self._falls_back(
            lambda query: query.id.to_bytes(2) + b"\x80\x01" + b"\0" * 8
        )

    async def test_always(self):
        """A server that understands nothing fails, and EDNS stays."""
        resolver = self.asking(
            lambda query, tcp: [answer(query, rcode=dns.rcode.FORMERR)]
        )
        for n in range(2):
            await self.refused(resolver.texts(f"n{n}.test"))
        self.assertEqual(len(self.one.asked), 4)


class SecureTests(Grounded):
    async def test_loopback(self):
        """AD of a server on this machine counts, and only AD."""
        resolver = self.asking(Zones(ZONES, secure=True))
        self.assertTrue((await resolver.records("n1.test", "TXT")).secure)
        self.assertTrue((await resolver.records("alias.test", "A")).secure)
        self.assertTrue((await resolver.records("a.test", "TLSA")).secure)
        resolver = self.zoned()
        self.assertFalse((await resolver.records("n1.test", "TXT")).secure)

    async def test_untrusted(self):
        """AD of others does not count, unless we were told so."""
        for host, trust, trusted in (
            ("127.0.0.1", False, True),
            ("::1", False, True),
            ("192.0.2.1", False, False),
            ("192.0.2.1", True, True),
            ("2001:db8::1", False, False),
        ):
            ground = Ground(reactor, DNS(trust_ad=trust))
            self.assertEqual(Upstream(Server(host), ground).trusted, trusted)
        resolver = self.asking(Zones(ZONES, secure=True))
        resolver._asking._upstreams[0].trusted = False
        self.assertFalse((await resolver.records("n1.test", "TXT")).secure)

    async def test_chain(self):
        """A chain that goes on in another answer is secure if all of it is."""

        def half(query, tcp):
            name = query.question[0].name.to_text()
            if name == "a.test.":
                return [answer(query, "a.test. 60 IN CNAME b.test.", flags=0x20)]
            return [answer(query, 'b.test. 60 IN TXT "x"')]

        resolver = self.asking(half)
        found = await resolver.records("a.test", "TXT")
        self.assertEqual((found.rows, found.secure), (('"x"',), False))


class PortTests(Grounded):
    """What must be guessed by who lies, and what it costs."""

    def _watch(self, server):
        self.seen = []
        protocol = server._udp.protocol
        received = protocol.datagramReceived

        def heard(data, addr):
            self.seen.append((addr[1], int.from_bytes(data[:2])))
            received(data, addr)

        protocol.datagramReceived = heard

    async def test_random(self):
        """Questions one by one have a port and an id of their own each."""
        resolver = self.zoned()
        self._watch(self.one)
        for n in range(100):
            await resolver.texts(f"n{n}.test")
        ports, ids = ({one[at] for one in self.seen} for at in (0, 1))
        self.assertGreater(len(ports), 90)
        self.assertGreater(len(ids), 95)

    async def test_shared(self):
        """Many at once share some ports, and no port serves long."""
        resolver = self.zoned()
        self._watch(self.one)
        before = sockets()
        asked = [
            Deferred.fromCoroutine(resolver.texts(f"n{n}.test")) for n in range(200)
        ]
        self.assertLessEqual(sockets() - before, datagrams.SOCKETS + 8)
        found = await gatherResults(asked)
        self.assertEqual(found, [[b"%d" % n] for n in range(200)])
        uses = {}
        for port, id_ in self.seen:
            uses.setdefault(port, []).append(id_)
        self.assertGreaterEqual(len(uses), 8)
        for ids in uses.values():
            self.assertLessEqual(len(ids), datagrams.QUESTIONS)
            self.assertEqual(len(ids), len(set(ids)))
        await self.turn()
        self.assertEqual(sockets(), before)

    async def test_forgeries(self):
        """Many datagrams that answer nothing: the question goes over TCP."""

        def lies(query, tcp):
            good = answer(query, TXT)
            lie = answer(query, 'a.test. 60 IN TXT "no"')
            ids = [(query.id + n) % 65536 for n in range(1, 100)]
            return [good] if tcp else [one.to_bytes(2) + lie[2:] for one in ids]

        resolver = self.asking(lies, seconds=20.0)
        self.assertEqual(await resolver.texts("a.test"), [b"yes"])
        self.assertEqual(self.events.names(), ["dns.spoofed"])
        self.assertGreaterEqual(resolver.counters.forgeries, datagrams.FORGERIES)

    async def test_wrong_question(self):
        """The right id with another name or type is not believed."""

        def lies(query, tcp):
            other = dns.message.make_query("b.test", "TXT", id=query.id)
            address = dns.message.make_query("a.test", "A", id=query.id)
            return [
                answer(other, 'a.test. 60 IN TXT "no"'),
                answer(address, 'a.test. 60 IN TXT "no"'),
                query.to_wire(),
                answer(query, TXT),
                answer(query, 'a.test. 60 IN TXT "late"'),
            ]

        resolver = self.asking(lies)
        self.assertEqual(await resolver.texts("a.test"), [b"yes"])

    async def test_late(self):
        """A late answer is no lie, and answers nothing."""
        zones = Zones(ZONES)
        zones.slow("n1.test", 0.15)
        resolver = self.asking(zones, seconds=0.05)
        zones.slow("n2.test", 0.3)
        slow = self.resolver(self.one, seconds=20.0)
        await self.refused(resolver.texts("n1.test"))
        await slow.texts("n2.test")
        self.assertEqual(resolver.counters.forgeries, 0)

    async def test_mixed_case(self):
        """Names in random case are answered, and others are not believed."""
        resolver = self.zoned(mixed_case=True)
        for n in range(30):
            await resolver.texts(f"n{n}.test")
        self.assertTrue(any(name != name.lower() for name, *_ in self.one.asked))

        def lowered(query, tcp):
            octets = answer(query, 'abcdefghijklmnop.test. 60 IN TXT "x"')
            return [octets[:12] + octets[12:].lower()]

        resolver = self.asking(lowered, mixed_case=True, seconds=0.05)
        await self.refused(resolver.texts("abcdefghijklmnop.test"))


class StreamTests(Grounded):
    """TCP: only when UDP does not do, and bounded."""

    def _cut(self, whole, **settings):
        def answering(query, tcp):
            return whole(query) if tcp else [cut(answer(query))]

        return self.asking(answering, **settings)

    async def test_hanging(self):
        """A connection that says nothing ends in time."""
        resolver = self._cut(lambda query: [], seconds=0.3)
        await self.refused(resolver.texts("a.test"))
        self.assertEqual([tcp for *_, tcp in self.one.asked], [False, True])

    async def test_lies(self):
        """A wrong id or question, garbage, truncation or too much is no answer."""
        for whole in (
            lambda query: [b"\0\0" + answer(query, TXT)[2:]],
            lambda query: [answer(dns.message.make_query("b.test", "A", id=query.id))],
            lambda query: [b""],
            lambda query: [b"\xff" * 100],
            lambda query: [cut(answer(query, TXT))],
            lambda query: [answer(query, TXT) + b"\0" * 60_000],
        ):
            await self.refused(self._cut(whole).texts("a.test"))

    async def test_closed(self):
        """A server without TCP fails for such answers only."""
        resolver = self.zoned()
        self.zones.truncating("n1.test")
        await self.one._tcp.stopListening()
        await self.refused(resolver.texts("n1.test"))
        self.assertEqual(await resolver.texts("n2.test"), [b"2"])

    async def test_bounded(self):
        """So many connections at once, and the others fail for now."""
        resolver = self._cut(lambda query: [], seconds=30.0)
        before = sockets()
        asked = [
            Deferred.fromCoroutine(self.refused(resolver.texts(f"n{n}.test")))
            for n in range(200)
        ]
        watch = resolver._asking._upstreams[0]._streams
        while sum(one.called for one in asked) < 200 - streams.CONNECTIONS:
            self.assertLessEqual(watch._open, streams.CONNECTIONS)
            await self.turn()
        self.assertEqual(watch._open, streams.CONNECTIONS)
        self.assertLessEqual(sockets() - before, 2 * streams.CONNECTIONS + 16)
        await resolver.stop()
        await gatherResults(asked)
        self.assertEqual(watch._open, 0)


class BoundTests(Grounded):
    async def test_questions(self):
        """More questions than may wait fail at once, and are not remembered."""
        resolver = self.asking(lambda query, tcp: [], questions=10, seconds=60.0)
        asked = [
            Deferred.fromCoroutine(resolver.texts(f"n{n}.test")) for n in range(10)
        ]
        await self.refused(resolver.texts("n11.test"))
        await self.refused(resolver.texts("n1.test"))
        self.assertEqual(resolver.counters.limited, 2)
        self.one._answering = Zones(ZONES)
        await resolver.stop()
        for one in asked:
            await self.refused(one)
        self.assertEqual(await resolver.texts("n11.test"), [b"11"])

    async def test_many_wait(self):
        """Thousands who wait for the same do not go on in the same turn."""
        zones = Zones(ZONES)
        zones.slow("n1.test", 0.02)
        resolver = self.asking(zones, seconds=5.0)
        told, turns = [], []

        async def one():
            told.append(await resolver.texts("n1.test"))

        asked = [Deferred.fromCoroutine(one()) for _ in range(2_000)]
        while len(told) < 2_000:
            turns.append(len(told))
            await self.turn()
        await gatherResults(asked)
        steps = [after - before for before, after in pairwise(turns)]
        self.assertLessEqual(max(steps), 64)
        self.assertEqual(len(self.one.asked), 1)
        self.assertEqual(resolver.counters.joined, 1_999)

    async def test_flood(self):
        """A storm of answers is read in turns that leave room for others."""
        resolver = self.asking(Zones(ZONES), seconds=20.0)
        asked = [
            Deferred.fromCoroutine(resolver.texts(f"n{n}.test")) for n in range(200)
        ]
        most = 0
        answered = 0
        while not all(one.called for one in asked):
            done = sum(one.called for one in asked)
            most, answered = max(most, done - answered), done
            await self.turn()
        await gatherResults(asked)
        self.assertLessEqual(most, 2 * datagrams.SOCKETS * datagrams.READS)

    async def test_memory(self):
        """What is remembered of huge answers stays within its octets."""
        zones = Zones()
        for n in range(40):
            zones.huge(f"n{n}.test", 12_000)
        resolver = self.asking(zones, cache_octets=100_000, seconds=5.0)
        for n in range(40):
            self.assertGreater(len((await resolver.texts(f"n{n}.test"))[0]), 10_000)
            self.assertLessEqual(resolver._cache.weight, 100_000)
        self.assertLess(resolver.remembered(), 9)

    async def test_cost(self):
        """A question costs little CPU, a remembered one next to nothing."""
        resolver = self.asking(Zones(ZONES), seconds=20.0)
        await resolver.texts("n1.test")
        begun = time.thread_time()
        for _ in range(2_000):
            await resolver.texts("n1.test")
        cost = (time.thread_time() - begun) / 2_000
        self.assertLess(cost, 0.000_1)  # some 4 us; the bound is for busy machines

    async def test_reload(self):
        """A reload keeps the counts, and open questions get their answers."""
        zones = Zones(ZONES)
        zones.slow("n1.test", 0.1)
        resolver = self.asking(zones, seconds=20.0)
        early = Deferred.fromCoroutine(resolver.texts("n1.test"))
        other = self.server(Zones('n1.test. 60 IN TXT "new"'))
        resolver.reload(DNS(servers=(f"127.0.0.1:{other.port}",)))
        self.assertEqual(await resolver.texts("n1.test"), [b"new"])
        self.assertEqual(await early, [b"1"])
        self.assertEqual(resolver.counters.queries, 2)
        shown = {name: read() for name, _, read in resolver.counters.shown()}
        self.assertEqual(shown["questions"], 2)
