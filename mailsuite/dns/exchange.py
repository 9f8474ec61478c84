"""One query to one server and its answer, over UDP or TCP.

Every UDP query has a socket of its own, so that the kernel's choice of port and
our random id must both be guessed by whoever wants to lie (RFC 5452 §9).
"""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import (
    ClientFactory,
    DatagramProtocol,
    Protocol,
    connectionDone,
)
from twisted.python.failure import Failure
from typing_extensions import override

from mailsuite.dns.questions import FAILED, MESSAGE_OCTETS, Finding
from mailsuite.dns.servers import Server

FORGERIES = 64  # answers that are not ours, before the query is given up

Judge = Callable[[bytes], Finding | None]


@define(eq=False)
class Waiting:
    """A result that comes once: a finding, or FAILED after ``seconds``."""

    _reactor: Any
    _seconds: float
    result: Deferred[Finding] = field(factory=Deferred, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin to count the time."""
        self._timer = self._reactor.callLater(self._seconds, self.done, FAILED)

    def done(self, finding: Finding) -> None:
        """End the wait; later calls say nothing more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if not self.result.called:
            self.result.callback(finding)


@define(eq=False, slots=False)
class _Datagrams(DatagramProtocol):
    server: Server
    query: bytes
    judge: Judge
    waiting: Waiting
    forgeries: int = 0

    @override
    def startProtocol(self) -> None:
        transport: Any = self.transport
        transport.connect(self.server.host, self.server.port)
        transport.write(self.query)

    @override
    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        finding = None
        if addr[:2] == (self.server.host, self.server.port):
            finding = self.judge(datagram)
        if finding is not None:
            self.waiting.done(finding)
            return
        self.forgeries += 1
        if self.forgeries >= FORGERIES:
            self.waiting.done(FAILED)

    @override
    def connectionRefused(self) -> None:
        self.waiting.done(FAILED)


@define(eq=False, slots=False)
class _Stream(Protocol):
    query: bytes
    judge: Judge
    waiting: Waiting
    buffer: bytearray = field(factory=bytearray)

    @override
    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(len(self.query).to_bytes(2) + self.query)

    @override
    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        length = int.from_bytes(self.buffer[:2])
        if len(self.buffer) < 2:
            return
        if length > MESSAGE_OCTETS:
            self.waiting.done(FAILED)
        elif len(self.buffer) >= 2 + length:
            self.waiting.done(self.judge(bytes(self.buffer[2 : 2 + length])) or FAILED)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.waiting.done(FAILED)


@define(eq=False, slots=False)
class _Dial(ClientFactory):
    made: _Stream
    noisy = False

    @override
    def buildProtocol(self, addr: Any) -> Protocol:
        return self.made

    @override
    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.made.waiting.done(FAILED)


@define(eq=False)
class Exchange:
    """Asks over the network. The reactor gives UDP, TCP and time."""

    _reactor: Any

    async def udp(
        self, server: Server, query: bytes, judge: Judge, seconds: float
    ) -> Finding:
        """Ask once; FAILED after ``seconds``."""
        waiting = Waiting(self._reactor, seconds)
        interface = "::" if ":" in server.host else ""
        asking = _Datagrams(server, query, judge, waiting)
        asking.noisy = False
        try:
            port = self._reactor.listenUDP(0, asking, interface, maxPacketSize=8192)
        except CannotListenError:
            return FAILED
        waiting.start()
        try:
            return await waiting.result
        finally:
            waiting.done(FAILED)
            stopped = port.stopListening()
            if stopped is not None:
                stopped.addErrback(_quiet)

    async def tcp(
        self, server: Server, query: bytes, judge: Judge, seconds: float
    ) -> Finding:
        """Ask once over a connection of its own; FAILED after ``seconds``."""
        waiting = Waiting(self._reactor, seconds)
        waiting.start()
        dial = _Dial(_Stream(query, judge, waiting))
        connector = self._reactor.connectTCP(
            server.host, server.port, dial, timeout=seconds
        )
        try:
            return await waiting.result
        finally:
            waiting.done(FAILED)
            connector.disconnect()


def _quiet(failure: Failure) -> None:
    failure.trap(ConnectionDone, OSError)
