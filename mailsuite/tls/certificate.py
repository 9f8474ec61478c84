"""What a certificate says: whom it names, until when, and its key's digest."""

from hashlib import sha256

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID

from mailsuite.model.errors import UsageError


@frozen
class Certificate:
    """``begins`` and ``ends`` in wall seconds; ``digest`` is SHA-256 of the
    SubjectPublicKeyInfo in hexadecimal, as TLSA records have it (``3 1 1``).
    """

    names: tuple[str, ...]
    begins: float
    ends: float
    self_signed: bool
    digest: str

    def covers(self, host: str) -> bool:
        """Whether it is for a host, one wildcard label included (RFC 9525 §6.3)."""
        return host in self.names or f"*.{host.partition('.')[2]}" in self.names


def read(path: str) -> Certificate:
    """Read the first certificate of a PEM file. :raises UsageError: there is none."""
    try:
        with open(path, "rb") as file:
            found = x509.load_pem_x509_certificate(file.read())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} holds no PEM certificate") from error
    key = found.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return Certificate(
        _names(found),
        found.not_valid_before_utc.timestamp(),
        found.not_valid_after_utc.timestamp(),
        found.issuer == found.subject,
        sha256(key).hexdigest(),
    )


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        )
    except x509.ExtensionNotFound:
        return ()
    value = extension.value
    assert isinstance(value, x509.SubjectAlternativeName)
    return tuple(name.lower() for name in value.get_values_for_type(x509.DNSName))
