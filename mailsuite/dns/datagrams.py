"""Queries over UDP: connected sockets on random ports, many questions on each.

Whoever wants to lie must guess the port and the id of an open question (RFC 5452
§9). While few questions are open, each has a port of its own. When there are many,
they share :data:`SOCKETS` ports, each for at most :data:`QUESTIONS` questions and
thus for fractions of a second: as many pairs of port and id are then right as with
a port for each, at a fraction of the cost.
"""

import secrets
from functools import partial
from socket import AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK
from socket import socket as make_socket

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.dns.ground import Ground
from mailsuite.dns.messages import answers, query
from mailsuite.dns.servers import Server

SOCKETS = 16  # open ports to one server that new questions may share
QUESTIONS = 128  # asked from one port
FORGERIES = 64  # datagrams that answer nothing, then its questions go over TCP
DATAGRAM_OCTETS = 4_096  # read of one; a longer one was not asked for
READS = 4  # datagrams of one socket in one turn of the reactor

SILENT, SPOOFED = b"", b"?"
"""Come in place of an answer: none; too many lies to believe one."""


@define(eq=False)
class _Waiting:
    """An open question, and the socket that it was asked from."""

    _port: "_Port"
    id: int
    asked: bytes
    result: Deferred[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.result = Deferred(self._cancelled)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._port.open.get(self.id) is not self

    def end(self, why: bytes) -> None:
        """Tell who waits, if that has not happened."""
        if self._port.forget(self):
            self.result.callback(why)

    def _cancelled(self, _: Deferred[bytes]) -> None:
        self._port.forget(self)

    def late(self) -> None:
        """Nobody answered in time."""
        if not self.over:
            self._port.expired.add(self.id)
            self.end(SILENT)


@implementer(IReadDescriptor)
@define(eq=False)
class _Port:
    """One connected socket."""

    _ground: Ground
    _socket: make_socket
    open: dict[int, _Waiting] = field(factory=dict, init=False)
    expired: set[int] = field(factory=set, init=False)
    asked: int = field(default=0, init=False)
    _forgeries: int = field(default=0, init=False)

    def ask(self, asked: bytes, seconds: float, *, edns: bool) -> Deferred[bytes]:
        """Send a query; the result is as that of :meth:`Ports.ask`."""
        id_ = secrets.randbits(16)
        while id_ in self.open or id_ in self.expired:
            id_ = secrets.randbits(16)
        waiting = self.open[id_] = _Waiting(self, id_, asked)
        self.asked += 1
        self._ground.deadlines.add(seconds, waiting)
        try:
            self._socket.send(query(id_, asked, edns=edns))
        except BlockingIOError:
            waiting.late()
        except OSError:  # also what the port over there said of earlier queries
            self.give_up(SILENT)
        return waiting.result

    def forget(self, waiting: _Waiting) -> bool:
        """Whether it was open until now."""
        if self.open.pop(waiting.id, None) is None:
            return False
        self._ground.deadlines.ended()
        return True

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Give the name for the log."""
        return "DNS"

    def doRead(self) -> None:
        """Take some answers; what more there is waits for the next turn."""
        for _ in range(READS):
            try:
                octets = self._socket.recv(DATAGRAM_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                self.give_up(SILENT)
                return
            self._heard(octets)

    def connectionLost(self, reason: Failure) -> None:
        """The port over there is closed."""
        self.give_up(SILENT)

    def _heard(self, octets: bytes) -> None:
        id_ = int.from_bytes(octets[:2])
        waiting = self.open.get(id_)
        if waiting is not None and answers(octets, waiting.asked):
            waiting.end(octets)
        elif id_ in self.expired and len(octets) > 2:
            self.expired.discard(id_)  # late, but honest
        else:
            self._ground.counters.forgeries += 1
            self._forgeries += 1
            if self._forgeries == FORGERIES:
                self.give_up(SPOOFED)

    def give_up(self, why: bytes) -> None:
        """End every open question, and ask nothing more from here."""
        self.asked = QUESTIONS
        for waiting in self.open.values():
            self._ground.soon.add(partial(waiting.end, why))

    def close(self) -> None:
        """Free the descriptor."""
        self._ground.reactor.removeReader(self)
        self._socket.close()


@define(eq=False)
class Ports:
    """The sockets to one server."""

    _ground: Ground
    _server: Server
    _live: list[_Port] = field(factory=list, init=False)
    _closing: list[_Port] = field(factory=list, init=False)

    async def ask(self, asked: bytes, seconds: float, *, edns: bool) -> bytes:
        """Give the answer's octets, SILENT or SPOOFED."""
        try:
            port = self._choose()
        except OSError:
            return SILENT
        waiting = port.ask(asked, seconds, edns=edns)
        try:
            return await waiting
        finally:
            if not port.open:
                self._retire(port)
                self._close_later(port)

    def _choose(self) -> _Port:
        self._live = [port for port in self._live if port.asked < QUESTIONS]
        if len(self._live) >= SOCKETS:
            return secrets.choice(self._live)
        family = AF_INET6 if ":" in self._server.host else AF_INET
        made = make_socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
        try:
            made.connect((self._server.host, self._server.port))
        except OSError:
            made.close()
            raise
        port = _Port(self._ground, made)
        self._ground.reactor.addReader(port)
        self._live.append(port)
        return port

    def _retire(self, port: _Port) -> None:
        if port in self._live:
            self._live.remove(port)

    def _close_later(self, port: _Port) -> None:
        """Not now: the reactor is perhaps about to read from it."""
        if not self._closing:
            self._ground.reactor.callLater(0, self._close)
        if port not in self._closing:
            self._closing.append(port)

    def _close(self) -> None:
        closing, self._closing = self._closing, []
        for port in closing:
            port.close()
