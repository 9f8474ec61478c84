"""Connections of clients that may close their side before they are answered.

``nc -N`` does it: what was asked before is answered, then the connection ends. In TLS
a close_notify says the same (RFC 8446 §6.1); a connection that ends without it was cut,
and is lost.
"""

from typing import Any

from attrs import define, field
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IOpenSSLContextFactory,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.tls import BufferingTLSTransport
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import alsoProvides, implementer

from mailsuite.net.protocol import Conversation


@implementer(IHalfCloseableProtocol)
@define(eq=False, slots=False)
class Answering(Conversation):
    """The base of every door. ``heard``: the client said all that it will say.

    Its timers go on: who does not read its answers is not waited for any longer
    than others.
    """

    heard: bool = field(default=False, init=False)

    def heard_out(self) -> None:
        """Nothing more will come; hangs up if not overridden.

        Doors hang up when everything is answered.
        """
        self.hang_up()

    @override
    def secure(
        self, context: IOpenSSLServerConnectionCreator | IOpenSSLContextFactory
    ) -> None:
        super().secure(context)
        layer = getattr(self.transport, "protocol", None)
        if type(layer) is BufferingTLSTransport:
            layer.__class__ = _Layer  # Twisted lets nobody choose it

    def readConnectionLost(self) -> None:
        """The client closed its side."""
        self.heard = True
        self.heard_out()

    def writeConnectionLost(self) -> None:
        """Our side is closed; what comes is thrown away until theirs is."""


class _Concluded(Exception):  # noqa: N818 - no error
    """The client sent its close_notify."""


class _Layer(BufferingTLSTransport):
    """Twisted's layer of TLS, which would answer a close_notify by its own."""

    _heard = False

    @override
    def dataReceived(self, data: bytes) -> None:
        if not self._heard:  # RFC 8446 §6.1: ignored after it
            super().dataReceived(data)  # type: ignore[no-untyped-call] # Twisted's

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.transport = self._producer = None  # they know us: no circle stays

    @override
    def _flushReceiveBIO(self) -> None:
        try:
            if not self._heard:
                super()._flushReceiveBIO()  # type: ignore[no-untyped-call] # same
        except _Concluded:
            self._heard = True
            alsoProvides(self, IHalfCloseableProtocol)
            self.readConnectionLost()
            self._flushSendBIO()  # type: ignore[no-untyped-call] # same

    @override
    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        super()._tlsShutdownFinished(reason)  # type: ignore[no-untyped-call] # same
        if reason is not None:
            reason.cleanFailure()  # its frames know us, and OpenSSL's memory

    @override
    def _shutdownTLS(self) -> None:
        if not self.disconnecting:  # it is not our wish, so it was theirs
            raise _Concluded
        super()._shutdownTLS()  # type: ignore[no-untyped-call] # same

    def readConnectionLost(self) -> None:
        """The client closed its side, maybe beneath TLS too."""
        wrapped: Any = self.wrappedProtocol
        if not wrapped.heard:
            wrapped.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Never called: TLS closes both sides at once."""
