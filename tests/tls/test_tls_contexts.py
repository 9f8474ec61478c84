"""Server and client contexts: handshakes in memory, guards, reload."""

import contextlib
import os

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import UsageError
from mailsuite.tls import contexts, selfsigned
from mailsuite.tls.contexts import Client, Contexts, server_context
from mailsuite.tls.settings import TLS

NOW = 1_790_000_000.0


def shake(client: SSL.Connection, server: SSL.Connection) -> None:
    """Carry the octets of a handshake both ways until it is done."""
    client.set_connect_state()
    server.set_accept_state()
    done = set()
    for _ in range(20):
        for near, far in ((client, server), (server, client)):
            try:
                near.do_handshake()
                done.add(near)
            except SSL.WantReadError:
                pass
            with contextlib.suppress(SSL.WantReadError):
                far.bio_write(near.bio_read(65536))
        if len(done) == 2:
            return
    raise AssertionError("the handshake does not end")


class ContextsTests(SynchronousTestCase):
    def setUp(self):
        self.settings = self._pair("mx.example.test", "127.0.0.1")

    def _pair(self, *names):
        folder = self.mktemp()
        os.makedirs(folder)
        settings = TLS(f"{folder}/cert.pem", f"{folder}/key.pem")
        import time

        selfsigned.write(settings.certificate, settings.key, names, time.time())
        return settings

    def _client(self, context, name="mx.example.test"):
        client = Client(context, name)
        return client, client.clientConnectionForTLS(None)

    def test_opportunistic(self):
        """A client that verifies nothing takes any certificate, with TLS 1.3."""
        contexts_ = Contexts(self.settings)
        contexts_.load()
        self.assertTrue(contexts_.available)
        server = contexts_.creator().serverConnectionForTLS(None)
        _, connection = self._client(contexts.opportunistic_context())
        shake(connection, server)
        self.assertEqual(connection.get_protocol_version_name(), "TLSv1.3")
        self.assertEqual(server.get_servername(), b"mx.example.test")

    def test_ends(self):
        """How long the certificate in use is good; without one there is no date."""
        import time

        contexts_ = Contexts(self.settings)
        self.assertIsNone(contexts_.ends)
        contexts_.load()
        left = (contexts_.ends - time.time()) / 86_400
        self.assertLess(abs(left - selfsigned.DAYS), 1)

    def test_verifying(self):
        """A verifying client refuses an authority it does not know."""
        server = SSL.Connection(server_context(self.settings), None)
        _, connection = self._client(contexts.verifying_context())
        self.assertRaises(SSL.Error, shake, connection, server)

    def test_name(self):
        """A trusted certificate proves only the names it bears."""
        trusting = contexts.verifying_context()
        trusting.load_verify_locations(self.settings.certificate)
        for name, right in (
            ("mx.example.test", True),
            ("127.0.0.1", True),
            ("mx.example.com", False),
            ("127.0.0.2", False),
        ):
            client, connection = self._client(trusting, name)
            shake(connection, SSL.Connection(server_context(self.settings), None))
            self.assertIs(client.proven(), right, name)

    def test_old_protocol(self):
        """TLS 1.1 is refused."""
        old = SSL.Context(SSL.TLS_METHOD)
        old.set_cipher_list(b"ALL:@SECLEVEL=0")
        old.set_max_proto_version(SSL.TLS1_1_VERSION)
        server = SSL.Connection(server_context(self.settings), None)
        self.assertRaises(SSL.Error, shake, SSL.Connection(old, None), server)

    def test_open_key(self):
        """A key that everybody may read stops the start."""
        os.chmod(self.settings.key, 0o644)
        error = self.assertRaises(UsageError, Contexts(self.settings).load)
        self.assertIn("chmod 600", str(error))

    def test_wrong_files(self):
        """Missing, swapped and unfit files are named."""
        other = self._pair("other.test")
        for bad in (
            TLS(self.settings.certificate, ""),
            TLS(self.settings.certificate, "/nonexistent"),
            TLS(self.settings.key, self.settings.key),
            TLS(self.settings.certificate, other.key),
            TLS(self.settings.certificate, self.settings.certificate),
        ):
            error = self.assertRaises(UsageError, server_context, bad)
            self.assertIn("tls.", str(error))

    def test_reload(self):
        """A good reload serves new connections, a bad one keeps the old pair."""
        living = Contexts(self.settings)
        living.load()
        first = living.creator()._context
        self.assertFalse(living.reload(TLS("/nonexistent", "/nonexistent")))
        self.assertIs(living.creator()._context, first)
        self.assertTrue(living.reload(self._pair("new.test")))
        self.assertIsNot(living.creator()._context, first)
        self.flushLoggedErrors()

    def test_without(self):
        """Without a certificate no TLS is offered, and asking is an error."""
        none = Contexts(TLS())
        none.load()
        self.assertFalse(none.available)
        self.assertRaises(UsageError, none.creator)


class SelfSignedTests(SynchronousTestCase):
    def test_modes(self):
        """The key is its owner's alone; existing files are never replaced."""
        folder = self.mktemp()
        os.makedirs(folder)
        pair = (f"{folder}/c.pem", f"{folder}/k.pem")
        selfsigned.write(*pair, ["a.test"], NOW)
        self.assertEqual(os.stat(pair[1]).st_mode & 0o777, 0o600)
        self.assertRaises(FileExistsError, selfsigned.write, *pair, ["a.test"], NOW)
