"""Messages read and written, beside dnspython; what is broken or nasty is no answer."""

import random

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.findings import Fate
from mailsuite.dns.kinds import MX, PTR, TXT, A, shown
from mailsuite.dns.messages import (
    MESSAGE_OCTETS,
    RECORDS,
    answers,
    query,
    read,
    section,
)
from mailsuite.dns.names import BrokenAnswer, Names, canonical, wired
from mailsuite.interfaces.resolving import Exchanger
from mailsuite.model.errors import UsageError
from tests.support.nameserver import answer, row
from tests.support.patience import cpu, within

SOA = "test. 60 IN SOA ns.test. x.test. 1 2 3 4 30"
TURN_SECONDS = 0.05  # of CPU: the law of every turn of the reactor

DATA = {
    "A": ["192.0.2.1", "198.51.100.255"],
    "AAAA": ["2001:db8::1", "::1", "::ffff:192.0.2.1", "::5:6", "1:0:0:2::3"],
    "MX": ["10 mx.test.", "0 .", "65535 A.B.c.test."],
    "TXT": ['"one"', '"two " "strings"', '""', '"\\200\\"x\\\\"'],
    "PTR": ["Host.test.", "a\\.b.test.", "."],
    "SRV": ["0 1 993 mx.test.", "0 0 0 ."],
    "TLSA": ["3 1 0 ab12"],
    "CAA": ['0 issue "ca.test"'],
    "NS": ["ns1.test."],
    "SOA": ["ns.test. x.test. 1 2 3 4 5"],
    "DS": ["1 8 2 " + "ab" * 32],
}
NAMES = ["a.test.", "b.test.", "c.a.test.", "x-y_z.test.", "test."]


def asked(name, kind="A"):
    return dns.message.make_query(name, kind, id=7)


def judge(octets, name="a.test", kind=A):
    return read(octets, section(name, kind), name, kind)


class QueryTests(SynchronousTestCase):
    def test_dnspython_reads(self):
        """A query is what dnspython would have written, with AD and EDNS."""
        for name in ("a.test", "xn--bcher-kva.a-b.test", "_25._tcp.mx.test", "x" * 63):
            for edns in (True, False):
                octets = query(0x1234, section(name, MX), edns=edns)
                message = dns.message.from_wire(octets)
                self.assertEqual(message.id, 0x1234)
                self.assertEqual(message.flags, dns.flags.RD | dns.flags.AD)
                self.assertEqual(message.question[0].name, dns.name.from_text(name))
                self.assertEqual(message.question[0].rdtype, dns.rdatatype.MX)
                self.assertEqual(message.edns, 0 if edns else -1)
                self.assertEqual(message.payload, 1232 if edns else 0)
                self.assertFalse(message.ednsflags)


class NameTests(SynchronousTestCase):
    def test_canonical(self):
        """Case, final dots and U-labels do not matter; what has no form is None."""
        for name, plain in (
            ("A.Test.", "a.test"),
            ("Bücher.test", "xn--bcher-kva.test"),
            ("l+x=y/z._spf.test", "l+x=y/z._spf.test"),
            ("x" * 63 + ".test", "x" * 63 + ".test"),
        ):
            self.assertEqual(canonical(name), plain)
        long = ".".join(["x" * 60] * 4 + ["y" * 9])
        self.assertEqual(canonical(long), long)
        for name in ("", ".", "a..b", ".a", "a b", 'a".b', "a\\.b", "a\0b", "a\n",
                     long + "y", "x" * 64, "\ud800", "☃" * 300):  # fmt: skip
            self.assertIsNone(canonical(name), repr(name))

    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=8))
    def test_any_octets(self, labels):
        """Names of any octets are told apart, and those we write are read back."""
        octets = b"".join(bytes([len(one)]) + one for one in labels) + b"\0"
        name, after = Names(octets).read(0)
        self.assertEqual(after, len(octets))
        plain = canonical(name)
        if plain is not None:
            self.assertEqual(wired(plain), octets.lower())

    def test_pointers(self):
        """Pointers lead backwards only, and a name has at most 255 octets."""
        names = Names(b"\1a\0\1b\xc0\0\1c\xc0\3\xc0\x0a\xc0\x0c\x40" + b"x" * 80)
        self.assertEqual(names.read(3), ("b.a", 7))
        self.assertEqual(names.read(7), ("c.b.a", 11))
        for at in (11, 13, 15):
            self.assertRaises(BrokenAnswer, Names(names.octets).read, at)
        labels = b"".join(b"\x3f" + b"x" * 63 for _ in range(4)) + b"\0"
        self.assertRaises(BrokenAnswer, Names(labels).read, 0)
        self.assertRaises(IndexError, Names(b"\5abc").read, 0)


