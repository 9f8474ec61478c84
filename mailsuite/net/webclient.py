"""Fetching small files of strangers over HTTPS (RFC 9110, RFC 9112).

Whoever wrote the URL chose where we connect to: names are resolved by our own
resolver, and an address that is not public is never connected to. Certificates are
verified, redirects are not followed, size and time are bounded.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.client import (
    URI,
    Agent,
    HTTPConnectionPool,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from typing_extensions import override
from zope.interface import implementer

from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName

HTTPS_PORT = 443
ADDRESSES = 4  # of one host that may be looked at
OCTETS = 65_536  # of an answer, if nobody says otherwise


class Unfetched(Exception):  # noqa: N818 - an answer about the network
    """There is nothing; the text says why. ``temporary``: it may be there later."""

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary


def public(address: str) -> bool:
    """Whether an address is one of the internet's, and not of some inside."""
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


@implementer(IAgentEndpointFactory)
@define(eq=False)
class _Fixed:
    """Connects to an address that was chosen, whatever the name says by then."""

    _reactor: Any
    _address: str
    _seconds: float
    _trust: Any
    _opened: list[Any] = field(factory=list)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Give the endpoint (Twisted's interface)."""
        plain = HostnameEndpoint(
            self._reactor, self._address, uri.port, timeout=self._seconds
        )
        more = {} if self._trust is None else {"trustRoot": self._trust}
        options = optionsForClientTLS(uri.host.decode("ascii"), **more)
        endpoint: IStreamClientEndpoint = _Kept(
            wrapClientTLS(options, plain), self._opened
        )
        return endpoint

    def close(self) -> None:
        """End what is still open, without waiting for the peer."""
        for protocol in self._opened:
            protocol.transport.abortConnection()


@implementer(IStreamClientEndpoint)
@define(eq=False)
class _Kept:
    """Remembers the connection that it makes."""

    _endpoint: Any
    _opened: list[Any]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect (Twisted's interface)."""
        made: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)

        def keep(protocol: IProtocol) -> IProtocol:
            self._opened.append(protocol)
            return protocol

        return made.addCallback(keep)


@define(eq=False, slots=False)
class _Body(Protocol):
    """Takes an answer's body up to a limit."""

    done: Deferred[bytes]
    limit: int
    _octets: bytearray = field(factory=bytearray)

    @override
    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if len(self._octets) > self.limit:
            self._octets.clear()
            if not self.done.called:
                self.done.errback(Unfetched(f"it has more than {self.limit} octets"))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(bytes(self._octets))
        else:
            self.done.errback(Unfetched("the answer broke off", temporary=True))


@define(eq=False)
class Fetcher:
    """``allowed`` judges addresses and ``trust`` issuers; both are for tests."""

    _reactor: Any
    _resolver: IResolver
    _seconds: float
    _ports: Sequence[int] = (HTTPS_PORT,)
    _allowed: Callable[[str], bool] = public
    _trust: Any = None

    async def fetch(self, url: str, limit: int = OCTETS) -> bytes:
        """Give the body of a 200 answer. :raises Unfetched: there is none."""
        began = self._reactor.seconds()
        work = Deferred.fromCoroutine(self._fetch(url, limit))
        try:
            return await work.addTimeout(self._seconds, self._reactor)
        except (Late, Unfetched) as error:
            # Twisted's client says of a request given up only that it failed.
            if self._reactor.seconds() < began + self._seconds:
                raise
            said = f"it took more than {self._seconds:g} seconds"
            raise Unfetched(said, temporary=True) from error

    async def _fetch(self, url: str, limit: int) -> bytes:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or HTTPS_PORT
        except ValueError as error:
            raise Unfetched("the URL is none") from error
        if parts.scheme != "https" or not host or parts.username is not None:
            raise Unfetched("only https is fetched")
        if port not in self._ports or not url.isascii() or not url.isprintable():
            raise Unfetched("the URL is not an ordinary one")
        address = await self._address(host)
        pool = HTTPConnectionPool(self._reactor, persistent=False)
        factory = _Fixed(self._reactor, address, self._seconds, self._trust)
        agent = Agent.usingEndpointFactory(self._reactor, factory, pool)
        headers = Headers({"User-Agent": ["mailsuite"], "Accept-Encoding": []})
        try:
            answer = await agent.request(b"GET", url.encode("ascii"), headers)
            return await self._body(answer, limit)
        except (ConnectError, DNSLookupError, ResponseFailed, OSError) as error:
            said = f"{host} does not answer, or not with its certificate"
            raise Unfetched(said, temporary=True) from error
        finally:
            factory.close()

    async def _body(self, answer: Any, limit: int) -> bytes:
        if answer.code != 200:
            raise Unfetched(f"the server says {answer.code}")
        done: Deferred[bytes] = Deferred()
        answer.deliverBody(_Body(done, limit))
        return await done

    async def _address(self, host: str) -> str:
        """Choose one address; all of them must be public."""
        try:
            found = await self._resolver.addresses(host)
        except NoSuchName:
            found = ()
        except NoAnswer as error:
            said = f"DNS gave no answer for {host}"
            raise Unfetched(said, temporary=True) from error
        if not found:
            raise Unfetched(f"{host} has no address")
        if not all(map(self._allowed, found[:ADDRESSES])):
            raise Unfetched(f"{host} is not on the internet")
        return found[0]
