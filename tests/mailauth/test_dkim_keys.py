"""Key records: which make a key, and what the others are told."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.memory import Table
from mailsuite.mailauth.dkim import keys
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.model.proofs import Result
from tests.support.dkim import ed25519_pair, rsa_pair, run


def der_integer(number):
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + der_length(len(octets)) + octets


def der_length(length):
    if length < 128:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def pkcs1(modulus, exponent=65537):
    """An RSAPublicKey in base64, whatever its numbers are."""
    inner = der_integer(modulus) + der_integer(exponent)
    return base64.b64encode(b"\x30" + der_length(len(inner)) + inner)


class RecordTests(SynchronousTestCase):
    """RFC 6376 §3.6.1."""

    def setUp(self):
        self.rsa = rsa_pair().record.partition(b"p=")[2]

    def refused(self, record, kind="rsa", result=Result.PERMERROR):
        error = self.assertRaises(Unfit, keys.read, record, kind)
        self.assertIs(error.result, result, error.reason)
        return error.reason

    def test_rsa(self):
        """The usual record gives its key and the number of its bits."""
        key = keys.read(rsa_pair().record, "rsa")
        self.assertEqual((key.kind, key.bits), ("rsa", 2048))
        self.assertFalse(key.testing or key.strict)

    def test_only_p(self):
        """Everything but p= has a default."""
        self.assertEqual(keys.read(b"p=" + self.rsa, "rsa").bits, 2048)

    def test_pkcs1(self):
        """The bare RSAPublicKey that the RFC's words ask for is taken too."""
        public = rsa_pair().signer.private.public_key()
        octets = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        key = keys.read(b"p=" + base64.b64encode(octets), "rsa")
        self.assertEqual(key.bits, 2048)

    def test_ed25519(self):
        """RFC 8463 §4.2: 32 octets."""
        self.assertEqual(keys.read(ed25519_pair().record, "ed25519").bits, 256)
        self.refused(b"k=ed25519; p=AAAA", "ed25519")

    def test_flags(self):
        """t= tells of tests and of strict identities; other flags do not matter."""
        key = keys.read(b"t=x : y: s; p=" + self.rsa, "rsa")
        self.assertTrue(key.testing and key.strict)

    def test_version(self):
        """v= stands first and is DKIM1."""
        self.refused(b"v=DKIM2; p=" + self.rsa)
        self.refused(b"k=rsa; v=DKIM1; p=" + self.rsa)
        self.refused(b"v=spf1 -all")
        self.refused(b"v=dkim1; p=" + self.rsa)

    def test_revoked(self):
        """An empty p= is a revoked key."""
        self.assertIn("revoked", self.refused(b"v=DKIM1; p="))

    def test_no_p(self):
        """A record without p= is no key."""
        self.refused(b"v=DKIM1; k=rsa")

    def test_hashes(self):
        """h= must allow sha256."""
        self.refused(b"h=sha1; p=" + self.rsa)
        keys.read(b"h=sha1 : sha256; p=" + self.rsa, "rsa")

    def test_services(self):
        """s= must allow e-mail, or the service at hand."""
        self.refused(b"s=other; p=" + self.rsa)
        self.refused(b"s=tlsrpt; p=" + self.rsa)
        keys.read(b"s=other:*; p=" + self.rsa, "rsa")
        keys.read(b"s=email; p=" + self.rsa, "rsa")
        keys.read(b"s=tlsrpt; p=" + self.rsa, "rsa", b"tlsrpt")

    def test_kind(self):
        """k= must be the type that the signature needs."""
        self.refused(b"k=ed25519; p=" + self.rsa, "rsa")
        self.refused(b"p=" + self.rsa, "ed25519")
        self.refused(b"k=other; p=" + self.rsa, "rsa")

    def test_broken(self):
        """Broken base64 and octets that are no key are told apart."""
        self.assertIn("base64", self.refused(b"p=MIIB!"))
        self.assertIn("no rsa key", self.refused(b"p=AAAA"))
        self.refused(b"p=" + ed25519_pair().record.partition(b"p=")[2])
        self.refused(b"\xff\x00")
        self.refused(b"a" * 9_000)

    def test_short(self):
        """RSA below 1,024 bits proves nothing (RFC 8301 §3.2)."""
        for bits in (512, 768, 1023):
            record = b"p=" + pkcs1((1 << bits - 1) + 12345)
            self.assertIn(str(bits), self.refused(record, result=Result.FAIL))

    def test_long(self):
        """A key of 16,384 bits is refused before it is decoded."""
        decoded = keys._decoded.cache_info().misses
        record = b"p=" + pkcs1((1 << 16_383) + 12345)
        self.assertIn("more than 4096", self.refused(record, result=Result.POLICY))
        self.assertEqual(keys._decoded.cache_info().misses, decoded)
        record = b"p=" + pkcs1((1 << 4_096) + 12345)
        self.refused(record, result=Result.POLICY)
        keys.read(b"p=" + pkcs1((1 << 4_095) + 12345), "rsa")

    def test_exponent(self):
        """An exponent that makes verifying dear is refused."""
        record = b"p=" + pkcs1((1 << 2_047) + 12345, (1 << 2_000) + 1)
        self.refused(record, result=Result.POLICY)

    def test_strange_numbers(self):
        """Numbers that are no key are refused, never an error of ours."""
        for modulus, exponent in (
            (0, 3),
            (1, 1),
            ((1 << 2047) + 2, 3),
            ((1 << 2047) + 1, 2),
        ):
            self.refused(b"p=" + pkcs1(modulus, exponent))


class FetchTests(SynchronousTestCase):
    """Asking DNS."""

    def refused(self, resolver, result, domain="example.com", selector="s"):
        work = keys.fetch(resolver, domain, selector)
        error = self.assertRaises(Unfit, run, work)
        self.assertIs(error.result, result)

    def test_missing(self):
        """No name and no record are the same: there is no key."""
        self.refused(Table(), Result.PERMERROR)
        here = Table(hosts={"x.s._domainkey.example.com": ("192.0.2.1",)})
        self.refused(here, Result.PERMERROR)

    def test_broken(self):
        """No answer may be one later."""
        name = "s._domainkey.example.com"
        self.refused(Table(broken=frozenset((name,))), Result.TEMPERROR)

    def test_long(self):
        """A name that DNS cannot have is not asked for."""
        self.refused(Table(), Result.PERMERROR, "a." * 100 + "example", "b." * 60 + "c")

    def test_several(self):
        """Of many records only the first few are looked at."""
        table = Table(text={"s._domainkey.example.com": (b"p=",) * 9})
        found = run(keys.fetch(table, "example.com", "s"))
        self.assertEqual(len(found), 3)
