"""One ManageSieve session as a machine: octets in, commands out, replies through it.

The session moves on the answer, not on the command. Commands wait their turn here,
so that pipelined ones are answered in order.
"""

import re
from collections.abc import Mapping
from enum import Enum

from attrs import define, field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.managesieve import replies
from mailsuite.wire.managesieve.commands import (
    Command,
    Token,
    Verb,
    Word,
    read,
    response,
)
from mailsuite.wire.managesieve.replies import Reply

LINE_OCTETS = 8_192  # of a line, or of what stands between two literals
CONTENT_OCTETS = 128 * 1024  # of one literal; a script is shorter
DRAINED_OCTETS = 4 << 20  # of a literal that is refused, yet read to its end
TOKENS = 4  # of one command
HELD_OCTETS = 256 * 1024  # unserved; above it the door stops reading

_TOKEN = re.compile(
    rb"[ \t]*+(?:"
    rb'"(?P<quoted>(?:[^"\\\r\n\0]++|\\["\\])*+)"'
    rb"|\{(?P<literal>[0-9]{1,10})\+?\}\Z"
    rb'|(?P<word>[^ \t"{}()\\\r\n\0-\x1f\x7f-\xff]++)'
    rb")"
)
_ESCAPED = re.compile(rb"\\(.)")


class State(Enum):
    """RFC 5804 §1.1 calls the first and the last by these names."""

    STRANGER = "non-authenticated"
    EXCHANGE = "SASL exchange"
    KNOWN = "authenticated"
    OVER = "over"


@frozen
class Refused:
    """What is no command here; answer NO with ``text``."""

    text: str
    code: bytes = b""


@frozen
class Fatal:
    """The peer cannot be followed any longer; answer BYE with ``text``."""

    text: str


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
    _buffer: bytearray = field(factory=bytearray)
    _tokens: list[Token] = field(factory=list)
    _literal: int = -1
    _draining: int = 0
    _refused: Refused | None = None
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
        event = self._gathered()
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
        self._forget()
        self._buffer.clear()
        self.state = State.STRANGER

    def close(self) -> None:
        """Nothing more is asked of this session."""
        self._forget()
        self._buffer.clear()
        self.state = State.OVER

    def _forget(self) -> None:
        self._tokens = []
        self._literal, self._draining, self._refused = -1, 0, None

    def _gathered(self) -> Event | None:
        """Read on until a command is whole."""
        while True:
            if self._draining:
                cut = min(self._draining, len(self._buffer))
                del self._buffer[:cut]
                self._draining -= cut
                if self._draining:
                    return None
            if self._literal >= 0:
                if len(self._buffer) < self._literal:
                    return None
                self._tokens.append(bytes(self._buffer[: self._literal]))
                del self._buffer[: self._literal]
                self._literal = -1
            line = self._line()
            if line is None:
                return None
            if isinstance(line, Fatal):
                return line
            event = self._continued(line)
            if event is not None:
                return event

    def _line(self) -> bytes | Fatal | None:
        end = self._buffer.find(b"\n", 0, LINE_OCTETS)
        if end < 0:
            return Fatal("Line too long") if len(self._buffer) >= LINE_OCTETS else None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _continued(self, line: bytes) -> Event | None:
        """Take the rest of a command's line; None: a literal follows it."""
        at = 0
        while at < len(line) and line[at:].strip(b" \t"):
            match = _TOKEN.match(line, at)
            if match is None:
                self._refused = self._refused or Refused("Syntax error")
                if (left := _announced(line)) is not None:
                    return self._announced(left)
                break
            at = match.end()
            if match["literal"] is not None:
                return self._announced(int(match["literal"]))
            if len(self._tokens) >= TOKENS:
                self._refused = self._refused or Refused("Too many arguments")
            else:
                self._tokens.append(_token(match))
        return self._whole()

    def _announced(self, octets: int) -> Event | None:
        """A literal comes: keep it, or read over it, or give up."""
        if octets > DRAINED_OCTETS:
            return Fatal("Literal too long")
        if len(self._tokens) >= TOKENS:
            self._refused = self._refused or Refused("Too many arguments")
        if octets > CONTENT_OCTETS:
            self._refused = self._refused or Refused("Too large", b"QUOTA/MAXSIZE")
        if self._refused is not None:
            self._draining = octets
        else:
            self._literal = octets
        return None

    def _whole(self) -> Event:
        """The command is whole; what it says is looked at now."""
        tokens, refused = self._tokens, self._refused
        self._forget()
        if refused is not None:
            return refused
        try:
            if self.state is State.EXCHANGE:
                return response(tokens)
            found = read(tokens)
        except PeerError as error:
            return Refused(str(error))
        if (self.state, found.verb) not in ACCEPTED:
            return Refused(
                "Log in first" if self.state is State.STRANGER else "Not now"
            )
        return found


def _token(match: re.Match[bytes]) -> Token:
    if match["word"] is not None:
        return Word(match["word"].decode("ascii"))
    return _ESCAPED.sub(rb"\1", match["quoted"])


_END = re.compile(rb"\{([0-9]{1,10})\+?\}\Z")


def _announced(line: bytes) -> int | None:
    """The literal that a line ends with, however wrong the rest of it is."""
    found = _END.search(line)
    return int(found[1]) if found else None
