"""A self-signed certificate, for ``mailsuite init`` and ``mailsuite demo``."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 825  # the longest that common mail clients accept
EARLY = timedelta(hours=1)  # clients' clocks may be slow


def make(names: Sequence[str], now: float) -> tuple[bytes, bytes]:
    """Give certificate and private key (ECDSA P-256) as PEM.

    ``names`` are host names and IP addresses, the first is the subject; ``now``
    is the wall clock.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    start = datetime.fromtimestamp(now, UTC)
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - EARLY)
        .not_valid_after(start + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([_name(n) for n in names]), critical=False
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    )
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def write(certificate: str, key: str, names: Sequence[str], now: float) -> None:
    """Make a pair and write it to two new files; the key's mode is 0600.

    :raises FileExistsError: one of them exists; neither is touched.
    """
    for path in (certificate, key):
        if os.path.lexists(path):
            raise FileExistsError(path)
    public, private = make(names, now)
    for path, octets, mode in ((key, private, 0o600), (certificate, public, 0o644)):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(path, flags, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
