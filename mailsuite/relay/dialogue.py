"""One connection to another server: the pure session, driven by a coroutine."""

from collections import deque
from typing import Any

from attrs import define, field, frozen
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from mailsuite.net.protocol import Conversation, Gone
from mailsuite.relay.candidates import Target
from mailsuite.tls.contexts import Client
from mailsuite.wire.smtp.client import Event, Session, Step

EVENTS = 64  # that nobody asked for; a server that says more is cut off


@frozen
class Connected:
    """The connection stands."""


@frozen
class Shaken:
    """The TLS handshake is done."""


Heard = Event | Connected | Shaken


@define(eq=False, slots=False)
class Dialogue(Conversation):
    """``served`` counts transactions; ``problem`` says why it ended."""

    target: Target
    machine: Session
    served: int = field(default=0, init=False)
    problem: str = field(default="", init=False)
    _events: deque[Heard] = field(factory=deque, init=False)
    _waiter: Deferred[None] | None = field(default=None, init=False)
    _limit: IDelayedCall | None = field(default=None, init=False)

    # Driving.

    async def event(self, seconds: float) -> Heard:
        """Send what the session has to say, and wait for its next event.

        ``seconds`` is the longest silence. :raises Gone: the connection ended.
        """
        self.flush()
        while not self._events:
            if self.gone:
                raise Gone(self.problem)
            self.idle_after(seconds)
            self._waiter = Deferred()
            try:
                await self._waiter
            finally:
                self._waiter = None
                self.idle_after(0)
        return self._events.popleft()

    def flush(self) -> None:
        """Write what the session has to say."""
        self.send(self.machine.take())

    async def encrypt(self, creator: Client, seconds: float) -> None:
        """Go on in TLS as the client. :raises Gone: the handshake failed."""
        transport: Any = self.transport
        transport.startTLS(creator)
        self.secured = True
        await self.event(seconds)

    def limit(self, seconds: float) -> None:
        """Cut the connection off after so long, whatever it does; 0: never."""
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        self._limit = self.clock.callLater(seconds, self.timed_out) if seconds else None

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin."""
        quiet = self.machine.step is Step.READY and not self._events
        return quiet and not self.gone

    @property
    def interrupted(self) -> bool:
        """Whether the server spoke while it should listen."""
        return bool(self._events) or self.gone

    def rest(self, seconds: float) -> None:
        """Nobody uses it; take leave after ``seconds``."""
        self.limit(0)
        self.limit(seconds)

    @override
    def leave(self) -> None:
        """Say QUIT and hang up."""
        if self.usable:
            self.machine.quit()
            self.flush()
        self.hang_up()

    # What the connection says.

    @override
    def opened(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)  # a message leaves in several writes
        self._push(Connected())

    @override
    def received(self, data: bytes) -> None:
        self.machine.feed(data)
        while (event := self.machine.next_event()) is not None:
            self._push(event)
        self.flush()

    @override
    def encrypted(self) -> None:
        self._push(Shaken())

    def _push(self, event: Heard) -> None:
        self._events.append(event)
        if len(self._events) > EVENTS:
            self.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.called:
            self._waiter.callback(None)

    @override
    def timed_out(self) -> None:
        if self.machine.step is Step.READY and self._waiter is None:
            self.leave()
            return
        self.problem = f"timed out, waiting for {self.machine.step.value}"
        if self.transport is not None:
            self.abort()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        tls = isinstance(reason.value, SSL.Error)
        fallback = (
            "TLS failed" if tls else f"lost, waiting for {self.machine.step.value}"
        )
        self.problem = self.problem or fallback
        super().connectionLost(reason)

    @override
    def ended(self) -> None:
        self.limit(0)
        self._wake()

    def unconnected(self, reason: Failure) -> None:
        """No connection came about."""
        self.gone = True
        self.problem = f"cannot connect: {reason.getErrorMessage()}"
        self.ended()


@define(eq=False, slots=False)
class Dial(ClientFactory):
    """Makes the one dialogue of an attempt to connect."""

    _made: Dialogue
    noisy = False

    @override
    def buildProtocol(self, addr: Any) -> Dialogue:
        return self._made

    @override
    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._made.unconnected(reason)
