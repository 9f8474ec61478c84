"""IMAP's session machine: octets in, whole commands out (RFC 3501 §2.2, §3).

It holds what is not yet a command, finds literals (RFC 7888 too), knows which
state allows what, and never has more than its limits in memory. ``next_event``
gives one thing at a time; the door answers it before it asks for the next.
"""

import re
from enum import Enum

from attrs import define, field

from mailsuite.model.annotations import VALUE_OCTETS
from mailsuite.wire.imap import limits
from mailsuite.wire.imap.commands.table import SYNTAX, State
from mailsuite.wire.imap.events import (
    Block,
    Event,
    Line,
    Refused,
    Upload,
    Uploaded,
    Wanted,
)
from mailsuite.wire.imap.parsing import UNTAGGED as _UNTAGGED
from mailsuite.wire.imap.parsing import announced, tag_of, understood

_LITERAL = re.compile(rb"\{([0-9]+)(\+?)\}$")
_APPEND = re.compile(rb"[^ ]+ append (?!\{[0-9]+\+?\}$)", re.IGNORECASE)
_SETMETADATA = re.compile(rb"[^ ]+ setmetadata ", re.IGNORECASE)
_BINARY = re.compile(rb"[ (]~\{[0-9]+\+?\}\r\n$")
_MARK_OCTETS = 32  # of a literal's announcement, more than any has
_BROKEN = re.compile(rb"[\x00\r]")
_SIZE_DIGITS = 18  # an announced size with more is as good as endless


class _Mode(Enum):
    LINE = "a line of a command"
    LITERAL = "a literal of a command"
    MESSAGE = "the message of an APPEND"
    TAIL = "the end of an APPEND"
    SKIP = "the rest of an overlong line"


class _Again(Enum):
    AGAIN = "look at the buffer again"


_AGAIN = _Again.AGAIN
_Step = Event | None | _Again


@define(eq=False)
class _Partial:
    """A command as far as it came: its lines with their literals inside."""

    text: bytearray = field(factory=bytearray)
    lined: int = 0
    literals: int = 0
    fault: bytes = b""
    early: bool = True

    def line(self, line: bytes) -> None:
        """Take a line without its end."""
        self.text += line
        self.lined += len(line)
        if _BROKEN.search(line):
            self.fault = b"BAD NUL or CR in a command"

    def literal(self, octets: bytes) -> None:
        """Take a whole literal; one after ``~`` may hold any octets (RFC 3516)."""
        binary = _BINARY.search(self.text[-_MARK_OCTETS:])
        self.text += octets
        if b"\0" in octets and not binary:
            self.fault = b"BAD NUL in a literal"  # RFC 3501 §9, CHAR8

    def taken(self) -> bytes:
        """Give the text and begin anew; before login literals stay counted."""
        text = bytes(self.text)
        self.text.clear()
        self.lined, self.fault = 0, b""
        if not self.early:
            self.literals = 0
        return text


