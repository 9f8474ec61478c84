"""One POP3 session as a machine: octets in, commands out, replies through it.

The door feeds what it reads, takes one event, does it, and renders its answer
here; the session moves on the answer, not on the command. Commands wait their
turn in the session, so that pipelined ones are answered in order (RFC 2449 §6.6).
"""

from collections.abc import Mapping
from enum import Enum

from attrs import define, field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.pop3.commands import Command, Response, Verb, parse, response
from mailsuite.wire.pop3.replies import Reply, challenge

COMMAND_OCTETS = 512  # RFC 2449 §4 says 255; clients with long passwords exceed it
SASL_OCTETS = 4_096  # a line of AUTH; PLAIN with our longest name and secret fits
ENDLESS_OCTETS = 65_536  # of a line without end, before the session is over
HELD_OCTETS = 65_536  # of pipelined commands; above it the door stops reading


class State(Enum):
    """RFC 1939 §4 to §6; the first three are its AUTHORIZATION state."""

    AUTHORIZATION = "authorization"
    NAMED = "named"
    EXCHANGE = "exchange"
    TRANSACTION = "transaction"
    OVER = "over"


@frozen
class Refused:
    """A line that is no command here; answer with ``text``."""

    text: str


@frozen
class Fatal:
    """The peer cannot be followed any longer; answer with ``text`` and hang up."""

    text: str


Event = Command | Refused | Fatal

_EVERYWHERE = {
    (state, verb): after
    for state in (State.AUTHORIZATION, State.NAMED, State.TRANSACTION)
    for verb, after in ((Verb.CAPA, state), (Verb.QUIT, State.OVER))
}

ACCEPTED: Mapping[tuple[State, Verb], State] = {
    **_EVERYWHERE,
    (State.AUTHORIZATION, Verb.USER): State.NAMED,
    (State.AUTHORIZATION, Verb.AUTH): State.TRANSACTION,
    (State.AUTHORIZATION, Verb.STLS): State.AUTHORIZATION,
    (State.NAMED, Verb.USER): State.NAMED,
    (State.NAMED, Verb.PASS): State.TRANSACTION,
    (State.NAMED, Verb.AUTH): State.TRANSACTION,
    (State.NAMED, Verb.STLS): State.AUTHORIZATION,
    (State.EXCHANGE, Verb.RESPONSE): State.TRANSACTION,
    **{
        (State.TRANSACTION, verb): State.TRANSACTION
        for verb in (
            Verb.STAT,
            Verb.LIST,
            Verb.RETR,
            Verb.DELE,
            Verb.NOOP,
            Verb.RSET,
            Verb.TOP,
            Verb.UIDL,
        )
    },
}
"""Where a positive reply leads. What is not here is refused."""

DENIED: Mapping[tuple[State, Verb], State] = {
    (State.NAMED, Verb.USER): State.AUTHORIZATION,
    (State.NAMED, Verb.PASS): State.AUTHORIZATION,
    (State.NAMED, Verb.AUTH): State.AUTHORIZATION,
    (State.EXCHANGE, Verb.RESPONSE): State.AUTHORIZATION,
    (State.TRANSACTION, Verb.QUIT): State.OVER,
}
"""Where a negative reply leads, other than back to where it was."""


@define(eq=False)
class Session:
    """Feed it, take events one at a time, and answer each before the next."""

    state: State = State.AUTHORIZATION
    _buffer: bytearray = field(factory=bytearray)
    _discarded: int = 0
    _asked: Verb | None = None
    _open: bool = False

    def feed(self, octets: bytes) -> None:
        """Take what was read; it is bounded only if the door honours ``full``."""
        if self.state is not State.OVER:
            self._buffer += octets

    @property
    def full(self) -> bool:
        """Whether the door should stop reading until commands were served."""
        return len(self._buffer) > HELD_OCTETS

    @property
    def pressed(self) -> bool:
        """Whether another line came behind the one in hand."""
        return b"\n" in self._buffer

    @property
    def waiting(self) -> bool:
        """Whether the last event still wants its answer."""
        return self._open

    @property
    def over(self) -> bool:
        """Whether the client has said all it may."""
        return self.state is State.OVER

    def next_event(self) -> Event | None:
        """Give the next command; None: more octets or an answer first."""
        if self._open or self.state is State.OVER:
            return None
        line = self._line()
        if line is None:
            return None
        event = self._command(line) if isinstance(line, bytes) else line
        self._open = True
        self._asked = None if isinstance(event, Refused | Fatal) else event.verb
        return event

    def answer(self, reply: Reply) -> bytes:
        """Move as the answer to the last event tells, and render it."""
        table = ACCEPTED if reply.positive else DENIED
        if self._asked is not None:
            self.state = table.get((self.state, self._asked), self.state)
        elif self.state is State.EXCHANGE:
            self.state = State.AUTHORIZATION
        self._open = False
        return reply.render()

    def challenge(self, encoded: bytes) -> bytes:
        """Go on with the SASL exchange instead of answering; base64 given."""
        self.state = State.EXCHANGE
        self._open = False
        return challenge(encoded)

    def secured(self) -> None:
        """TLS has begun: forget all that came before it (RFC 2595 §4)."""
        self._buffer.clear()
        self._discarded = 0
        self.state = State.AUTHORIZATION

    def close(self) -> None:
        """Nothing more is asked of this session."""
        self._buffer.clear()
        self.state = State.OVER

    def _line(self) -> bytes | Refused | Fatal | None:
        """One line without its end; a too long one is refused when it ends."""
        end = self._buffer.find(b"\n")
        if end < 0:
            return self._endless()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if self._discarded or len(line) > SASL_OCTETS:
            self._discarded = 0
            return Refused("Line too long")
        return line.removesuffix(b"\r")

    def _endless(self) -> Fatal | None:
        if len(self._buffer) > SASL_OCTETS:
            self._discarded += len(self._buffer)
            self._buffer.clear()
        if self._discarded > ENDLESS_OCTETS:
            return Fatal("Line too long")
        return None

    def _command(self, line: bytes) -> Command | Refused:
        """Read a line as the state wants it."""
        try:
            if self.state is State.EXCHANGE:
                return response(line)
            found = parse(line)
        except PeerError as error:
            return Refused(str(error))
        if isinstance(found, Response) or (self.state, found.verb) not in ACCEPTED:
            return Refused("Not now")
        if found.verb is not Verb.AUTH and len(line) > COMMAND_OCTETS - 2:
            return Refused("Line too long")
        return found
