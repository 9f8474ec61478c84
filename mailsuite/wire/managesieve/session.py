"""One ManageSieve session as a machine: octets in, commands out, replies through it.

The session moves on the answer, not on the command. Commands wait their turn here,
so that pipelined ones are answered in order.
"""

from collections.abc import Mapping
from enum import Enum

from attrs import define, field

from mailsuite.model.errors import PeerError
from mailsuite.wire.managesieve import replies
from mailsuite.wire.managesieve.commands import Command, Verb, read, response
from mailsuite.wire.managesieve.gathering import (
    CONTENT_OCTETS,
    STRANGER_OCTETS,
    Fatal,
    Gathering,
    Refused,
)
from mailsuite.wire.managesieve.replies import Reply


class State(Enum):
    """RFC 5804 §1.1 calls the first and the last by these names."""

    STRANGER = "non-authenticated"
    EXCHANGE = "SASL exchange"
    KNOWN = "authenticated"
    OVER = "over"


Event = Command | Refused | Fatal

_ANYWHERE = {
    (state, verb): after
    for state in (State.STRANGER, State.KNOWN)
    for verb, after in (
        (Verb.CAPABILITY, state),
        (Verb.NOOP, state),
        (Verb.LOGOUT, State.OVER),
    )
}
ACCEPTED: Mapping[tuple[State, Verb], State] = {
    **_ANYWHERE,
    (State.STRANGER, Verb.AUTHENTICATE): State.KNOWN,
    (State.STRANGER, Verb.STARTTLS): State.STRANGER,
    (State.EXCHANGE, Verb.RESPONSE): State.KNOWN,
    (State.KNOWN, Verb.UNAUTHENTICATE): State.STRANGER,
    **{
        (State.KNOWN, verb): State.KNOWN
        for verb in (
            Verb.HAVESPACE,
            Verb.PUTSCRIPT,
            Verb.LISTSCRIPTS,
            Verb.SETACTIVE,
            Verb.GETSCRIPT,
            Verb.DELETESCRIPT,
            Verb.RENAMESCRIPT,
            Verb.CHECKSCRIPT,
        )
    },
}
"""Where OK leads. What is not here is refused."""


@define(eq=False)
class Session:
    """Feed it, take events one at a time, and answer each before the next."""

    state: State = State.STRANGER
    _gathering: Gathering = field(factory=Gathering)
    _asked: Verb | None = None
    _open: bool = False

    def feed(self, octets: bytes) -> None:
        """Take what was read; it is bounded only if the door honours ``full``."""
        if self.state is not State.OVER:
            self._gathering.feed(octets)

    @property
    def full(self) -> bool:
        """Whether the door should stop reading until commands were served."""
        return self._gathering.full

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
        event = self._event()
        if isinstance(event, Fatal):
            self.close()
        if event is not None:
            self._open = True
            self._asked = event.verb if isinstance(event, Command) else None
        return event

    def answer(self, reply: Reply) -> bytes:
        """Move as the answer to the last event tells, and render it."""
        if reply.positive and self._asked is not None:
            self.state = ACCEPTED.get((self.state, self._asked), self.state)
        elif self.state is State.EXCHANGE:
            self.state = State.STRANGER
        self._open = False
        return reply.render()

    def challenge(self, encoded: bytes) -> bytes:
        """Go on with the SASL exchange instead of answering; base64 given."""
        self.state = State.EXCHANGE
        self._open = False
        return replies.string(encoded) + b"\r\n"

    def secured(self) -> None:
        """TLS has begun: forget all that came before it (RFC 5804 §2.2)."""
        self._gathering.clear()
        self.state = State.STRANGER

    def close(self) -> None:
        """Nothing more is asked of this session."""
        self._gathering.clear()
        self.state = State.OVER

    def _event(self) -> Event | None:
        """Read the next command that is whole; what it says is looked at now."""
        known = self.state is State.KNOWN
        found = self._gathering.next(CONTENT_OCTETS if known else STRANGER_OCTETS)
        if not isinstance(found, tuple):
            return found
        try:
            if self.state is State.EXCHANGE:
                return response(found)
            command = read(found)
        except PeerError as error:
            return Refused(str(error))
        if (self.state, command.verb) not in ACCEPTED:
            return Refused(
                "Log in first" if self.state is State.STRANGER else "Not now"
            )
        return command
