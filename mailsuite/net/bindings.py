"""Channel bindings of a TLS connection (RFC 5056), for SCRAM's -PLUS mechanisms."""

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from OpenSSL import SSL

_EXPORTER = b"EXPORTER-Channel-Binding"  # RFC 9266 §2
_EXPORTER_OCTETS = 32
_WEAK = frozenset({"md5", "sha1"})  # RFC 5929 §4.1 takes SHA-256 instead


def bindings(transport: Any) -> dict[str, bytes]:
    """Give them by name; none without a finished handshake of TLS 1.3.

    Before TLS 1.3 clients take ``tls-unique``, which OpenSSL makes safe only with
    an extension it does not tell us of (RFC 7627): better none than that.
    """
    connection = transport.getHandle() if getattr(transport, "TLS", False) else None
    if not isinstance(connection, SSL.Connection):
        return {}
    if connection.get_protocol_version_name() != "TLSv1.3":
        return {}
    try:
        exported = connection.export_keying_material(_EXPORTER, _EXPORTER_OCTETS, b"")
    except SSL.Error:  # the handshake is not over
        return {}
    found = {"tls-exporter": exported}
    if end_point := _end_point(connection):
        found["tls-server-end-point"] = end_point
    return found


def _end_point(connection: SSL.Connection) -> bytes | None:
    """Hash our certificate as it is signed (RFC 5929 §4); None: that has no hash."""
    shown = connection.get_certificate()
    if shown is None:
        return None
    certificate = shown.to_cryptography()
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:  # OpenSSL knows it, we do not
        return None
    if algorithm is None:
        return None
    digest = hashes.Hash(hashes.SHA256() if algorithm.name in _WEAK else algorithm)
    digest.update(certificate.public_bytes(serialization.Encoding.DER))
    return digest.finalize()