class AnswerTests(SynchronousTestCase):
    def test_values(self):
        """Values are what callers need."""
        for kind, text, value in (
            (A, "A 192.0.2.1", "192.0.2.1"),
            (MX, "MX 10 Mx.Test.", Exchanger(10, "mx.test")),
            (MX, "MX 0 .", Exchanger(0, ".")),
            (TXT, 'TXT "a " "b"', b"a b"),
            (PTR, "PTR Host.Test.", "host.test"),
            (shown("TLSA"), "TLSA 3 1 0 AB12", "3 1 0 ab12"),
            (shown("TXT"), 'TXT "a" "b"', '"a" "b"'),
        ):
            made = answer(asked("a.test", text.split()[0]), f"a.test. 60 IN {text}")
            found = judge(made, kind=kind)
            self.assertEqual((found.fate, found.ttl), (Fate.FOUND, 60), text)
            self.assertEqual(found.values, (value,))

    def test_types(self):
        """Types that nobody may ask for are refused."""
        for text in ("ANY", "AXFR", "OPT", "NOSUCH", ""):
            self.assertRaises(UsageError, shown, text)
        self.assertIs(shown("A"), A)
        self.assertIs(shown("TLSA"), shown("TLSA"))

    def test_least_ttl(self):
        """The chain's shortest time counts; one with its highest bit set is zero."""
        made = answer(
            asked("a.test"), "a.test. 9 IN CNAME b.test.", "b.test. 60 IN A 192.0.2.1"
        )
        self.assertEqual(judge(made).ttl, 9)
        made = answer(asked("a.test"), "a.test. 60 IN A 192.0.2.1")
        evil = made.replace(b"\0\0\0\x3c", b"\x80\0\0\x3c")
        self.assertEqual(judge(evil).ttl, 0)
        evil = made.replace(b"\0\0\0\x3c", b"\x7f\xff\xff\xff")
        self.assertEqual(judge(evil).ttl, 86_400)

    def test_negative(self):
        """How long absence is known is the SOA's minimum or TTL; else not at all."""
        none, missing = dns.rcode.NOERROR, dns.rcode.NXDOMAIN
        for rcode, fate in ((none, Fate.FOUND), (missing, Fate.MISSING)):
            for soa, ttl in (
                ((SOA,), 30),
                ((SOA.replace("60", "20", 1),), 20),
                ((SOA.replace("60", "90000", 1).replace(" 30", " 80000"),), 3_600),
                ((SOA.replace("test.", "other.test.", 1),), 0),
                ((), 0),
            ):
                made = answer(asked("a.test"), rcode=rcode, authority=soa)
                found = judge(made)
                self.assertEqual((found.fate, found.ttl), (fate, ttl), soa)
                self.assertEqual(found.values, ())

    def test_failures(self):
        """SERVFAIL and the like, referrals and contradictions are no answers."""
        for rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTAUTH):
            self.assertIs(judge(answer(asked("a.test"), rcode=rcode)).fate, Fate.FAILED)
        for rcode in (dns.rcode.FORMERR, dns.rcode.NOTIMP):
            found = judge(answer(asked("a.test"), rcode=rcode))
            self.assertIs(found.fate, Fate.MISUNDERSTOOD)
        referral = answer(asked("a.test"), authority=["test. 60 IN NS ns.test."])
        self.assertIs(judge(referral).fate, Fate.FAILED)
        both = answer(
            asked("a.test"), "a.test. 60 IN A 192.0.2.1", rcode=dns.rcode.NXDOMAIN
        )
        self.assertIs(judge(both).fate, Fate.FAILED)

    def test_extended(self):
        """BADVERS hides behind NOERROR (RFC 6891 §6.1.3)."""
        made = dns.message.make_response(
            dns.message.make_query("a.test", "A", use_edns=0)
        )
        made.set_rcode(dns.rcode.BADVERS)
        self.assertIs(judge(made.to_wire()).fate, Fate.MISUNDERSTOOD)

    def test_secure(self):
        """AD is told of what is and of what is not."""
        for rows in (["a.test. 60 IN A 192.0.2.1"], []):
            for flags in (0, dns.flags.AD):
                made = answer(asked("a.test"), *rows, flags=flags, authority=[SOA])
                self.assertEqual(judge(made).secure, bool(flags))

    def test_beside(self):
        """Records for other names and classes are not looked at."""
        made = answer(
            asked("a.test"),
            "other.test. 60 IN A 192.0.2.66",
            "a.test. 60 CH A a.test. 1",
            "a.test. 60 IN A 192.0.2.1",
        )
        self.assertEqual(judge(made).values, ("192.0.2.1",))

    def test_onward(self):
        """A chain that leaves the message says where it goes on."""
        made = answer(asked("a.test"), "a.test. 60 IN CNAME Far.Test.")
        self.assertEqual(judge(made).onward, "far.test")
        loop = answer(
            asked("a.test"),
            "a.test. 60 IN CNAME b.test.",
            "b.test. 60 IN CNAME a.test.",
        )
        self.assertIs(judge(loop).fate, Fate.FAILED)

    def test_bounded(self):
        """Of many records some are kept."""
        rows = [f"a.test. 60 IN A 10.0.{n // 250}.{n % 250}" for n in range(900)]
        found = judge(answer(asked("a.test"), *rows))
        self.assertEqual(len(found.values), RECORDS)

    def test_answers(self):
        """An answer repeats the question; a refusal or a cut one need not."""
        good = answer(asked("a.test"), "a.test. 60 IN A 192.0.2.1")
        question = section("a.test", A)
        self.assertTrue(answers(good, question))
        self.assertFalse(answers(good, section("a.test", MX)))
        self.assertFalse(answers(good, section("b.test", A)))
        self.assertFalse(answers(asked("a.test").to_wire(), question))
        self.assertFalse(answers(good[:11], question))
        self.assertFalse(answers(b"", question))
        bare = good[:2] + b"\x81\x81" + b"\0" * 8
        self.assertTrue(answers(bare, question))
        self.assertFalse(answers(good[:2] + b"\x81\x80" + b"\0" * 8, question))
        cut = good[:2] + bytes([good[2] | 2]) + good[3:20]
        self.assertTrue(answers(cut, question))
        self.assertIs(judge(cut).fate, Fate.TRUNCATED)


