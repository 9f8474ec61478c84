"""SCRAM: the RFCs' own exchanges, channel binding, and every malformed message."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Principal, Signature
from mailsuite.wire.sasl import saslprep as saslprep_module
from mailsuite.wire.sasl import scram
from mailsuite.wire.sasl.exchange import Challenge, ForAnother, Parting, Wanted, step
from mailsuite.wire.sasl.saslprep import prepared, saslprep
from mailsuite.wire.sasl.scram import Scram
from tests.support.scram import NONCE, Client, Keyed

FIRST = f"n,,n=user,r={NONCE}".encode()
BOUND = {"tls-exporter": b"exported", "tls-server-end-point": b"hashed"}


class VectorTests(SynchronousTestCase):
    def exchanged(self, digest, nonces, salt, proof, final):
        """The password is ``pencil``, and there are 4096 iterations."""
        client, server = nonces
        exchange = Scram(digest, False, server)
        self.assertEqual(exchange.step(None), Challenge(b""))
        wanted = exchange.step(b"n,,n=user,r=" + client.encode())
        self.assertEqual((wanted.name, wanted.digest), ("user", digest))
        keys = scram.keys("pencil", digest, base64.b64decode(salt), 4096)
        said = wanted.go_on(keys).octets.decode()
        self.assertEqual(said, f"r={client}{server},s={salt},i=4096")
        signature = exchange.step(f"c=biws,r={client}{server},p={proof}".encode())
        self.assertTrue(scram.proven(signature))
        self.assertEqual(signature.final.decode(), f"v={final}")

    def test_rfc_5802(self):
        """RFC 5802 §5, octet by octet."""
        self.exchanged(
            "sha1",
            (NONCE, "3rfcNHYJY1ZVvWVs7j"),
            "QSXCR+Q6sek8bf92",
            "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        )

    def test_rfc_7677(self):
        """RFC 7677 §3, octet by octet."""
        self.exchanged(
            "sha256",
            ("rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        )


class ExchangeTests(SynchronousTestCase):
    def setUp(self):
        self.directory = Keyed(None, "user", "pencil")

    def judged(self, client, exchange):
        """What an exchange comes to: the signature."""
        asked = step(exchange, client.first, self.directory)
        challenge = self.successResultOf(Deferred.fromCoroutine(asked))
        return exchange.step(client.final(challenge.octets))

    def test_both_digests(self):
        """The right password proves, and the client can trust our last words."""
        for digest in scram.DIGESTS.values():
            client = Client("user", "pencil", digest)
            signature = self.judged(client, Scram(digest, False, "server"))
            self.assertIsInstance(signature, Signature)
            self.assertTrue(scram.proven(signature))
            self.assertTrue(client.trusts(signature.final))

    def test_wrong_password(self):
        """A wrong password proves nothing, nor does anything of an unknown user."""
        for name, secret in (("user", "pen"), ("eve", "pencil"), ("user", "")):
            client = Client(name, secret)
            signature = self.judged(client, Scram("sha256", False, "server"))
            self.assertFalse(scram.proven(signature))

    def test_short_proof(self):
        """A proof that is too short or too long is wrong, not an error."""
        keys = scram.keys("pencil", "sha256", b"salt", 2)
        for octets in (b"x", b"x" * 31, b"x" * 33, b"x" * 64):
            self.assertFalse(scram.proven(Signature("user", keys, b"", octets, b"")))

    def test_names(self):
        """``=2C`` and ``=3D`` stand for a comma and an equals sign (RFC 5802 §5.1)."""
        for name in ("a,b=c@x.test", "=2C", "=3D", "müller@example.test"):
            wanted = Scram("sha1", False, "s").step(Client(name, "").first)
            self.assertEqual(wanted.name, name)

    def test_other_identity(self):
        """An authzid is taken only when it names the same user."""
        for header in ("n,a=user,", "n,,"):
            exchange = Scram("sha1", False, "s")
            wanted = exchange.step(Client("user", "", header=header).first)
            self.assertIsInstance(wanted, Wanted)
        with self.assertRaises(ForAnother):
            Scram("sha1", False, "s").step(FIRST.replace(b"n,,", b"n,a=admin,"))

    def test_bound(self):
        """The -PLUS mechanisms prove the channel too, of each type we have."""
        for name, octets in BOUND.items():
            header = f"p={name},,"
            client = Client("user", "pencil", header=header, bound=octets)
            exchange = Scram("sha256", True, "server", BOUND)
            self.assertTrue(scram.proven(self.judged(client, exchange)))

    def test_bound_elsewhere(self):
        """A client that talks to us through somebody else is refused."""
        client = Client("user", "pencil", header="p=tls-exporter,,", bound=b"other")
        with self.assertRaisesRegex(PeerError, "does not match"):
            self.judged(client, Scram("sha256", True, "server", BOUND))

    def test_downgrade(self):
        """Who was told that we cannot bind was lied to (RFC 5802 §6)."""
        client = Client("user", "pencil", header="y,,")
        with self.assertRaisesRegex(PeerError, "hid"):
            Scram("sha256", False, "server", BOUND).step(client.first)
        self.assertTrue(
            scram.proven(self.judged(client, Scram("sha256", False, "server")))
        )

    def test_binding_and_mechanism(self):
        """-PLUS needs a binding that we have, and the others take none."""
        for plus, header in (
            (True, "n,,"),
            (True, "y,,"),
            (True, "p=tls-unique,,"),
            (False, "p=tls-exporter,,"),
        ):
            with self.assertRaises(PeerError):
                Scram("sha1", plus, "s", BOUND).step(
                    Client("user", "", header=header).first
                )

    def test_changed_header(self):
        """What the client said first is what it must confirm."""
        client = Client("user", "pencil")
        exchange = Scram("sha256", False, "server")
        client.header = b"y,,"
        client.first = FIRST
        with self.assertRaisesRegex(PeerError, "does not match"):
            self.judged(client, exchange)

    def test_malformed_first(self):
        """Each is the peer's error: extensions that must be understood, odd names."""
        for bad in (
            b"",
            b"n",
            b"n,,n=user",
            b"n,,n=,r=x",
            b"n,,r=x,n=user",
            b"n,,m=ext,n=user,r=x",
            b"n,,n=user,r=x,m=ext",
            b"n,,n=user,r=x,x=y,m=ext",
            b"n,,n=user,r=",
            b"n,,n=user,r=a b",
            b"n,,n=user,r=x,",
            b"n,,n=us=er,r=x",
            b"n,,n=us=2c,r=x",
            b"n,,n=\xff,r=x",
            b"n,,n=a\0b,r=x",
            b"x,,n=user,r=x",
            b"p=,,n=user,r=x",
            b"n,,n=" + b"u" * 321 + b",r=x",
            b"n,,n=user,r=" + b"x" * 513,
            b"n,,n=user,r=x" + b",x=" + b"y" * 5_000,
        ):
            with self.assertRaises(PeerError, msg=bad):
                Scram("sha1", False, "s").step(bad)
        self.assertIsInstance(Scram("sha1", False, "s").step(FIRST + b",x=y"), Wanted)

    def test_malformed_final(self):
        """So is what ends the exchange in another way than it began."""
        nonce = NONCE.encode() + b"server"
        for bad in (
            b"",
            b"c=biws,r=" + nonce,
            b"c=biws,r=" + nonce + b",p=",
            b"c=biws,r=" + nonce + b",p=?",
            b"c=biws,r=" + NONCE.encode() + b",p=eHh4",
            b"c=biws,r=" + nonce + b"x,p=eHh4",
            b"c=eSws,r=" + nonce + b",p=eHh4",
            b"c=?,r=" + nonce + b",p=eHh4",
            b"r=" + nonce + b",c=biws,p=eHh4",
            b"c=biws,r=" + nonce + b",m=ext,p=eHh4",
            b"x" * 5_000,
        ):
            exchange = Scram("sha1", False, "server")
            _ = exchange.step(FIRST).go_on(self.directory.keys["sha1"])
            with self.assertRaises(PeerError, msg=bad):
                exchange.step(bad)

    @given(st.binary(max_size=80), st.binary(max_size=80))
    def test_garbage(self, first, final):
        """Any octets give a signature or a PeerError, never another error."""
        for exchange in (
            Scram("sha1", False, "s"),
            Scram("sha256", True, "s", BOUND),
        ):
            try:
                wanted = exchange.step(b"n,,n=" + first)
                _ = wanted.go_on(self.directory.keys["sha1"])
                exchange.step(b"c=biws,r=" + final)
            except PeerError:
                continue

    def test_parting(self):
        """Our last words are acknowledged with nothing."""
        ann = Principal("ann", "ann")
        self.assertEqual(Parting(ann).step(b""), ann)
        with self.assertRaises(PeerError):
            Parting(ann).step(b"x")


