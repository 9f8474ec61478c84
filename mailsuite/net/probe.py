"""One short connection to somebody else: who answers, and what they say first."""

from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

GREETING_OCTETS = 512  # RFC 5321 §4.5.3.1.5; more of a greeting is not read


class Silent(Exception):  # noqa: N818 - an answer about the network
    """Nobody answered; the text says how."""


@define(eq=False, slots=False)
class _Listening(Protocol):
    """Takes the first line."""

    heard: Deferred[bytes]
    _octets: bytes = b""

    @override
    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if b"\n" in self._octets or len(self._octets) >= GREETING_OCTETS:
            self._tell(self._octets[:GREETING_OCTETS].partition(b"\n")[0])

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.heard.called:
            self.heard.errback(Silent("the connection ended without a greeting"))

    def _tell(self, line: bytes) -> None:
        if not self.heard.called:
            self.heard.callback(line.rstrip(b"\r"))


@define(eq=False)
class Probe:
    """Connects by TCP to an address or a name of the system's."""

    _reactor: Any
    _seconds: float

    async def greeting(self, host: str, port: int, *, waits: bool = True) -> bytes:
        """Give the first line that is said; nothing with ``waits`` off.

        :raises Silent: no connection, or no line in time.
        """
        heard: Deferred[bytes] = Deferred()
        if not waits:
            heard.callback(b"")
        protocol = _Listening(heard)
        factory = Factory.forProtocol(lambda: protocol)
        factory.noisy = False
        endpoint = HostnameEndpoint(self._reactor, host, port, timeout=self._seconds)
        try:
            await endpoint.connect(factory)
        except (ConnectError, DNSLookupError, OSError) as error:
            raise Silent(str(error) or type(error).__name__) from error
        waiting = heard.addTimeout(self._seconds, self._reactor, _late)
        try:
            return await waiting
        finally:
            transport: Any = protocol.transport
            transport.abortConnection()


def _late(_: object, seconds: float) -> bytes:
    raise Silent(f"no greeting within {seconds:g} seconds")
