"""Signatures for what leaves us (RFC 6376 §5), relaxed/relaxed.

Hash the body with :class:`~mailsuite.mailauth.dkim.bodies.Body`, then give header and
hash to :func:`sign`. :func:`completed` signs any field that ends in ``b=``, as ARC
needs it.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from hashlib import sha256

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailsuite.interfaces.signing import SigningKey
from mailsuite.mailauth.dkim import canonical, headers
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.limits import RSA_BITS_MIN
from mailsuite.model.errors import UsageError

Private = RSAPrivateKey | Ed25519PrivateKey

COLUMNS = 72  # of a line that is folded; RFC 5322 §2.1.1 wants 78 at most

_PADDING = PKCS1v15()
_HASHED = Prehashed(SHA256())


@frozen
class Names:
    """Which fields are signed, by lower-case name."""

    oversigned: tuple[bytes, ...]
    """Named once more than they occur: none may be added later."""
    present: tuple[bytes, ...]
    """Named as often as they occur."""


OVERSIGNED = (
    b"from",  # who speaks; RFC 6376 §5.4 requires it
    b"to",  # shown, and else a replayed copy names its victim
    b"cc",  # same
    b"subject",  # shown; a second one on top would be shown instead
    b"date",  # shown; an old message must not become new
    b"message-id",  # tells a replay from a new message
    b"reply-to",  # else answers are led elsewhere
    b"in-reply-to",  # else a message is put into a conversation
    b"references",  # same
    b"mime-version",  # without it readers may take another view of the body
    b"content-type",  # a second one gives the same octets another face
    b"content-transfer-encoding",  # same
)
"""What readers show or read the body by, and lists leave alone."""

PRESENT = (
    b"sender",  # lists put their own, which is their right
    b"resent-from",  # blocks of them are put on top (RFC 5322 §3.6.6)
    b"resent-to",
    b"resent-cc",
    b"resent-date",
    b"resent-message-id",
    b"content-id",
    b"content-description",
    b"list-id",  # lists put them; ours, if we are the list, must stay
    b"list-help",
    b"list-unsubscribe",  # RFC 8058 §4 wants these two signed
    b"list-unsubscribe-post",
    b"list-subscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
)
"""What is signed if it is there (RFC 6376 §5.4.1), but may be added by others."""

NAMES = Names(OVERSIGNED, PRESENT)


@frozen
class Signer:
    """A private key, decoded once, and where its public half is published."""

    domain: str
    selector: str
    algorithm: str
    private: Private = field(repr=False)


def signer(key: SigningKey) -> Signer:
    """Decode a key of our own database, which was tested when it was made.

    Testing the primes of an RSA key again would take 50 ms of the reactor.

    :raises UsageError: it is no key of its algorithm, or too short.
    """
    try:
        private = load_pem_private_key(
            key.private, None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError) as error:
        raise UsageError(f"the key {key.selector} is no PKCS #8 key in PEM") from error
    if isinstance(private, RSAPrivateKey) and key.algorithm == "rsa-sha256":
        if private.key_size < RSA_BITS_MIN:
            raise UsageError(f"the key {key.selector} is below {RSA_BITS_MIN} bits")
        return Signer(key.domain, key.selector, key.algorithm, private)
    if isinstance(private, Ed25519PrivateKey) and key.algorithm == "ed25519-sha256":
        return Signer(key.domain, key.selector, key.algorithm, private)
    raise UsageError(f"the key {key.selector} is not one for {key.algorithm}")


def sign(
    header: bytes,
    body_hash: bytes,
    signers: Iterable[Signer],
    now: float,
    seconds: float = 0.0,
    names: Names = NAMES,
) -> bytes:
    """Give one DKIM-Signature field for each key, to be put before the message.

    ``body_hash`` is that of the relaxed body. ``seconds`` is how long the signatures
    are valid (``x=``), 0: for ever. Empty if the header has no From, or is one that
    nobody should answer for.
    """
    known = headers.read(header)
    if known.broken or not known.places(b"from"):
        return b""
    listed = covered(known, names)
    chosen = known.chosen(listed, Canon.RELAXED)
    times = b"t=%d;" % now + (b" x=%d;" % (now + seconds) if seconds else b"")
    fields = []
    for each in signers:
        unsigned = (
            b"DKIM-Signature: v=1; a=%b; c=relaxed/relaxed;\r\n"
            b"\td=%b; s=%b;\r\n"
            b"\tq=dns/txt; %b\r\n"
            b"\th=%b;\r\n"
            b"\tbh=%b;\r\n"
            b"\tb="
        ) % (
            each.algorithm.encode(),
            each.domain.encode(),
            each.selector.encode(),
            times,
            folded(listed),
            b2a_base64(body_hash, newline=False),
        )
        fields.append(completed(unsigned, chosen, each.private))
    return b"".join(fields)


def covered(header: headers.Header, names: Names) -> list[bytes]:
    """Give the list for ``h=``: what is there, then what may not come."""
    there = [
        name
        for name in (*names.oversigned, *names.present)
        for _ in header.places(name)
    ]
    return there + list(names.oversigned)


def completed(unsigned: bytes, chosen: bytes, private: Private) -> bytes:
    """Sign a field that ends in an empty ``b=``, and give it whole.

    ``chosen`` are the canonical fields that are signed before it. The field itself
    is hashed in relaxed form.
    """
    own = canonical.relaxed(unsigned + b"\r\n")[:-2]
    digest = sha256(chosen + own).digest()
    if isinstance(private, RSAPrivateKey):
        signature = private.sign(digest, _PADDING, _HASHED)
    else:
        signature = private.sign(digest)
    text = b2a_base64(signature, newline=False)
    lines = [text[at : at + COLUMNS] for at in range(0, len(text), COLUMNS)]
    return unsigned + b"\r\n\t ".join(lines) + b"\r\n"


def folded(names: Sequence[bytes]) -> bytes:
    """Join names with colons, on lines that begin with white space."""
    lines: list[bytes] = []
    line = b""
    for name in names:
        if line and len(line) + len(name) >= COLUMNS:
            lines.append(line)
            line = b""
        line += name + b":"
    lines.append(line[:-1])
    return b"\r\n\t ".join(lines)
