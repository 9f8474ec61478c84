"""The resolver against a name server that tells the truth, lies, or is silent."""

import dns.rcode
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from mailsuite.dns.resolver import Resolver
from mailsuite.dns.settings import DNS
from mailsuite.interfaces.resolving import Exchanger, NoAnswer, NoSuchName
from mailsuite.model.errors import UsageError
from tests.support.nameserver import NameServer, answer

SOA = "example.test. 60 IN SOA ns.example.test. x.example.test. 1 2 3 4 60"


class ResolverTests(TestCase):
    def _start(self, answering, **settings):
        self.server = server = NameServer(reactor, answering)
        self.addCleanup(lambda: Deferred.fromCoroutine(server.stop()))
        settings = {"seconds": 0.3, "rounds": 1, "ipv6": False} | settings
        servers = (*settings.pop("before", ()), f"127.0.0.1:{self.server.port}")
        resolver = Resolver.of(reactor, DNS(servers=servers, **settings))
        self.addCleanup(lambda: Deferred.fromCoroutine(resolver.stop()))
        return resolver

    def _rows(self, *records, **more):
        return self._start(lambda query, tcp: [answer(query, *records, **more)])

    async def _raises(self, kind, awaited):
        try:
            await awaited
        except kind:
            return
        self.fail(f"{kind} was not raised")

    async def test_exchangers(self):
        """MX records come best first, a null MX as a dot."""
        resolver = self._rows(
            "example.test. 60 IN MX 20 B.example.test.",
            "example.test. 60 IN MX 10 a.example.test.",
        )
        self.assertEqual(
            await resolver.exchangers("Example.Test."),
            [Exchanger(10, "a.example.test"), Exchanger(20, "b.example.test")],
        )
        resolver = self._rows("example.test. 60 IN MX 0 .")
        self.assertEqual(await resolver.exchangers("example.test"), [Exchanger(0, ".")])

    async def test_addresses(self):
        """IPv4 before IPv6; a literal is not asked for."""

        def both(query, tcp):
            kind = query.question[0].rdtype.name
            data = "192.0.2.1" if kind == "A" else "2001:db8::1"
            return [answer(query, f"a.example.test. 60 IN {kind} {data}")]

        resolver = self._start(both, ipv6=True)
        found = await resolver.addresses("a.example.test")
        self.assertEqual(found, ["192.0.2.1", "2001:db8::1"])
        self.assertEqual(await resolver.addresses("[IPv6:::1]"), ["::1"])
        self.assertEqual(len(self.server.asked), 2)

    async def test_cached(self):
        """An answer is remembered, and so is that there is none."""
        resolver = self._rows("a.example.test. 60 IN A 192.0.2.1")
        for _ in range(3):
            await resolver.addresses("a.example.test")
        self.assertEqual(len(self.server.asked), 1)
        resolver = self._rows(rcode=dns.rcode.NXDOMAIN, authority=[SOA])
        for _ in range(3):
            await self._raises(NoSuchName, resolver.exchangers("b.example.test"))
        self.assertEqual(len(self.server.asked), 1)

    async def test_empty(self):
        """A name without such records gives an empty answer."""
        resolver = self._rows(authority=[SOA])
        self.assertEqual(await resolver.exchangers("c.example.test"), [])

    async def test_coalesced(self):
        """Many who ask the same at once share one query."""
        resolver = self._rows("a.example.test. 0 IN A 192.0.2.1")
        asked = [
            Deferred.fromCoroutine(resolver.addresses("a.example.test"))
            for _ in range(20)
        ]
        self.assertEqual(await gatherResults(asked), [["192.0.2.1"]] * 20)
        self.assertEqual(len(self.server.asked), 1)

    async def test_truncated(self):
        """A truncated answer is asked for again over TCP."""

        def cut(query, tcp):
            whole = answer(query, "a.example.test. 60 IN A 192.0.2.1")
            return [whole] if tcp else [whole[:2] + bytes([whole[2] | 2]) + whole[3:30]]

        resolver = self._start(cut)
        self.assertEqual(await resolver.addresses("a.example.test"), ["192.0.2.1"])
        self.assertEqual([tcp for *_, tcp in self.server.asked], [False, True])

    async def test_chain(self):
        """CNAMEs are followed within an answer, and out of it."""

        def chain(query, tcp):
            if query.question[0].name.to_text() == "c.example.test.":
                return [answer(query, "c.example.test. 60 IN A 192.0.2.3")]
            return [
                answer(
                    query,
                    "a.example.test. 60 IN CNAME b.example.test.",
                    "b.example.test. 60 IN CNAME c.example.test.",
                )
            ]

        resolver = self._start(chain)
        self.assertEqual(await resolver.addresses("a.example.test"), ["192.0.2.3"])

    async def test_loop(self):
        """A CNAME that leads to itself, here or elsewhere, is no answer."""
        resolver = self._rows(
            "a.example.test. 60 IN CNAME b.example.test.",
            "b.example.test. 60 IN CNAME a.example.test.",
        )
        await self._raises(NoAnswer, resolver.addresses("a.example.test"))
        count = iter(range(1000))

        def endless(query, tcp):
            name = query.question[0].name.to_text()
            return [answer(query, f"{name} 60 IN CNAME n{next(count)}.example.test.")]

        resolver = self._start(endless)
        await self._raises(NoAnswer, resolver.addresses("a.example.test"))
        self.assertLess(len(self.server.asked), 20)

    async def test_lies(self):
        """Wrong ids, wrong questions and foreign records are not believed."""

        def lies(query, tcp):
            good = answer(
                query,
                "other.test. 60 IN A 192.0.2.66",
                "a.example.test. 60 IN A 192.0.2.1",
            )
            forged = answer(query, "a.example.test. 60 IN A 192.0.2.66")
            id_ = (query.id + 1) % 65536
            query.question[0].name = query.question[0].name.parent()
            return [id_.to_bytes(2) + forged[2:], answer(query), b"", b"\0" * 11, good]

        resolver = self._start(lies)
        self.assertEqual(await resolver.addresses("a.example.test"), ["192.0.2.1"])

    async def test_flood(self):
        """After many forgeries the query is given up."""
        resolver = self._start(lambda query, tcp: [b"\0" * 20] * 100, seconds=20.0)
        await self._raises(NoAnswer, resolver.addresses("a.example.test"))

    async def test_garbage(self):
        """Broken and huge answers are no answers."""
        resolver = self._start(
            lambda query, tcp: [query.id.to_bytes(2) + b"\x80" + b"\xff" * 40]
        )
        await self._raises(NoAnswer, resolver.addresses("a.example.test"))

        def huge(query, tcp):
            short = answer(query)
            return (
                [short + b"\0" * 60000]
                if tcp
                else [short[:2] + bytes([short[2] | 2]) + short[3:]]
            )

        resolver = self._start(huge)
        await self._raises(NoAnswer, resolver.addresses("a.example.test"))

    async def test_next_server(self):
        """A server that fails is passed over, and after some times asked last."""
        resolver = self._rows("a.example.test. 0 IN A 192.0.2.1")
        lame = NameServer(
            reactor, lambda query, tcp: [answer(query, rcode=dns.rcode.SERVFAIL)]
        )
        self.addCleanup(lambda: Deferred.fromCoroutine(lame.stop()))
        settings = DNS(
            servers=(f"127.0.0.1:{lame.port}", f"127.0.0.1:{self.server.port}"),
            seconds=20, rounds=1, ipv6=False,
        )  # fmt: skip
        resolver = Resolver.of(reactor, settings)
        for _ in range(10):
            self.assertEqual(await resolver.addresses("a.example.test"), ["192.0.2.1"])
        self.assertEqual(len(lame.asked), 3)

    async def test_silence(self):
        """Silence is no answer, within the time that was set."""
        resolver = self._start(lambda query, tcp: [], rounds=2, seconds=0.05)
        await self._raises(NoAnswer, resolver.addresses("a.example.test"))
        self.assertEqual(len(self.server.asked), 2)

    async def test_half_missing(self):
        """A server that denies the name for IPv6 alone is not believed in that."""

        def half(query, tcp):
            if query.question[0].rdtype.name == "AAAA":
                return [answer(query, rcode=dns.rcode.NXDOMAIN)]
            return [answer(query, "a.example.test. 60 IN A 192.0.2.1")]

        resolver = self._start(half, ipv6=True)
        self.assertEqual(await resolver.addresses("a.example.test"), ["192.0.2.1"])

    async def test_reload(self):
        """A reload asks the new servers, and forgets what the old ones said."""
        resolver = self._rows("a.example.test. 60 IN A 192.0.2.1")
        await resolver.addresses("a.example.test")
        self._rows("a.example.test. 60 IN A 192.0.2.2")
        resolver.reload(DNS(servers=(f"127.0.0.1:{self.server.port}",), ipv6=False))
        self.assertEqual(await resolver.addresses("a.example.test"), ["192.0.2.2"])
        self.assertRaises(UsageError, resolver.reload, DNS(servers=("nonsense",)))
        self.assertEqual(await resolver.addresses("a.example.test"), ["192.0.2.2"])

    async def test_impossible_names(self):
        """What cannot be a name does not exist, and is never asked for."""
        resolver = self._rows()
        for name in (
            "",
            ".",
            "a..b",
            "x" * 64 + ".test",
            "a b.test",
            "a\\.test",
            ("a" * 60 + ".") * 5,
        ):
            await self._raises(NoSuchName, resolver.addresses(name))
        self.assertEqual(self.server.asked, [])

    async def test_idn(self):
        """A U-label is asked for as an A-label."""
        resolver = self._rows("xn--bcher-kva.test. 60 IN A 192.0.2.9")
        self.assertEqual(await resolver.addresses("Bücher.test"), ["192.0.2.9"])
