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