class SaslprepTests(SynchronousTestCase):
    def test_rfc_4013(self):
        """RFC 4013 §3."""
        self.assertEqual(saslprep("I\u00adX"), "IX")
        self.assertEqual(saslprep("user"), "user")
        self.assertEqual(saslprep("USER"), "USER")
        self.assertEqual(saslprep("\u00aa"), "a")
        self.assertEqual(saslprep("\u2168"), "IX")
        for bad in ("\u0007", "\u0627\u0031"):
            with self.assertRaises(ValueError):
                saslprep(bad)

    def test_spaces(self):
        """All spaces are one (RFC 4013 §2.1), and what is both ways is none."""
        self.assertEqual(saslprep("a\u00a0b c"), "a b c")
        with self.assertRaises(ValueError):
            saslprep("\u0627a\u0627")
        with self.assertRaises(ValueError):
            saslprep("\ue000")

    def test_looked_at_once(self):
        """What stands for many characters costs no more than what is different."""
        seen = []
        first = saslprep_module._PROHIBITED[0]

        def looked(one):
            seen.append(one)
            return first(one)

        prohibited = (looked, *saslprep_module._PROHIBITED[1:])
        self.patch(saslprep_module, "_PROHIBITED", prohibited)
        self.assertGreater(len(saslprep("\ufdfa" * 300)), 5_000)
        self.assertLess(len(seen), 20)

    def test_as_it_is(self):
        """What cannot be prepared stays: passwords are anything people type."""
        for odd in ("\u0007", "\u00ad", "\ud800", ""):
            self.assertEqual(prepared(odd), odd)
        self.assertEqual(prepared("🫠"), "🫠")

    @given(st.text(max_size=30))
    def test_any(self, text):
        """Any text can be prepared, and never to nothing."""
        self.assertEqual(bool(prepared(text)), bool(text))