@define(eq=False)
class Session:
    """One client's dialogue. ``feed`` octets, then ask for events until None.

    With ``lines`` it gives lines as they are (IDLE, AUTHENTICATE).
    """

    state: State = State.NOT_AUTHENTICATED
    lines: bool = False
    _mode: _Mode = _Mode.LINE
    _buffer: bytearray = field(factory=bytearray)
    _scanned: int = 0
    _command: _Partial = field(init=False)
    _left: int = 0
    _declined: bool = False

    def __attrs_post_init__(self) -> None:
        self._command = _Partial(early=self.state is State.NOT_AUTHENTICATED)

    @property
    def held(self) -> int:
        """Octets that wait to be looked at."""
        return len(self._buffer)

    def feed(self, octets: bytes) -> None:
        """Take what the client sent."""
        if self.state is not State.LOGOUT:
            self._buffer += octets

    def entered(self, state: State) -> None:
        """The client logged in, selected, closed or leaves."""
        self._command.early = False
        self._command.literals = 0
        self.state = state
        if state is State.LOGOUT:
            self._buffer.clear()

    def secured(self) -> None:
        """TLS begins: forget what came in plaintext (RFC 3501 §6.2.1)."""
        self._buffer.clear()
        self._scanned = 0

    def decline(self, upload: Upload) -> None:
        """Nobody wants this message: it is passed over if it comes."""
        self._declined = True
        if upload.waits:
            self._mode = _Mode.LINE

    def next_event(self) -> Event | None:
        """The next thing to answer; None: more octets are needed first."""
        step: _Step
        while self.state is not State.LOGOUT:
            match self._mode:
                case _Mode.LINE:
                    step = self._line()
                case _Mode.LITERAL:
                    step = self._literal()
                case _Mode.MESSAGE:
                    step = self._message()
                case _Mode.TAIL:
                    step = self._tail()
                case _Mode.SKIP:
                    step = self._skip()
            if not isinstance(step, _Again):
                return step
        return None

    def _taken(self, count: int) -> bytes:
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._scanned = 0
        return octets

    def _line(self) -> _Step:
        end = self._buffer.find(b"\n", self._scanned)
        if (len(self._buffer) if end < 0 else end) > _most(self) - self._command.lined:
            return self._too_long()
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        line = self._taken(end + 1)[:-1].removesuffix(b"\r")
        if self.lines:
            return Line(line)
        self._command.line(line)
        found = _LITERAL.search(line) if line.endswith(b"}") else None
        if found is not None:
            digits, plus = found.groups()
            endless = len(digits) > _SIZE_DIGITS
            size = 10**_SIZE_DIGITS if endless else int(digits)
            return self._announced(size, waits=not plus)
        fault = self._command.fault
        return understood(self._command.taken(), fault, self.state)

    def _too_long(self) -> _Step:
        if self.lines:
            return Refused(_UNTAGGED, b"BAD Line too long", fatal=True)
        text = self._command.taken() or bytes(self._buffer[: limits.TAG_OCTETS + 1])
        self._mode = _Mode.SKIP
        self._left = limits.SKIPPED_OCTETS
        return Refused(tag_of(text), b"BAD Command line too long")

    def _skip(self) -> _Step:
        end = self._buffer.find(b"\n")
        if end >= 0:
            _ = self._taken(end + 1)
            self._mode = _Mode.LINE
            return _AGAIN
        self._left -= len(self._buffer)
        _ = self._taken(len(self._buffer))
        if self._left < 0:
            return Refused(_UNTAGGED, b"BAD Line without end", fatal=True)
        return None

    def _announced(self, size: int, *, waits: bool) -> _Step:
        allowed = self.state in SYNTAX[b"APPEND"].states
        if allowed and not self._command.fault and _APPEND.match(self._command.text):
            return self._announced_message(size, waits=waits)
        early = self.state is State.NOT_AUTHENTICATED
        most = limits.LITERAL_OCTETS_BEFORE_LOGIN if early else limits.LITERAL_OCTETS
        if self._command.literals + size > most:
            noted = _SETMETADATA.match(self._command.text) and not early
            tag = tag_of(self._command.taken())
            said = _too_large(size) if noted else b"BAD [TOOBIG] Literal too large"
            return Refused(tag, said, fatal=not waits)
        self._command.literals += size
        self._command.text += b"\r\n"
        self._left = size
        self._mode = _Mode.LITERAL
        return Wanted() if waits else _AGAIN

    def _literal(self) -> _Step:
        if len(self._buffer) < self._left:
            return None
        self._command.literal(self._taken(self._left))
        self._mode = _Mode.LINE
        return _AGAIN

    def _announced_message(self, size: int, *, waits: bool) -> Event:
        event = announced(self._command.taken(), size, waits=waits)
        self._left = size
        self._declined = isinstance(event, Refused)
        if not (waits and self._declined):
            self._mode = _Mode.MESSAGE
        return event

    def _message(self) -> _Step:
        if self._left:
            if not self._buffer:
                return None
            octets = self._taken(min(self._left, len(self._buffer)))
            self._left -= len(octets)
            return _AGAIN if self._declined else Block(octets)
        self._mode = _Mode.TAIL
        return _AGAIN

    def _tail(self) -> _Step:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > limits.LINE_OCTETS:
                return Refused(_UNTAGGED, b"BAD Line too long", fatal=True)
            return None
        line = self._taken(end + 1)[:-1].removesuffix(b"\r")
        self._mode = _Mode.LINE
        if line.strip(b" "):
            fatal = line.endswith(b"+}")
            return Refused(_UNTAGGED, b"BAD One message at a time", fatal=fatal)
        return _AGAIN if self._declined else Uploaded()


def _too_large(size: int) -> bytes:
    """What SETMETADATA is told of a value, or of all its values (RFC 5464 §4.3)."""
    if size > VALUE_OCTETS:
        return b"NO [METADATA MAXSIZE %d] Too long" % VALUE_OCTETS
    return b"NO [LIMIT] Too much for one command"


def _most(session: Session) -> int:
    """Octets that a line may have now."""
    if session.lines or session.state is State.NOT_AUTHENTICATED:
        return limits.LINE_OCTETS_BEFORE_LOGIN
    return limits.LINE_OCTETS
