"""SCRAM (RFC 5802, RFC 7677): both sides prove a password that nobody sends.

Messages are read as RFC 5802 §7 writes them, without extensions that must be
understood. Keys of the user are asked for with :class:`~.exchange.Wanted`; the
directory judges the signature that comes of them.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping

from attrs import define, field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Signature, StoredKeys
from mailsuite.wire.sasl import encoding
from mailsuite.wire.sasl.exchange import (
    NAME_OCTETS,
    Challenge,
    ForAnother,
    Wanted,
    text,
)
from mailsuite.wire.sasl.saslprep import prepared

DIGESTS: Mapping[str, str] = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
PLUS = "-PLUS"  # with channel binding: RFC 5802 §4
MESSAGE_OCTETS = 4_096  # of a client's message; a nonce and its binding are short
NONCE_OCTETS = 512  # of a client's nonce; deployed ones have 24 to 64

_MALFORMED = "Malformed authentication response"
# Optional extensions are passed over; of m= RFC 5802 §5.1 says that it must fail.
_FIRST = re.compile(
    rb"(?P<header>(?:n|y|p=(?P<binding>[A-Za-z0-9.-]+))"
    rb",(?:a=(?P<authzid>[^,\0]+))?,)"
    rb"(?P<bare>n=(?P<name>[^,\0]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)"
    rb"(?:,[A-Za-ln-z]=[^,\0]+)*)"
)
_FINAL = re.compile(
    rb"c=(?P<bound>[A-Za-z0-9+/=]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)"
    rb"(?:,[A-Za-ln-z]=[^,\0]+)*"
)
_NAME = re.compile(rb"(?:[^=]|=2C|=3D)+")


def keys(password: str, digest: str, salt: bytes, iterations: int) -> StoredKeys:
    """Derive what is kept of a password; 0.5 us an iteration (RFC 5802 §3)."""
    secret = prepared(password).encode("utf-8", "surrogateescape")
    salted = hashlib.pbkdf2_hmac(digest, secret, salt, iterations)
    client = hmac.digest(salted, b"Client Key", digest)
    stored = hashlib.new(digest, client).digest()
    server = hmac.digest(salted, b"Server Key", digest)
    return StoredKeys(digest, salt, iterations, stored, server)


def proven(signature: Signature) -> bool:
    """Whether the client knows the password behind the keys (RFC 5802 §3)."""
    known = signature.keys
    own = hmac.digest(known.stored_key, signature.message, known.digest)
    client = bytes(a ^ b for a, b in zip(signature.proof, own, strict=False))
    stored = hashlib.new(known.digest, client).digest()
    whole = len(signature.proof) == len(own)
    return hmac.compare_digest(stored, known.stored_key) and whole


@frozen
class First:
    """The client's first message (RFC 5802 §7)."""

    header: bytes
    binding: str
    name: str
    nonce: bytes
    bare: bytes


@define(eq=False, repr=False)
class Scram:
    """One exchange. ``bindings`` are the channel's by name, if -PLUS is offered.

    Nobody may act for another: an authzid must be absent or the name.
    """

    _digest: str
    _plus: bool
    _nonce: str
    """The server's part: unpredictable, printable, without a comma."""
    _bindings: Mapping[str, bytes] = field(factory=dict)
    _first: First | None = None
    _told: tuple[StoredKeys, bytes] | None = None

    def step(self, response: bytes | None) -> Challenge | Wanted | Signature:
        """Ask with an empty challenge, read the first message, then the final one."""
        if response is None:
            return Challenge(b"")
        if len(response) > MESSAGE_OCTETS:
            raise PeerError(_MALFORMED)
        if self._told is not None:
            return self._ended(response, *self._told)
        self._first = first = read(response)
        self._bound(first)
        return Wanted(first.name, self._digest, self._challenge)

    def _bound(self, first: First) -> None:
        """RFC 5802 §6. :raises PeerError: the client must not go on like this."""
        flag = first.header[:1]
        if (flag == b"p") != self._plus:
            raise PeerError("Channel binding belongs to the -PLUS mechanism")
        if flag == b"y" and self._bindings:
            raise PeerError("Channel binding was offered; somebody hid it")
        if self._plus and first.binding not in self._bindings:
            raise PeerError("Unsupported type of channel binding")

    def _challenge(self, known: StoredKeys) -> Challenge:
        """The server's first message."""
        assert self._first is not None
        parts = (
            b"r=" + self._first.nonce + self._nonce.encode("ascii"),
            b"s=" + encoding.encode(known.salt),
            b"i=%d" % known.iterations,
        )
        said = b",".join(parts)
        self._told = known, said
        return Challenge(said)

    def _ended(self, response: bytes, known: StoredKeys, said: bytes) -> Signature:
        """Read the client's final message."""
        assert self._first is not None
        without, _, proof = response.rpartition(b",p=")
        match, decoded = _FINAL.fullmatch(without), encoding.decode(proof)
        if match is None or not decoded:
            raise PeerError(_MALFORMED)
        if match["nonce"] != self._first.nonce + self._nonce.encode("ascii"):
            raise PeerError("Not the nonce of this exchange")
        bound = self._first.header + self._bindings.get(self._first.binding, b"")
        if encoding.decode(match["bound"]) != bound:
            raise PeerError("Channel binding does not match")
        message = b",".join((self._first.bare, said, without))
        server = hmac.digest(known.server_key, message, known.digest)
        final = b"v=" + encoding.encode(server)
        return Signature(self._first.name, known, message, decoded, final)


def read(message: bytes) -> First:
    """Read the client's first message. :raises PeerError: it is none of ours."""
    match = _FIRST.fullmatch(message)
    if match is None or len(match["nonce"]) > NONCE_OCTETS:
        raise PeerError(_MALFORMED)
    name = _name(match["name"])
    if match["authzid"] is not None:
        acting = _name(match["authzid"])
        if name not in {acting, prepared(acting)}:
            raise ForAnother
    binding = (match["binding"] or b"").decode("ascii")
    return First(match["header"], binding, name, match["nonce"], match["bare"])


def _name(octets: bytes) -> str:
    """Read a saslname. :raises PeerError: an ``=`` stands for nothing."""
    if not _NAME.fullmatch(octets):
        raise PeerError(_MALFORMED)
    return text(octets.replace(b"=2C", b",").replace(b"=3D", b"="), NAME_OCTETS)
