"""What an SMTP server answers: parsing of replies (RFC 5321 §4.2, RFC 2034).

Forgiving where servers err (bare LF, different codes in one reply, 8-bit text),
hard where a peer could hurt: everything is bounded.
"""

import re

from attrs import define, field, frozen
from typing_extensions import override

from mailsuite.model.errors import PeerError

LINE_OCTETS = 2_048  # RFC 5321 §4.5.3.1.5 says 512; servers write longer ones
REPLY_LINES = 512  # no honest EHLO comes near it
REPLY_OCTETS = 64 * 1024  # of all lines of one reply
TEXT_CHARACTERS = 500  # of a reply, as it goes into DSN and log

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@frozen
class Answer:
    """One reply. ``lines`` are its texts, without code and enhanced status.

    ``status`` is the RFC 3463 code if there is one and its class agrees with
    ``code``; else empty. Only the first digit of a code says what it means, that of
    an unknown one too (RFC 5321 §4.3.2).
    """

    code: int
    status: str
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        """2yz: done."""
        return 200 <= self.code < 300

    @property
    def intermediate(self) -> bool:
        """3yz: go on."""
        return 300 <= self.code < 400

    @property
    def permanent(self) -> bool:
        """5yz: repeating cannot help."""
        return self.code >= 500

    @property
    def text(self) -> str:
        """Its words in one line, at most :data:`TEXT_CHARACTERS`."""
        return " ".join(filter(None, self.lines))[:TEXT_CHARACTERS]

    @override
    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.status, self.text)))


@define(eq=False)
class Answers:
    """Cuts octets into answers. After a :class:`PeerError` feed no more."""

    _buffer: bytearray = field(factory=bytearray, init=False)
    _seen: int = field(default=0, init=False)
    _lines: list[bytes] = field(factory=list, init=False)
    _octets: int = field(default=0, init=False)

    def feed(self, octets: bytes) -> None:
        """Take what was read."""
        self._buffer += octets

    def clear(self) -> bool:
        """Forget everything unread; say whether there was anything."""
        unread = bool(self._buffer or self._lines)
        self._buffer.clear()
        self._lines.clear()
        self._seen = self._octets = 0
        return unread

    def next_answer(self) -> Answer | None:
        """Give the next whole answer, or None until more is fed.

        :raises PeerError: it is no SMTP reply, or too long.
        """
        while (line := self._next_line()) is not None:
            found = _LINE.fullmatch(line)
            if found is None:
                raise PeerError("the answer is not an SMTP reply")
            self._octets += len(line)
            self._lines.append(found[3] or b"")
            if len(self._lines) > REPLY_LINES or self._octets > REPLY_OCTETS:
                raise PeerError("the answer is too long")
            if found[2] != b"-":
                return self._take(int(found[1]))
        return None

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._seen)
        if max(end, len(self._buffer) if end < 0 else 0) > LINE_OCTETS:
            raise PeerError("a line of the answer is too long")
        if end < 0:
            self._seen = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._seen = 0
        return line.removesuffix(b"\r")

    def _take(self, code: int) -> Answer:
        texts = [_CONTROLS.sub("?", t.decode("utf-8", "replace")) for t in self._lines]
        self._lines.clear()
        self._octets = 0
        status = ""
        found = _STATUS.match(texts[0])
        if found and found[1][0] == str(code)[0]:
            status = found[1]
            texts = [text.removeprefix(status).strip() for text in texts]
        return Answer(code, status, tuple(texts))
