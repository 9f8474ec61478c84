"""The door: one connection's octets between Twisted and the dialogue.

Every complete command of a read is served before anything is written, and what
was answered leaves in one write (RFC 2920). While something is waited for, what
comes in stays in the session, and reading stops when that is much.
"""

from collections.abc import Callable
from contextlib import suppress

from attrs import define, field
from twisted.internet.task import deferLater
from twisted.internet.tcp import Connection
from twisted.logger import Logger
from typing_extensions import override

from mailsuite.model.principals import Peer
from mailsuite.model.replies import Reply
from mailsuite.net import eager
from mailsuite.net.answering import Answering
from mailsuite.net.protocol import Gone
from mailsuite.net.tasks import Tasks
from mailsuite.smtp.dialogue import SERVING, Dialogue, Opened
from mailsuite.smtp.ground import Ground
from mailsuite.smtp.manners import Manners
from mailsuite.wire.smtp import replies
from mailsuite.wire.smtp.session import Session
from mailsuite.wire.smtp.standing import Standing
from mailsuite.wire.smtp.states import State

HELD_OCTETS = 64 * 1024
"""Unserved octets beyond this stop the reading."""

EVENTS_PER_TURN = 200
"""Commands of one connection served in one turn; about 10 us each."""

HANDSHAKE_SECONDS = 10.0
"""How long a TLS handshake may take."""

PARTING_SECONDS = 5.0
"""How long a peer that is being closed may go on sending unheard."""

SHUTDOWN = Reply(421, "4.3.2", "System shutting down")
TOO_LONG = Reply(421, "4.4.2", "Session lasted too long")
TIMEOUT = Reply(421, "4.4.2", "Timeout exceeded")

_log = Logger()


