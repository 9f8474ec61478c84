"""The base of every door: one connection, its writing, its timers, its end.

It writes eagerly (Twisted's ``write`` waits for the next turn of the reactor,
which costs three more system calls), tells a slow reader from a fast one, starts
TLS without letting plaintext through, and ends connections that went quiet.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, cast

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IOpenSSLContextFactory,
    IOpenSSLServerConnectionCreator,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from mailsuite.model.errors import PeerError
from mailsuite.net.accepted import Accepted
from mailsuite.net.bindings import bindings
from mailsuite.net.tasks import Tasks

UNSENT_OCTETS = 256 * 1024
"""Replies beyond this wait for the peer (docs/design/security.rst: stop while unsent)."""

READ_OCTETS = 64 * 1024
"""Asked of the socket at once: above 128 KiB each read maps memory anew."""

LINGER_SECONDS = 10.0
"""How long a peer may take to read the last words before it is cut off."""


class Gone(PeerError):  # noqa: N818 - a state of the connection
    """The connection ended while something waited for it."""


@implementer(IPushProducer, IHandshakeListener)
@define(eq=False, slots=False)
class Conversation(Protocol):
    """One connection. Doors override ``opened encrypted received ended timed_out``.

    ``clock`` is the reactor's monotonic clock; ``session`` the id that stands as
    ``sid=`` in the log.
    """

    clock: IReactorTime
    session: str
    secured: bool = field(default=False, init=False)
    host: str = field(default="", init=False)
    port: int = field(default=0, init=False)
    gone: bool = field(default=False, init=False)
    _tasks: Tasks | None = field(default=None, init=False)
    _behind: bool = field(default=False, init=False)
    _waiters: list[Deferred[None]] = field(factory=list, init=False)
    _idle: float = field(default=0.0, init=False)
    _touched: float = field(default=0.0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _hanging: bool = field(default=False, init=False)
    _flags: int = field(default=0, init=False)
    """Of send(2)."""

    noisy: ClassVar[bool] = False

    # What a door overrides.

    def opened(self) -> None:
        """The connection stands; send the greeting, or ``secure`` it first."""

    def encrypted(self) -> None:
        """A TLS handshake is over, and nothing was read through it yet."""

    def received(self, data: bytes) -> None:
        """Octets came; never called after ``hang_up`` or the end."""

    def ended(self) -> None:
        """The connection is gone; running tasks are cancelled after this."""

    def leave(self) -> None:
        """End now, or after the command in hand."""
        self.hang_up()

    def timed_out(self) -> None:
        """Nothing came or went for the idle time; hangs up if not overridden."""
        self.hang_up()

    # What a door calls.

    @property
    def tasks(self) -> Tasks:
        """What runs for this connection and ends with it."""
        if self._tasks is None:
            self._tasks = Tasks()
        return self._tasks

    def send(self, octets: bytes) -> None:
        """Write, at once where nothing is buffered before it."""
        if self.gone or not octets:
            return
        transport: Any = self.transport
        if (
            isinstance(transport, Connection)
            and not transport.TLS
            and not transport.dataBuffer
            and not transport._tempDataBuffer  # noqa: SLF001 - see the module
            and not transport.disconnecting
        ):
            try:
                sent = transport.socket.send(octets, self._flags)
            except OSError:
                sent = 0
            if sent == len(octets):
                return
            octets = octets[sent:]
        transport.write(octets)

    async def drained(self) -> None:
        """Wait while the peer is behind by more than ``UNSENT_OCTETS``.

        :raises Gone: the connection ended first.
        """
        if self.gone:
            raise Gone("connection lost")
        if self._behind and self.behind:
            waiter: Deferred[None] = Deferred()
            self._waiters.append(waiter)
            await waiter

    @property
    def behind(self) -> bool:
        """Whether more than ``UNSENT_OCTETS`` wait for the peer to take them.

        Twisted tells us sooner, at what it asks of the socket at once.
        """
        transport: Any = self.transport
        if not self._behind or not isinstance(transport, Connection):
            return self._behind
        unsent = len(transport.dataBuffer) + transport._tempDataLen  # noqa: SLF001 - as Twisted counts
        return unsent > UNSENT_OCTETS

    def pause(self) -> None:
        """Read nothing more until ``resume``."""
        if not self.gone:
            cast("Any", self.transport).pauseProducing()

    def resume(self) -> None:
        """Read again."""
        if not self.gone and not self._hanging:
            cast("Any", self.transport).resumeProducing()

    def secure(
        self, context: IOpenSSLServerConnectionCreator | IOpenSSLContextFactory
    ) -> None:
        """Go on in TLS as the server. The door forgets what it had buffered."""
        transport: Any = self.transport
        transport.startTLS(context)
        self.secured = True

    @property
    def bindings(self) -> Callable[[], dict[str, bytes]]:
        """Tells what SASL may bind itself to, by name (RFC 5056); in TLS 1.3 alone.

        It knows the transport and not us, so that no circle of references is made.
        """
        return partial(bindings, self.transport)

    def hang_up(self, last: bytes = b"") -> None:
        """End the connection after ``last``; nothing is received any more.

        Where the end follows at once, both leave in one packet.
        """
        if self.gone or self._hanging:
            return
        transport: Any = self.transport
        accepted = isinstance(transport, Accepted)
        if last:
            self._flags = socket.MSG_MORE if accepted and transport.serving else 0
            self.send(last)
        self._hanging = True
        self._disarm()
        if accepted and transport.close_after_read():
            return
        self._timer = self.clock.callLater(LINGER_SECONDS, self.abort)
        transport.unregisterProducer()
        transport.loseConnection()

    def abort(self) -> None:
        """End the connection at once; unsent octets are lost."""
        if not self.gone:
            cast("Any", self.transport).abortConnection()

    def idle_after(self, seconds: float) -> None:
        """Call ``timed_out`` after so long without a sign of life; 0: never."""
        self._idle = seconds
        self.touch()
        self._disarm()
        if seconds > 0 and not self._hanging and not self.gone:
            self._timer = self.clock.callLater(seconds, self._look)

    def touch(self) -> None:
        """A sign of life: the idle time begins anew."""
        self._touched = self.clock.seconds()

    # What Twisted calls.

    @override
    def connectionMade(self) -> None:
        transport: Any = self.transport
        peer = transport.getPeer()
        self.host = getattr(peer, "host", "")
        self.port = getattr(peer, "port", 0)
        transport.bufferSize = READ_OCTETS
        transport.registerProducer(self, True)
        self.opened()

    @override
    def dataReceived(self, data: bytes) -> None:
        if not self._hanging:
            self._touched = self.clock.seconds()
            self.received(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone = True
        self._disarm()
        self.ended()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.errback(Gone("connection lost"))
        if self._tasks is not None:
            self._tasks.cancel()

    def handshakeCompleted(self) -> None:
        """TLS stands."""
        self.encrypted()

    def pauseProducing(self) -> None:
        """The transport's buffer is full: the peer is behind."""
        self._behind = True

    def resumeProducing(self) -> None:
        """The transport's buffer is empty again."""
        self._behind = False
        self.touch()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def stopProducing(self) -> None:
        """The connection ends; ``connectionLost`` follows."""

    def _look(self) -> None:
        self._timer = None
        left = self._touched + self._idle - self.clock.seconds()
        if left > 0:
            self._timer = self.clock.callLater(left, self._look)
        else:
            self.timed_out()

    def _disarm(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
