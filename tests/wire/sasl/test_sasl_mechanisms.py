"""SASL exchanges: RFC 4616 examples, LOGIN both ways, malformed responses."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Password
from mailsuite.wire.sasl import encoding, mechanisms
from mailsuite.wire.sasl.exchange import Challenge, Exchange


def begun(name: str) -> Exchange:
    exchange = mechanisms.begin(name)
    assert exchange is not None
    return exchange


class MechanismsTests(SynchronousTestCase):
    def test_names(self) -> None:
        """PLAIN and LOGIN are offered, found in any case; others are unknown."""
        self.assertEqual(mechanisms.OFFERED, ("PLAIN", "LOGIN"))
        self.assertIsNotNone(mechanisms.begin("plain"))
        self.assertIsNone(mechanisms.begin("CRAM-MD5"))


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
        with self.assertRaises(PeerError):
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
        for name in mechanisms.OFFERED:
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
