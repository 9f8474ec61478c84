"""Channel bindings of certificates that OpenSSL takes."""

import contextlib
import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.bindings import bindings

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SHA_256 = bytes.fromhex("06082a8648ce3d040302")  # ecdsa-with-SHA256
UNKNOWN = bytes.fromhex("06082a8648ce3d04037f")  # nobody gave that number away


class Transport:
    """What a connection's transport tells."""

    TLS = True

    def __init__(self, connection):
        self.connection = connection

    def getHandle(self):
        return self.connection


def shaken(der, key):
    """The server's side of a finished handshake of TLS 1.3."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(x509.load_der_x509_certificate(der))
    context.use_privatekey(key)
    server = SSL.Connection(context, None)
    client = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    server.set_accept_state()
    client.set_connect_state()
    for near, far in ((client, server), (server, client)) * 3:
        with contextlib.suppress(SSL.WantReadError):
            near.do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            far.bio_write(near.bio_read(65_536))
    return server


class BindingsTests(SynchronousTestCase):
    def setUp(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([])
        made = x509.CertificateBuilder(name, name, self.key.public_key(), 5)
        made = made.not_valid_before(BEGIN)
        made = made.not_valid_after(BEGIN + dt.timedelta(days=1))
        signed = made.sign(self.key, hashes.SHA256())
        self.der = signed.public_bytes(serialization.Encoding.DER)

    def test_both(self):
        """TLS 1.3 has the exporter and the certificate (RFC 9266, RFC 5929)."""
        found = bindings(Transport(shaken(self.der, self.key)))
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.der)
        self.assertEqual(found["tls-server-end-point"], digest.finalize())
        self.assertEqual(len(found["tls-exporter"]), 32)

    def test_unknown_algorithm(self):
        """A signature that we do not know takes nobody's login away."""
        odd = self.der.replace(SHA_256, UNKNOWN)
        self.assertNotEqual(odd, self.der)
        found = bindings(Transport(shaken(odd, self.key)))
        self.assertEqual(set(found), {"tls-exporter"})