class AgreementTests(SynchronousTestCase):
    """What dnspython reads in an answer is what we read."""

    def _expected(self, octets, kind):
        message = dns.message.from_wire(octets)
        chain = message.resolve_chaining()
        rows = {one.to_text() for one in chain.answer} if chain.answer else set()
        return rows, chain.canonical_name.to_text(omit_final_dot=True).lower()

    @given(st.integers(0, 10**9))
    def test_agreement(self, seed):
        """Over random answers with chains, decoys and all types."""
        draw = random.Random(seed)
        kind = draw.choice(list(DATA))
        name = draw.choice(NAMES)
        rows = []
        for _ in range(draw.randrange(6)):
            type_ = draw.choice([kind, kind, "CNAME", draw.choice(list(DATA))])
            data = draw.choice(DATA.get(type_) or NAMES)
            rows.append(f"{draw.choice([name, *NAMES])} 60 IN {type_} {data}")
        links = {}
        rows = [
            one
            for one in rows
            if " CNAME " not in one or links.setdefault(one.split()[0], one) is one
        ]
        octets = answer(asked(name, kind), *rows, authority=["." + SOA[5:]])
        plain = name.rstrip(".")
        found = read(octets, section(plain, shown(kind)), plain, shown(kind))
        try:
            expected, _ = self._expected(octets, kind)
        except (dns.message.ChainTooLong, dns.message.AnswerForNXDOMAIN):
            self.assertIs(found.fate, Fate.FAILED)
            return
        self.assertIs(found.fate, Fate.FOUND)
        same = {row(f"a. 1 IN {kind} {one}")[0].to_text() for one in found.values}
        self.assertEqual(same, expected)