@define(eq=False, slots=False, repr=False)
class Door(Answering):
    """One connection. ``left`` is called once when it has ended.

    ``work`` outlives it, so that a peer that leaves never cuts short what the
    queue is being handed.
    """

    ground: Ground
    manners: Manners
    work: Tasks
    left: "Callable[[Door], None]"
    began: float = field(default=0.0, init=False)
    _dialogue: Dialogue | None = field(default=None, init=False)
    _talking: bool = field(default=False, init=False)
    _paused: bool = field(default=False, init=False)
    _parting: bool = field(default=False, init=False)
    _leaving: Reply | None = field(default=None, init=False)
    _handshake: float | None = field(default=None, init=False)
    _session: Session = field(init=False)

    @override
    def opened(self) -> None:
        """Greet, in TLS where the port is for it."""
        if self.manners.tls_at_once:
            self._handshake = self.clock.seconds()
            self.secure(self.ground.tls())
        self.began = self._touched = self.clock.seconds()
        offer = self.manners.offered(self.host)
        self._session = Session(Standing(offer, self.secured))
        peer = Peer(self.host, self.port, self.session, self.secured)
        reception = self.ground.receptions.meet(peer)
        bindings = self.bindings if offer.mechanisms else dict
        self._dialogue = Dialogue(
            self.ground, self.manners, peer, reception, self._session, bindings
        )
        self.ground.events.happened(
            "smtp.connected", sid=self.session, role=self.manners.role, rip=self.host
        )
        self._talking = True
        eager.run(self.work, "SMTP session", self._talk(self._dialogue, Opened()))

    @override
    def received(self, data: bytes) -> None:
        """Serve it, or keep it while the last is being served."""
        dialogue = self._dialogue
        if self._parting or dialogue is None:
            return
        self._session.feed(data)
        if not self._talking:
            self._talking = True
            eager.run(self.work, "SMTP session", self._talk(dialogue))
        elif self._session.held > HELD_OCTETS and not self._paused:
            self._paused = True
            self.pause()

    @override
    def ended(self) -> None:
        """Forget the message; what the queue already has is not cut short."""
        dialogue = self._dialogue
        self._dialogue = None  # it knows us: no circle of references stays
        if not self._parting:
            self._session.close()
        if dialogue is not None and not self._talking:
            dialogue.forget()
        seconds = round(self.clock.seconds() - self.began, 3)
        self.ground.events.happened(
            "smtp.closed", sid=self.session, role=self.manners.role, seconds=seconds
        )
        self.left(self)

    @override
    def encrypted(self) -> None:
        self._handshake = None

    @override
    def heard_out(self) -> None:
        if not self._talking:
            self.hang_up()

    async def _talk(self, dialogue: Dialogue, first: Opened | None = None) -> None:
        """Serve what has come; the answers to all of it leave in one write."""
        session, errors, again = self._session, self.manners.sessions.errors, True
        try:
            while again:
                out: list[bytes] = []
                more = not dialogue.over
                while more and len(out) < EVENTS_PER_TURN:
                    event, first = first or session.next_event(), None
                    if event is None:
                        break
                    try:
                        out.append(await SERVING[type(event)](dialogue, event))
                        if session.standing.errors > errors and not dialogue.over:
                            out.append(dialogue.exhausted())
                    except Exception:
                        self._unforeseen()
                        out.append(dialogue.failed(event))
                    more = not (dialogue.over or dialogue.securing or self.gone)
                again = self._answered(dialogue, out, more=more)
                if again:
                    await self._breathe()
        except Exception:
            self._unforeseen()
            self._part(abrupt=True)
        self._talking = False
        if self.gone:
            dialogue.forget()
        elif self.heard:
            self.hang_up()
        elif self._paused:
            self._paused = False
            self.resume()

    def _answered(self, dialogue: Dialogue, out: list[bytes], *, more: bool) -> bool:
        """Send the answers; whether to look again for what to serve."""
        octets = out[0] if len(out) == 1 else b"".join(out)
        if dialogue.over:
            self._part(octets, abrupt=dialogue.abrupt)
            return False
        self.send(octets)
        ending = not more or self._leaving is not None
        if self.gone or (ending and self._turned(dialogue)):
            return False
        return len(out) >= EVENTS_PER_TURN or (self._behind and self.behind)

    async def _breathe(self) -> None:
        """Wait for a peer that is behind; others get their turn of the reactor."""
        if self.behind:
            with suppress(Gone):
                await self.drained()
        else:
            await deferLater(self.clock, 0)

    def _turned(self, dialogue: Dialogue) -> bool:
        """Whether an answer ended something: the plain text, or the session."""
        if dialogue.securing:
            dialogue.securing = False
            self._handshake = self.clock.seconds()
            self.secure(self.ground.tls())
            self._session.secured()
        elif self._leaving is not None and self._quiet(dialogue):
            self._dismiss(self._leaving)
        else:
            return False
        return True

    def _unforeseen(self) -> None:
        _log.failure("SMTP session {sid} failed", sid=self.session)
        self.ground.events.happened(
            "smtp.failed", sid=self.session, role=self.manners.role
        )

    # Ends that are not the peer's wish.

    @override
    def leave(self, reply: Reply = SHUTDOWN) -> None:
        """Close with ``reply``: now if no message is under way, else after it."""
        dialogue = self._dialogue
        self._leaving = reply
        if dialogue is None or self.gone or self._parting:
            return
        if not self._talking and self._quiet(dialogue):
            self._dismiss(reply)

    def _quiet(self, dialogue: Dialogue) -> bool:
        """Whether nobody would lose work: at a stop before DATA, else after it."""
        if self._leaving is SHUTDOWN:
            return self._session.standing.state is not State.CONTENT
        return dialogue.since is None

    def overdue(self, now: float) -> None:
        """Look at the timers; called every second or so."""
        dialogue, limits = self._dialogue, self.manners.sessions
        if dialogue is None or self.gone or self._parting:
            return
        if self._handshake is not None and now - self._handshake > HANDSHAKE_SECONDS:
            self.abort()
            return
        ours = self._talking and not self.behind  # they wait for us
        since = now if dialogue.since is None else dialogue.since
        idle = now - self._touched > limits.idle_seconds
        if not ours and (idle or now - since > limits.transaction_seconds):
            self._dismiss(TIMEOUT)
        elif now - self.began > limits.session_seconds and self._leaving is None:
            self.leave(TOO_LONG)

    def _dismiss(self, reply: Reply) -> None:
        self._part(replies.render(reply), abrupt=False)

    def _part(self, last: bytes = b"", *, abrupt: bool) -> None:
        """Close after ``last``. A peer that still sends would lose it to a reset.

        So in plain TCP only our side is closed, and for a while what comes is
        read and thrown away.
        """
        if self._parting or self.gone:
            return
        self._parting = True
        self._session.close()
        if self._dialogue is not None:
            self._dialogue.forget()
        transport = self.transport
        if abrupt and isinstance(transport, Connection) and not self.secured:
            self.send(last)
            transport.loseWriteConnection()
            self._timer = self.clock.callLater(PARTING_SECONDS, self._parted)
        else:
            self.hang_up(last)

    def _parted(self) -> None:
        self._timer = None
        self.hang_up()
