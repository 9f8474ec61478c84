"""Public keys in DNS (RFC 6376 §3.6, RFC 8301 §3.2, RFC 8463 §4.2)."""

from collections.abc import Mapping
from functools import lru_cache

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName
from mailsuite.mailauth.dkim import tags
from mailsuite.mailauth.dkim.limits import (
    DOMAIN_OCTETS,
    KEY_CHARACTERS,
    RECORD_OCTETS,
    RECORDS_TRIED,
    RSA_BITS_MAX,
    RSA_BITS_MIN,
    RSA_EXPONENT_BITS,
)
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.mailauth.dkim.tags import Tag
from mailsuite.model.proofs import Result

Public = RSAPublicKey | Ed25519PublicKey

KEYS_KEPT = 2_048  # decoded public keys that are remembered, about 1 KB each

_PADDING = PKCS1v15()
_HASHED = Prehashed(SHA256())


@frozen
class Key:
    """One usable key."""

    public: Public = field(repr=False)
    kind: str
    """``rsa`` or ``ed25519``."""
    bits: int
    testing: bool = False
    """``t=y``."""
    strict: bool = False
    """``t=s``: the domains of ``i=`` and ``d=`` must be the same."""

    def proves(self, digest: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over a SHA-256 digest."""
        try:
            if isinstance(self.public, RSAPublicKey):
                self.public.verify(signature, digest, _PADDING, _HASHED)
            else:
                self.public.verify(signature, digest)
        except InvalidSignature:
            return False
        return True


def place(domain: str, selector: str) -> str:
    """Where a key is published (RFC 6376 §3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


async def fetch(resolver: IResolver, domain: str, selector: str) -> tuple[bytes, ...]:
    """Ask for the key records of a selector, of several the first few.

    :raises Unfit: there is none, or DNS does not answer.
    """
    name = place(domain, selector)
    if len(name) > DOMAIN_OCTETS:
        raise Unfit(Result.PERMERROR, "the name of the key is too long")
    try:
        records = await resolver.texts(name)
    except NoSuchName:
        records = ()
    except NoAnswer as error:
        raise Unfit(Result.TEMPERROR, "DNS gave no answer for the key") from error
    if not records:
        raise Unfit(Result.PERMERROR, f"no key at {name}")
    return tuple(records[:RECORDS_TRIED])


@lru_cache(KEYS_KEPT)
def read(record: bytes, kind: str, service: bytes = b"email") -> Key:
    """Read a key record as a key of type ``kind`` for e-mail or ``service``.

    :raises Unfit: it is none, is revoked, or is not for this use.
    """
    if len(record) > RECORD_OCTETS:
        raise Unfit(
            Result.PERMERROR, f"the key's record is over {RECORD_OCTETS} octets"
        )
    try:
        found = tags.parse(record)
    except ValueError as error:
        raise Unfit(Result.PERMERROR, f"the key's record: {error}") from error
    _meant(found, kind, service)
    public, bits = _usable(_packed(found), kind)
    flags = _list(found, b"t", b"")
    return Key(public, kind, bits, b"y" in flags, b"s" in flags)


def _meant(found: Mapping[bytes, Tag], kind: str, service: bytes) -> None:
    """Refuse what is no key record or not for this algorithm and service."""
    if b"v" in found and (next(iter(found)), found[b"v"].value) != (b"v", b"DKIM1"):
        raise Unfit(Result.PERMERROR, "the record is no key of DKIM1")
    if b"p" not in found:
        raise Unfit(Result.PERMERROR, "the key's record has no p=")
    if b"sha256" not in _list(found, b"h", b"sha256"):
        raise Unfit(Result.PERMERROR, "the key is not for sha256")
    if not {b"*", b"email", service}.intersection(_list(found, b"s", b"*")):
        raise Unfit(Result.PERMERROR, "the key is not for e-mail")
    value = found[b"k"].value if b"k" in found else b"rsa"
    if value.lower() != kind.encode():
        raise Unfit(Result.PERMERROR, f"the key is no {kind} key")


def _list(found: Mapping[bytes, Tag], name: bytes, default: bytes) -> list[bytes]:
    return tags.members(found[name].value if name in found else default)


def _packed(found: Mapping[bytes, Tag]) -> bytes:
    """Give the decoded ``p=``."""
    value = found[b"p"].value
    if not value:
        raise Unfit(Result.PERMERROR, "the key is revoked")
    if len(value) > KEY_CHARACTERS:
        raise Unfit(Result.POLICY, f"an RSA key of more than {RSA_BITS_MAX} bits")
    try:
        return tags.octets(value)
    except ValueError as error:
        raise Unfit(Result.PERMERROR, f"the key is {error}") from error


def _usable(packed: bytes, kind: str) -> tuple[Public, int]:
    """Decode a key and refuse what is too short, too long or too dear."""
    public = _decoded(packed, kind)
    if public is None:
        raise Unfit(Result.PERMERROR, f"the key's octets are no {kind} key")
    if not isinstance(public, RSAPublicKey):
        return public, 256
    bits = public.key_size
    if bits < RSA_BITS_MIN:
        raise Unfit(Result.FAIL, f"an RSA key of {bits} bits proves nothing (RFC 8301)")
    if bits > RSA_BITS_MAX:
        raise Unfit(Result.POLICY, f"an RSA key of more than {RSA_BITS_MAX} bits")
    numbers = public.public_numbers()
    if numbers.e < 3 or not numbers.e & numbers.n & 1:
        raise Unfit(Result.PERMERROR, "the key's numbers are no rsa key")
    if numbers.e.bit_length() > RSA_EXPONENT_BITS:
        raise Unfit(Result.POLICY, "an RSA key with a costly exponent")
    return public, bits


@lru_cache(KEYS_KEPT)
def _decoded(packed: bytes, kind: str) -> Public | None:
    """Decode a key: 32 octets, or DER in either form (RFC 6376 §3.6.1, appendix C)."""
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(packed)
        public = load_der_public_key(packed)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public if isinstance(public, RSAPublicKey) else None
