"""A client of SCRAM, and a directory whose users have keys for it."""

import base64
import hashlib
import hmac

from zope.interface import implementer

from mailsuite.interfaces.directory import IDirectory
from mailsuite.model.principals import Denied, Principal, Signature
from mailsuite.wire.sasl import scram

NONCE = "fyko+d2lbbFgONRv9qkxdawL"


class Client:
    """``first``, then ``final(challenge)``, then ``trusts(last words)``."""

    def __init__(self, name, secret, digest="sha256", header="n,,", bound=b""):
        self.secret, self.digest = secret.encode(), digest
        self.header, self.bound = header.encode(), bound
        name = name.replace("=", "=3D").replace(",", "=2C")
        self.bare = f"n={name},r={NONCE}".encode()
        self.first = self.header + self.bare

    def final(self, challenge):
        nonce, salt, count = challenge.split(b",")
        salt = base64.b64decode(salt[2:])
        salted = hashlib.pbkdf2_hmac(self.digest, self.secret, salt, int(count[2:]))
        client = hmac.digest(salted, b"Client Key", self.digest)
        stored = hashlib.new(self.digest, client).digest()
        bound = base64.b64encode(self.header + self.bound)
        without = b"c=" + bound + b"," + nonce
        message = self.bare + b"," + challenge + b"," + without
        signature = hmac.digest(stored, message, self.digest)
        proof = bytes(a ^ b for a, b in zip(client, signature, strict=True))
        server = hmac.digest(salted, b"Server Key", self.digest)
        self._server = hmac.digest(server, message, self.digest)
        return without + b",p=" + base64.b64encode(proof)

    def trusts(self, said):
        return said == b"v=" + base64.b64encode(self._server)


@implementer(IDirectory)
class Keyed:
    """Goes before a directory of tests: ``user`` with ``secret`` has keys."""

    def __init__(self, directory, user, secret, account=None):
        self.directory, self.user = directory, user
        self.account = account or user
        self.keys = {
            digest: scram.keys(secret, digest, b"salt" * 4, 2)
            for digest in scram.DIGESTS.values()
        }

    def offers_scram(self):
        return True

    async def credentials(self, name, digest):
        if name == self.user:
            return self.keys[digest]
        return scram.keys("?", digest, b"made up", 2)

    async def authenticate(self, proof, origin):
        if not isinstance(proof, Signature):
            return await self.directory.authenticate(proof, origin)
        if proof.name == self.user and scram.proven(proof):
            return Principal(self.user, self.account)
        return Denied()

    def __getattr__(self, name):
        return getattr(self.directory, name)


class DoorContract:
    """What every door promises of SCRAM; mixed into its tests.

    ``auth(words)`` says AUTH or the like, ``respond(octets)`` the next line, both
    give what the server said; ``challenge(said)`` reads one, ``entered(said)`` and
    ``refused(said)`` know how it ended, ``user`` with ``secret`` can log in.
    """

    user, secret, events = "", "secret", None

    def begun(self, client, mechanism="SCRAM-SHA-256", initial=True):
        """Up to the server's first message."""
        words = mechanism.encode()
        if not initial:
            self.assertEqual(self.challenge(self.auth(words)), b"")
            said = self.respond(client.first)
        else:
            said = self.auth(words, base64.b64encode(client.first))
        return self.challenge(said)

    def ended(self, client, **how):
        """What the server said to the proof."""
        return self.respond(client.final(self.begun(client, **how)))

    def names(self):
        return [name for name in self.events.names() if name.startswith("auth.")]

    def logged_in(self, client, **how):
        said = self.ended(client, **how)
        if not self.entered(said):
            self.assertTrue(client.trusts(self.challenge(said)), said)
            self.assertEqual(self.names(), [])
            said = self.respond(b"")
        self.assertTrue(self.entered(said), said)
        self.assertEqual(self.names(), ["auth.succeeded"])

    def test_scram(self):
        """The proof is checked, ours is told, and only then one is logged in."""
        self.logged_in(Client(self.user, self.secret))

    def test_scram_sha_1(self):
        """So it is with SHA-1, and where the client waits to be asked."""
        client = Client(self.user, self.secret, "sha1")
        self.logged_in(client, mechanism="scram-sha-1", initial=False)

    def test_scram_denied(self):
        """A wrong password and an unknown user look the same, and are counted."""
        answers = set()
        for client in (Client(self.user, "wrong"), Client("nobody", self.secret)):
            said = self.ended(client)
            self.assertTrue(self.refused(said), said)
            answers.add(said)
        self.assertEqual(len(answers), 1)
        self.assertEqual(self.names(), ["auth.failed"] * 2)
        for failed in self.events.of("auth.failed"):
            self.assertEqual(failed.fields["mechanism"], "SCRAM-SHA-256")

    def test_scram_throttled(self):
        """Wrong proofs delay the next one, as wrong passwords do."""
        for _ in range(2):
            self.assertTrue(self.refused(self.ended(Client(self.user, "wrong"))))
        self.assertEqual(len(self.throttle), 2)

    def test_scram_malformed(self):
        """What is no message of SCRAM ends the exchange, and another may begin."""
        said = self.auth(b"SCRAM-SHA-256", b"eA==")
        self.assertTrue(self.refused(said), said)
        self.assertEqual(self.names(), [])
        self.logged_in(Client(self.user, self.secret))

    def test_scram_other_identity(self):
        """Nobody acts for another user."""
        client = Client(self.user, self.secret, header="n,a=admin,")
        said = self.auth(b"SCRAM-SHA-256", base64.b64encode(client.first))
        self.assertTrue(self.refused(said), said)

    def test_scram_plus(self):
        """Without TLS there is no channel to bind to."""
        self.assertTrue(self.refused(self.auth(b"SCRAM-SHA-256-PLUS", b"eA==")))

    def test_scram_given_up(self):
        """A client that does not trust our last words is not logged in."""
        client = Client(self.user, self.secret)
        said = self.ended(client)
        if self.entered(said):  # they came with success
            return
        for answer in (None, b"x"):
            said = self.respond(answer)
            self.assertTrue(self.refused(said), said)
            said = self.ended(client)
        self.assertEqual(self.names(), [])