class NastyTests(SynchronousTestCase):
    """Broken and hostile answers."""

    @given(st.binary(max_size=200))
    def test_garbage(self, octets):
        """Whatever comes is no exception."""
        head = b"\0\7\x81\x80\0\1\0\1\0\0\0\0\1a\4test\0\0\1\0\1"
        for whole in (octets, head[:12] + octets, head + octets):
            answers(whole, section("a.test", A))
            judge(whole)

    @given(st.integers(0, 10**9))
    def test_flipped(self, seed):
        """Neither is an answer with altered, missing or repeated octets."""
        draw = random.Random(seed)
        kind = draw.choice(list(DATA))
        rows = [f"a.test. 60 IN {kind} {one}" for one in DATA[kind]]
        octets = bytearray(
            answer(asked("a.test", kind), *rows, authority=[SOA])
        )  # fmt: skip
        for _ in range(draw.randrange(1, 6)):
            at = draw.randrange(4, len(octets))
            octets[at] = draw.choice([0, 0xC0, 0xFF, draw.randrange(256)])
        if draw.random() < 0.3:
            del octets[draw.randrange(len(octets)) :]
        judge(bytes(octets), kind=shown(kind))
        judge(bytes(octets), kind=TXT)

    def _costs(self, octets, kind=A):
        within(TURN_SECONDS, lambda: cpu(lambda: judge(octets, kind=kind)))
        return judge(octets, kind=kind)

    def _message(self, count, body, authority=0):
        head = b"\0\7\x81\x80\0\1" + count.to_bytes(2) + authority.to_bytes(2) + b"\0\0"
        return (head + section("a.test", A) + body)[:MESSAGE_OCTETS]

    def test_deep_names(self):
        """Records whose names are as deep as can be, each in its own way."""
        deep = b"\1x" * 120
        body = deep + b"\xc0\x0c" + b"\0\1\0\1" + b"\0\0\0\1" + b"\0\0"
        start = 24
        for n in range(1_300):
            at = 0xC000 | (start + n % 120 * 2)
            body += b"\1y" + at.to_bytes(2) + b"\0\1\0\1\0\0\0\1\0\0"
        self._costs(self._message(1_000, body))
        records = deep + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\0"
        self._costs(self._message(70, records * 80))

    def test_counts_lie(self):
        """A count beyond the records, over a message that is full of them."""
        body = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4" * 1_100
        found = self._costs(self._message(0xFFFF, body))
        self.assertIs(found.fate, Fate.FAILED)
        found = self._costs(self._message(1_000, body))
        self.assertEqual(found.values, ("1.2.3.4",))
        self._costs(self._message(0, b"\0\0\2\0\1\0\0\0\0\0\0" * 1_500, 1_480))

    def test_huge(self):
        """More octets than we read are not read at all."""
        self.assertIs(self._costs(b"\0" * 65_535).fate, Fate.FAILED)

    def test_strings(self):
        """TXT records of one octet each, as many as fit."""
        strings = b"\0" * 16_000
        body = b"\xc0\x0c\0\x10\0\1\0\0\0\1" + len(strings).to_bytes(2) + strings
        found = self._costs(self._message(1, body), TXT)
        self.assertEqual(found.values, (b"",))

    def test_presented(self):
        """Types that dnspython reads for us, as many and as long as can be."""
        for kind, data in (("TLSA", b"\3\1\0" + b"x" * 20), ("SVCB", b"\0\1\0" * 9)):
            number = shown(kind).number.to_bytes(2)
            record = b"\xc0\x0c" + number + b"\0\1\0\0\0\1" + len(data).to_bytes(2)
            body = b"".join(
                record + data[:-2] + n.to_bytes(2) for n in range(450)
            )  # fmt: skip
            self._costs(self._message(440, body), shown(kind))
