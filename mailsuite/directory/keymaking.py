"""New keys for signing: RSA of 2,048 bits (RFC 8301 §3.2) and Ed25519 (RFC 8463)."""

import base64
from collections.abc import Collection
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mailsuite.interfaces.signing import SigningKey
from mailsuite.model.errors import UsageError

RSA, ED25519 = "rsa-sha256", "ed25519-sha256"
BITS = 2_048
EXPONENT = 65_537

_LETTERS = {RSA: "r", ED25519: "e"}


def checked(algorithm: str) -> str:
    """Give it back. :raises UsageError: no key can be made for it."""
    if algorithm not in _LETTERS:
        known = " or ".join(_LETTERS)
        raise UsageError(f"signing.algorithms: {algorithm!r} is not {known}")
    return algorithm


def selector(algorithm: str, now: float, taken: Collection[str]) -> str:
    """Name a key by algorithm and day (UTC): ``r20261122``, then ``r20261122-2``.

    It comes after all that are ``taken``, so that no name means two keys in turn.
    """
    day = _LETTERS[algorithm] + datetime.fromtimestamp(now, UTC).strftime("%Y%m%d")
    last = 0
    for name in taken:
        start, _, number = name.partition("-")
        if start == day:
            last = max(last, int(number) if number.isdecimal() else 1)
    return f"{day}-{last + 1}" if last else day


def make(domain: str, name: str, algorithm: str, state: str, now: float) -> SigningKey:
    """Make a key. An RSA key takes 0.1 s or more: not on the reactor."""
    key: RSAPrivateKey | Ed25519PrivateKey
    if algorithm == RSA:
        key = generate_private_key(EXPONENT, BITS)
    else:
        key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(domain, name, algorithm, state, now, _record(key), private, now)


def _record(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    """The TXT record (RFC 6376 §3.6.1, RFC 8463 §4.2)."""
    if isinstance(key, RSAPrivateKey):
        kind, form = "rsa", (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, form = "ed25519", (Encoding.Raw, PublicFormat.Raw)
    octets = key.public_key().public_bytes(*form)
    return f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode()}"
