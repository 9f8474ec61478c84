"""The resolver and the table against the test's zones, all kinds of records."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mailsuite.dns.memory import Table
from mailsuite.dns.resolver import Resolver
from mailsuite.dns.settings import DNS
from mailsuite.interfaces.resolving import Exchanger, NoAnswer, NoSuchName, Records
from tests.support.nameserver import NameServer, Zones

ZONES = """
example.test.        60 IN SOA ns.example.test. x.example.test. 1 2 3 4 30
example.test.        60 IN TXT "v=spf1 " "mx -all"
example.test.        60 IN TXT "spaces   kept"
example.test.        60 IN MX 10 mx.example.test.
mx.example.test.     60 IN A 192.0.2.1
mx.example.test.     60 IN AAAA 2001:db8::1
www.example.test.    60 IN CNAME mx.example.test.
*.wild.example.test. 60 IN TXT "any"
_25._tcp.mx.example.test. 60 IN TLSA 3 1 0 ab12
_imaps._tcp.example.test. 60 IN SRV 0 1 993 mx.example.test.
1.2.0.192.in-addr.arpa.   60 IN PTR MX.example.test.
"""

TABLE = Table(
    hosts={"mx.example.test": ["192.0.2.1", "2001:db8::1"]},
    mail={"example.test": [Exchanger(10, "mx.example.test")]},
    broken=frozenset({"broken.test"}),
    text={
        "example.test": [b"v=spf1 mx -all", b"spaces   kept"],
        "n.wild.example.test": [b"any"],
    },
    pointers={"192.0.2.1": ["mx.example.test"]},
    other={
        ("_25._tcp.mx.example.test", "TLSA"): Records(("3 1 0 ab12",), 60.0),
        ("_imaps._tcp.example.test", "SRV"): Records(("0 1 993 mx.example.test.",), 60),
    },
)


class Contract:
    """What every resolver says of the same names."""

    async def test_texts(self):
        """Strings are joined, spaces kept; wildcards answer."""
        found = await self.resolver.texts("Example.TEST.")
        self.assertEqual(set(found), {b"v=spf1 mx -all", b"spaces   kept"})
        self.assertEqual(await self.resolver.texts("n.wild.example.test"), [b"any"])

    async def test_addresses(self):
        """IPv4 first."""
        found = await self.resolver.addresses("mx.example.test")
        self.assertEqual(found, ["192.0.2.1", "2001:db8::1"])

    async def test_exchangers(self):
        """MX."""
        found = await self.resolver.exchangers("example.test")
        self.assertEqual(found, [Exchanger(10, "mx.example.test")])

    async def test_names(self):
        """PTR, in lower case, without the last dot."""
        self.assertEqual(await self.resolver.names("192.0.2.1"), ["mx.example.test"])
        with self.assertRaises(NoSuchName):
            await self.resolver.names("192.0.2.9")
        with self.assertRaises(NoSuchName):
            await self.resolver.names("2001:db8::9")

    async def test_records(self):
        """Others as text."""
        found = await self.resolver.records("_25._tcp.mx.example.test", "TLSA")
        self.assertEqual((found.rows, found.secure), (("3 1 0 ab12",), False))
        self.assertTrue(0 < found.ttl <= 60)
        found = await self.resolver.records("_imaps._tcp.example.test", "srv")
        self.assertEqual(found.rows, ("0 1 993 mx.example.test.",))

    async def test_missing(self):
        """NXDOMAIN, no records, and no answer are three things."""
        with self.assertRaises(NoSuchName):
            await self.resolver.texts("none.example.test")
        self.assertFalse(await self.resolver.texts("mx.example.test"))
        self.assertFalse(await self.resolver.texts("_tcp.example.test"))
        self.assertFalse((await self.resolver.records("example.test", "TLSA")).rows)
        with self.assertRaises(NoAnswer):
            await self.resolver.texts("broken.test")


class TableTests(Contract, TestCase):
    def setUp(self):
        self.resolver = TABLE


class ZonesTests(Contract, TestCase):
    def setUp(self):
        self.zones = Zones(ZONES)
        self.zones.failing("broken.test")
        self.server = NameServer(reactor, self.zones)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.server.stop()))
        self.resolver = self.asking(seconds=20)

    def asking(self, seconds):
        """A resolver that waits so long for each answer."""
        servers = (f"127.0.0.1:{self.server.port}",)
        resolver = Resolver.of(reactor, DNS(servers=servers, seconds=seconds, rounds=1))
        self.addCleanup(lambda: Deferred.fromCoroutine(resolver.stop()))
        return resolver

    async def test_alias(self):
        """CNAMEs are followed, and what they lead to may lack the type."""
        found = await self.resolver.addresses("www.example.test")
        self.assertEqual(found, ["192.0.2.1", "2001:db8::1"])
        self.assertFalse(await self.resolver.texts("www.example.test"))

    async def test_misbehaviour(self):
        """Late, truncated, huge and forged answers."""
        for name in ("slow", "cut", "lied", "big"):
            self.zones.add(f'{name}.example.test. 60 IN TXT "true"')
        self.zones.slow("slow.example.test", 0.02)
        self.zones.truncating("cut.example.test")
        self.zones.lying("lied.example.test", 'lied.example.test. 1 IN TXT "no"', 5)
        for name in ("slow", "cut", "lied"):
            self.assertEqual(
                await self.resolver.texts(f"{name}.example.test"), [b"true"]
            )
        self.zones.huge("big.example.test", 10_000)
        (found,) = await self.resolver.texts("big.example.test")
        self.assertGreater(len(found), 9_000)
        self.zones.garbled("noise.test")
        hasty = self.asking(seconds=0.3)  # noise is no answer: it waits until the end
        with self.assertRaises(NoAnswer):
            await hasty.texts("noise.test")
