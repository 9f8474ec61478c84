"""Octets become commands' tokens, however they are cut: lines, and literals in them.

What is no command is refused only when it is whole, so that the next one is found.
"""

import re
from collections.abc import Sequence

from attrs import define, field, frozen

from mailsuite.wire.managesieve.commands import Token, Word

LINE_OCTETS = 8_192  # of a line, or of what stands between two literals
CONTENT_OCTETS = 128 * 1024  # of one command's strings; a script is shorter
STRANGER_OCTETS = 8_192  # the same before a login: a response of SASL
DRAINED_OCTETS = 4 << 20  # of a literal that is refused, yet read to its end
TOKENS = 4  # of one command
LITERALS = 4  # of one command, those that are read over too
HELD_OCTETS = 256 * 1024  # unserved; above it the door stops reading
SIZE_DIGITS = 10  # RFC 5804 §4: a number is below 2^32

_TOKEN = re.compile(
    rb"[ \t]*+(?:"
    rb'"(?P<quoted>(?:[^"\\\r\n\0]++|\\["\\])*+)"'
    rb"|\{(?P<literal>[0-9]++)\+?\}\Z"
    rb'|(?P<word>[^ \t"{}()\\\r\n\0-\x1f\x7f-\xff]++)'
    rb")"
)
_SPACES = b" \t"
_ESCAPED = re.compile(rb"\\(.)")
_END = re.compile(rb"\{([0-9]++)\+?\}")


@frozen
class Refused:
    """What is no command here; answer NO with ``text``."""

    text: str
    code: bytes = b""


@frozen
class Fatal:
    """The peer cannot be followed any longer; answer BYE with ``text``."""

    text: str
    code: bytes = b""


Gathered = tuple[Token, ...] | Refused | Fatal


@define(eq=False)
class Gathering:
    """Feed it, and take what is whole."""

    _buffer: bytearray = field(factory=bytearray)
    _tokens: list[Token] = field(factory=list)
    _literals: int = 0
    _literal: int = -1
    _draining: int = 0
    _refused: Refused | None = None

    def feed(self, octets: bytes) -> None:
        """Take what was read; it is bounded only if the door honours ``full``."""
        self._buffer += octets

    @property
    def full(self) -> bool:
        """Whether the door should stop reading until commands were served."""
        return len(self._buffer) > HELD_OCTETS

    def clear(self) -> None:
        """Forget all that came."""
        self._forget()
        self._buffer.clear()

    def next(self, limit: int) -> Gathered | None:
        """Give the next command's tokens, of ``limit`` octets; None: more must come."""
        while True:
            if not self._read_literal():
                return None
            line = self._line()
            if line is None or isinstance(line, Fatal):
                return line
            if (found := self._continued(line, limit)) is not None:
                return found

    def _forget(self) -> None:
        self._tokens = []
        self._literals, self._literal, self._draining = 0, -1, 0
        self._refused = None

    def _read_literal(self) -> bool:
        """Whether the literal that was announced is read, if there is one."""
        if self._draining:
            cut = min(self._draining, len(self._buffer))
            del self._buffer[:cut]
            self._draining -= cut
            return not self._draining
        if self._literal >= 0:
            if len(self._buffer) < self._literal:
                return False
            self._tokens.append(bytes(self._buffer[: self._literal]))
            del self._buffer[: self._literal]
            self._literal = -1
        return True

    def _line(self) -> bytes | Fatal | None:
        end = self._buffer.find(b"\n", 0, LINE_OCTETS)
        if end < 0:
            return Fatal("Line too long") if len(self._buffer) >= LINE_OCTETS else None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _continued(self, line: bytes, limit: int) -> Gathered | None:
        """Take the rest of a command's line; None: a literal follows it."""
        at = 0
        while at < len(line) and line[at:].strip(b" \t"):
            apart = not self._tokens or line[at] in _SPACES
            match = _TOKEN.match(line, at) if apart else None
            if match is None:
                return self._wrong("Syntax error", line)
            at = match.end()
            if match["literal"] is not None:
                return self._announced(_size(match["literal"]), limit)
            if len(self._tokens) >= TOKENS:
                return self._wrong("Too many arguments", line)
            self._tokens.append(_token(match))
        return self._whole()

    def _wrong(self, text: str, line: bytes) -> Gathered | None:
        """Refuse the command; a literal that its line announces is read over."""
        self._refused = self._refused or Refused(text)
        found = _END.fullmatch(line, max(line.rfind(b"{"), 0))
        return self._announced(_size(found[1]), 0) if found else self._whole()

    def _announced(self, octets: int, limit: int) -> Fatal | None:
        """A literal comes: keep it, or read over it, or give up."""
        self._literals += 1
        if self._literals > LITERALS:
            return Fatal("Too many literals")
        if octets > DRAINED_OCTETS:
            return Fatal("Literal too long", _too_large(self._tokens).code)
        held = sum(len(one) for one in self._tokens if isinstance(one, bytes))
        if len(self._tokens) >= TOKENS:
            self._refused = self._refused or Refused("Too many arguments")
        if held + octets > limit:
            self._refused = self._refused or _too_large(self._tokens)
        if self._refused is not None:
            self._draining = octets
        else:
            self._literal = octets
        return None

    def _whole(self) -> Gathered:
        found = self._refused or tuple(self._tokens)
        self._forget()
        return found


def _size(digits: bytes) -> int:
    """The octets of a literal; what is no number here is more than is read."""
    return int(digits) if len(digits) <= SIZE_DIGITS else DRAINED_OCTETS + 1


def _too_large(tokens: Sequence[Token]) -> Refused:
    """A quota stands in the way of what is to be kept, not of what is looked at."""
    first = tokens[0] if tokens else b""
    kept = isinstance(first, Word) and first.text.upper() == "PUTSCRIPT"
    return Refused("Too large", b"QUOTA/MAXSIZE" if kept else b"")


def _token(match: re.Match[bytes]) -> Token:
    if match["word"] is not None:
        return Word(match["word"].decode("ascii"))
    return _ESCAPED.sub(rb"\1", match["quoted"])
