"""Queries over TCP, for answers that are too long for UDP (RFC 7766)."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from mailsuite.dns.ground import Ground
from mailsuite.dns.messages import MESSAGE_OCTETS, answers
from mailsuite.dns.servers import Server

CONNECTIONS = 64  # open to one server; more questions fail for now

NOTHING = b""
"""Comes in place of an answer."""


@define(eq=False, slots=False)
class _Stream(Protocol):
    ground: Ground
    query: bytes
    asked: bytes
    result: Deferred[bytes] = field(init=False)
    buffer: bytearray = field(factory=bytearray, init=False)
    over: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.result = Deferred(lambda _: self._end())

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
            self.done(NOTHING)
        elif len(self.buffer) >= 2 + length:
            octets = bytes(self.buffer[2 : 2 + length])
            good = octets[:2] == self.query[:2] and answers(octets, self.asked)
            self.done(octets if good else NOTHING)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.done(NOTHING)

    def late(self) -> None:
        """Nobody answered in time."""
        self.done(NOTHING)

    def done(self, octets: bytes) -> None:
        """End it; later calls say nothing more."""
        if not self.over:
            self._end()
            self.result.callback(octets)

    def _end(self) -> None:
        self.over = True
        self.ground.deadlines.ended()


@define(eq=False, slots=False)
class _Dial(ClientFactory):
    made: _Stream
    noisy = False

    @override
    def buildProtocol(self, addr: Any) -> Protocol:
        return self.made

    @override
    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.made.done(NOTHING)


@define(eq=False)
class Streams:
    """Connections to one server, one for each question."""

    _ground: Ground
    _server: Server
    _open: int = field(default=0, init=False)

    async def ask(self, query: bytes, asked: bytes, seconds: float) -> bytes:
        """Give the answer's octets, or NOTHING after ``seconds``."""
        if self._open >= CONNECTIONS:
            return NOTHING
        self._open += 1
        stream = _Stream(self._ground, query, asked)
        self._ground.deadlines.add(seconds, stream)
        connector = self._ground.reactor.connectTCP(
            self._server.host, self._server.port, _Dial(stream), timeout=seconds
        )
        try:
            return await stream.result
        finally:
            self._open -= 1
            connector.disconnect()
