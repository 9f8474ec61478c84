"""SASL exchanges: RFC 4616 examples, LOGIN both ways, malformed responses."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Password
from mailsuite.wire.sasl import encoding
from mailsuite.wire.sasl.exchange import Challenge, Exchange, ForAnother
from mailsuite.wire.sasl.mechanisms import Choice

ALL = Choice(True, {"tls-exporter": b"x"})


def begun(name: str) -> Exchange:
    exchange = ALL.begin(name, "nonce")
    assert exchange is not None
    return exchange


class MechanismsTests(SynchronousTestCase):
    def test_names(self) -> None:
        """The strongest are told first, and found in any case; others are unknown."""
        scram = ("SCRAM-SHA-256", "SCRAM-SHA-1")
        self.assertEqual(Choice().names, ("PLAIN", "LOGIN"))
        self.assertEqual(Choice(True).names, (*scram, "PLAIN", "LOGIN"))
        plus = tuple(name + "-PLUS" for name in scram)
        self.assertEqual(ALL.names, (*plus, *scram, "PLAIN", "LOGIN"))
        for name in ALL.names:
            self.assertIsNotNone(ALL.begin(name.lower(), "nonce"))
        self.assertIsNone(ALL.begin("CRAM-MD5", "nonce"))
        self.assertIsNone(Choice().begin("SCRAM-SHA-1", "nonce"))
        self.assertIsNone(Choice(True).begin("SCRAM-SHA-1-PLUS", "nonce"))


class PlainTests(SynchronousTestCase):
    def test_rfc_example(self) -> None:
        """RFC 4616 §4, first example."""
        step = begun("PLAIN").step(b"\0tim\0tanstaaftanstaaf")
        self.assertEqual(step, Password("tim", "tanstaaftanstaaf"))

    def test_challenge_first(self) -> None:
        """Without initial response an empty challenge asks for it."""
        exchange = begun("PLAIN")
        self.assertEqual(exchange.step(None), Challenge(b""))
        self.assertEqual(exchange.step(b"\0a@b\0c"), Password("a@b", "c"))

    def test_other_identity(self) -> None:
        """An authzid is taken only when it names the same user."""
        self.assertEqual(begun("PLAIN").step(b"u\0u\0p"), Password("u", "p"))
        with self.assertRaises(ForAnother):
            begun("PLAIN").step(b"Ursel\0Kurt\0xipj3plmq")

    def test_malformed(self) -> None:
        """Missing, empty, endless or non-UTF-8 parts are the peer's error."""
        for bad in (
            b"",
            b"a",
            b"\0a",
            b"\0a\0",
            b"\0\0p",
            b"\0a\0p\0",
            b"\0\xff\0p",
            b"\0a\0" + b"p" * 1_025,
        ):
            with self.assertRaises(PeerError):
                begun("PLAIN").step(bad)

    @given(st.binary(max_size=60))
    def test_garbage(self, octets: bytes) -> None:
        """Any octets give a password or a PeerError, never another error."""
        for name in ALL.names:
            try:
                begun(name).step(octets)
            except PeerError:
                continue


class LoginTests(SynchronousTestCase):
    def test_two_challenges(self) -> None:
        """Name and password are asked for in turn."""
        exchange = begun("LOGIN")
        self.assertEqual(exchange.step(None), Challenge(b"Username:"))
        self.assertEqual(exchange.step(b"u@x"), Challenge(b"Password:"))
        self.assertEqual(exchange.step(b"p"), Password("u@x", "p"))

    def test_initial_response(self) -> None:
        """The initial response is the name."""
        exchange = begun("LOGIN")
        self.assertEqual(exchange.step(b"u@x"), Challenge(b"Password:"))

    def test_empty_parts(self) -> None:
        """An empty name or password is malformed."""
        with self.assertRaises(PeerError):
            begun("LOGIN").step(b"")
        exchange = begun("LOGIN")
        exchange.step(b"u")
        with self.assertRaises(PeerError):
            exchange.step(b"")


class EncodingTests(SynchronousTestCase):
    def test_empty(self) -> None:
        """``=`` and the empty line are the empty response."""
        self.assertEqual(encoding.decode(b"="), b"")
        self.assertEqual(encoding.decode(b""), b"")

    def test_strict(self) -> None:
        """Stray octets, missing and excess padding are refused."""
        for bad in (b"AGE", b"AGE=\r", b"A GE=", b"AGE==", b"*", b"====", b"AG\xff="):
            self.assertIsNone(encoding.decode(bad))

    @given(st.binary(max_size=200))
    def test_round_trip(self, octets: bytes) -> None:
        """Decoding gives back what was encoded."""
        self.assertEqual(encoding.decode(encoding.encode(octets)), octets)
