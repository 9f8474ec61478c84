"""OpenSSL contexts: the doors' own, and two for the relay's client.

Doors call :meth:`Contexts.creator` for each connection, so that a reload
reaches every new one and no old one.
"""

import os
import stat
from typing import Any

from attrs import define, field
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.model.errors import UsageError
from mailsuite.tls.settings import TLS

# RFC 9325 §4.2: ephemeral keys and authenticated encryption only.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
# A relay that encrypts badly is better than one that does not (RFC 7435).
CLIENT_CIPHERS = b"HIGH:MEDIUM:!aNULL:!eNULL:!3DES:!RC4:!PSK:!SRP:@SECLEVEL=1"
CLIENT_CIPHERS_VERIFIED = (
    CIPHERS + b":DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"
)

_RELEASE_BUFFERS = 0x10  # SSL_MODE_RELEASE_BUFFERS: 34 KiB less an idle connection
_NO_RENEGOTIATION = 0x40000000  # SSL_OP_NO_RENEGOTIATION
_NO_COMPRESSION = 0x00020000  # SSL_OP_NO_COMPRESSION (CRIME)
_OTHERS = stat.S_IRWXO

_log = Logger()


@define(eq=False)
class Contexts:
    """The doors' certificate, and what replaces it at a reload."""

    _settings: TLS
    _current: SSL.Context | None = field(default=None, init=False)

    def load(self) -> None:
        """Read certificate and key; blocks for a few milliseconds.

        :raises UsageError: a file is missing, wrong or open to everybody.
        """
        self._current = (
            server_context(self._settings) if self._settings.certificate else None
        )

    def reload(self, settings: TLS) -> bool:
        """Take new files for new connections; False: they were bad, kept ours."""
        try:
            fresh = server_context(settings) if settings.certificate else None
        except UsageError as error:
            _log.error("The certificate was not replaced: {error}", error=str(error))
            return False
        self._settings, self._current = settings, fresh
        return True

    @property
    def available(self) -> bool:
        """Whether TLS can be offered."""
        return self._current is not None

    @property
    def ends(self) -> float | None:
        """When the certificate expires (wall seconds); None: there is none."""
        if self._current is None:
            return None
        shown = SSL.Connection(self._current, None).get_certificate()
        if shown is None:
            return None
        return shown.to_cryptography().not_valid_after_utc.timestamp()

    def creator(self) -> "Served":
        """What ``transport.startTLS`` and TLS endpoints take, for one connection.

        :raises UsageError: there is no certificate.
        """
        if self._current is None:
            raise UsageError("TLS needs [tls] certificate and key")
        return Served(self._current)


@implementer(IOpenSSLServerConnectionCreator)
@define(eq=False)
class Served:
    """A finished context in the shape that Twisted wants."""

    _context: SSL.Context

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Give the OpenSSL connection (Twisted's interface)."""
        return SSL.Connection(self._context, None)


def server_context(settings: TLS) -> SSL.Context:
    """Make a server's context.

    :raises UsageError: the text names the file and what to do.
    """
    _guard(settings.certificate, "certificate")
    _guard(settings.key, "key", secret=True)
    context = _context(CIPHERS)
    context.set_session_id(b"mailsuite")
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    try:
        context.use_certificate_chain_file(settings.certificate)
    except SSL.Error as error:
        raise UsageError(
            f"tls.certificate: {settings.certificate} holds no PEM certificate"
        ) from error
    try:
        context.use_privatekey_file(settings.key)
        context.check_privatekey()
    except SSL.Error as error:
        raise UsageError(
            f"tls.key: {settings.key} is not the private key of {settings.certificate}"
        ) from error
    return context


def _guard(path: str, name: str, *, secret: bool = False) -> None:
    if not path:
        raise UsageError(f"tls.{name} is empty; certificate and key go together")
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise UsageError(f"tls.{name}: cannot read {path}: {error.strerror}") from error
    if secret and mode & _OTHERS:
        raise UsageError(f"tls.{name}: everybody may read {path}; run chmod 600 {path}")


def _context(ciphers: bytes, minimum: int = SSL.TLS1_2_VERSION) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(minimum)
    context.set_cipher_list(ciphers)
    context.set_options(_NO_RENEGOTIATION | _NO_COMPRESSION)
    context.set_mode(_RELEASE_BUFFERS)
    return context


def opportunistic_context() -> SSL.Context:
    """A client's context that verifies nothing (RFC 7435): better than plain."""
    context = _context(CLIENT_CIPHERS)
    context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
    return context


def verifying_context() -> SSL.Context:
    """A client's context that trusts the system's authorities."""
    context = _context(CLIENT_CIPHERS_VERIFIED)
    context.set_default_verify_paths()
    context.set_verify(
        SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *given: bool(given[4])
    )
    return context


@implementer(IOpenSSLClientConnectionCreator)
@define(eq=False)
class Client:
    """The TLS side of one connection to ``name`` (a host or an address)."""

    _context: SSL.Context
    name: str
    _connection: SSL.Connection | None = field(default=None, init=False)

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Give the OpenSSL connection (Twisted's interface)."""
        connection = self._connection = SSL.Connection(self._context, None)
        if not _literal(self.name):
            connection.set_tlsext_host_name(self.name.encode("idna"))
        return connection

    def proven(self) -> bool:
        """Whether the peer of a finished handshake has the right name.

        Means something only in a context that verifies the issuer.
        """
        connection = self._connection
        if connection is None:
            return False
        try:
            if _literal(self.name):
                verify_ip_address(connection, self.name)
            else:
                verify_hostname(connection, self.name)
        except (VerificationError, CertificateError):
            return False
        return True


def _literal(name: str) -> bool:
    return bool(isIPAddress(name) or isIPv6Address(name))
