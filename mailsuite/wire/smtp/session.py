"""The server's side of an SMTP or LMTP dialogue, without input and output.

``feed`` takes octets, ``next_event`` gives what the client wants, ``answer`` makes
the octets of the reply and only then moves on: a refused MAIL leaves the session
where it stood (RFC 5321 §4.1.4). While an event is unanswered nothing else comes
out, so that pipelined commands (RFC 2920) are answered in their order.
"""

from collections.abc import Callable

from attrs import define, field

from mailsuite.model.errors import Refusal, UsageError
from mailsuite.model.replies import Reply
from mailsuite.wire.smtp import commands, content, reading, replies
from mailsuite.wire.smtp.commands import Event, Refused
from mailsuite.wire.smtp.lines import (
    LINE_OCTETS,
    RESPONSE_OCTETS,
    Endless,
    Lines,
    TooLong,
)
from mailsuite.wire.smtp.standing import Standing
from mailsuite.wire.smtp.states import LASTING, TABLE, State, Verb, misplaced

DRAIN_OCTETS = 64 * 1024 * 1024
"""Of a message over its limit so many more are read to find its end."""

_STRANGERS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH"}
    | {"PROPFIND", "PRI", "HOST:", "USER-AGENT:", "CONTENT-TYPE:"}
)
"""First words of HTTP; a browser must not be made to speak SMTP (ALPACA)."""

_NOT_OFFERED = frozenset(
    {"ETRN", "TURN", "ATRN", "EXPN", "DEBUG", "WIZ", "SEND", "SOML", "SAML"}
)
_TLS_HANDSHAKE = 0x16  # RFC 8446 §5.1: the first octet of a ClientHello's record
_END = commands.End()

# By names of ours: to find a member in its enum takes seven times as long, and every
# command asks for some of them.
_WHOLE, _RCPT = Verb.END, Verb.RCPT
_STARTED, _GREETED, _SENDER = State.STARTED, State.GREETED, State.SENDER
_RECIPIENTS, _CONTENT, _PROVING = State.RECIPIENTS, State.CONTENT, State.PROVING
_SECURING, _CLOSED = State.SECURING, State.CLOSED


@define(eq=False, repr=False)
class Session:
    """One connection's dialogue; it begins by waiting for our greeting.

    ``standing`` is the door's to read only, and to tell mechanisms.
    """

    standing: Standing
    _lines: Lines = field(factory=Lines)
    _pending: Verb | None = Verb.OPEN
    _content: content.Content | None = None
    _whole: bool = False
    _skipping: int = 0
    feed: Callable[[bytes], None] = field(init=False)
    """Take what the connection gave."""

    def __attrs_post_init__(self) -> None:
        self.feed = self._lines.feed

    @property
    def waiting(self) -> bool:
        """Whether the last event still wants its answer."""
        return self._pending is not None

    @property
    def held(self) -> int:
        """Octets that wait to be read; the door pauses when they are many."""
        return self._lines.held

    def next_event(self) -> Event | None:
        """What comes next; None: more octets or an answer must come first."""
        if self._pending is not None:
            return None
        if self._content is not None:
            return self._more_content(self._content)
        if self._whole:
            self._whole = False
            return self._ask(_WHOLE, _END)
        if not self._lines.octets:
            return None
        if self._skipping:
            self._skipping -= self._lines.skip(self._skipping)
        state = self.standing.state
        if self._skipping or state is _SECURING or state is _CLOSED:
            return None
        return self._next_line(state)

    def answer(self, *told: Reply) -> bytes:
        """Answer the last event; LMTP's end of content once a recipient.

        One reply to the end of content is repeated for each (RFC 2033 §4.2).
        """
        verb, self._pending = self._pending, None
        if verb is None:
            raise UsageError("an SMTP answer without a question")
        standing = self.standing
        if verb is _WHOLE and standing.offer.dialect.replies_each and len(told) == 1:
            told *= standing.recipients
        if standing.state is not _CLOSED:
            self._advance(verb, told[0].code)
        if len(told) == 1:
            return told[0].octets or replies.render(told[0])
        return b"".join(map(replies.render, told))

    def secured(self) -> None:
        """TLS stands: everything said before is forgotten (RFC 3207 §4.2)."""
        self._lines.clear()
        self.standing = Standing(self.standing.offer, True, _STARTED)

    def close(self) -> None:
        """Nothing is read any more."""
        self.standing.state = _CLOSED
        self._content = None
        self._whole = False
        self._lines.close()

    def _advance(self, verb: Verb, code: int) -> None:
        standing = self.standing
        if code >= 400:
            standing.errors += 1
        if code == 334:  # RFC 4954 §4: a challenge
            standing.state = _PROVING
        elif code < 400 or verb in LASTING:
            state = standing.state = TABLE[standing.state, verb]
            if state is _RECIPIENTS:
                standing.recipients += verb is _RCPT
            elif state is not _SENDER:
                self._arrived(state, code)
        elif verb is Verb.OPEN:
            self.close()

    def _arrived(self, state: State, code: int) -> None:
        """What holds in the new state."""
        standing = self.standing
        if state is _CONTENT:
            self._content = content.Content()
        elif state is _GREETED:
            standing.recipients = 0
            standing.authenticated |= code == 235
        elif state is _SECURING:  # CVE-2011-0411: what came with it is no TLS
            self._lines.clear()
        elif state is _CLOSED:
            self.close()

    def _more_content(self, taking: content.Content) -> Event | None:
        """A block, the end, or what is wrong with it."""
        octets = self._lines.rest()
        if not octets:
            return None
        try:
            block, after = taking.take(octets)
        except content.Bare:
            self._content = None
            return self._ask(_WHOLE, commands.End(replies.BARE, close=True))
        excess = taking.size - self.standing.offer.size
        if after is not None:
            self._content = None
            if after:
                self._lines.feed(after)
            if excess > 0:
                return self._ask(_WHOLE, commands.End(replies.TOO_LARGE))
            self._whole = True
            return commands.Content(block) if block else self.next_event()
        if excess > DRAIN_OCTETS:
            self._content = None
            return self._ask(_WHOLE, commands.End(replies.TOO_LARGE, close=True))
        return commands.Content(block) if block and excess <= 0 else None

    def _next_line(self, state: State) -> Event | None:
        lines, standing = self._lines, self.standing
        if state is _STARTED and lines.first() == _TLS_HANDSHAKE:
            return self._refuse(replies.WRONG_PROTOCOL, close=True)
        proving = state is _PROVING
        long = proving or (standing.offer.mechanisms and standing.auth_open)
        try:
            line = lines.line(RESPONSE_OCTETS if long else LINE_OCTETS)
            if line is None:
                return None
            if proving:
                stripped = line.removesuffix(b"\n").removesuffix(b"\r")
                return self._ask(Verb.RESPONSE, reading.response(stripped))
            return self._understood(line, state)
        except Refusal as refusal:
            return self._refuse(refusal.reply)
        except TooLong:
            return self._refuse(replies.LONG_RESPONSE if long else replies.LONG_LINE)
        except Endless:
            return self._refuse(replies.LONG_LINE, close=True)

    def _understood(self, line: bytes, state: State) -> Event:
        """The event of one whole line. :raises Refusal: it is no command."""
        if line[-2:] != b"\r\n":
            raise Refusal(replies.BAD_LINE)
        word, argument = reading.words(line[:-2])
        if len(line) > LINE_OCTETS and word != "AUTH":
            raise Refusal(replies.LONG_LINE)
        known = reading.READERS.get(word)
        if known is None:
            return self._unknown(word, argument)
        verb, read = known
        if (state, verb) not in TABLE:
            raise Refusal(misplaced(state, verb))
        event = read(self.standing, argument)
        self._pending = verb
        return event

    def _unknown(self, word: str, argument: str) -> Event:
        if word == "BDAT":
            size = reading.chunk(argument, self.standing.offer.size + DRAIN_OCTETS)
            self._skipping = size or 0
            reply = replies.BAD_ARGUMENT if size is None else replies.NOT_OFFERED
            return self._refuse(reply, close=size is None)
        if word in _STRANGERS:
            return self._refuse(replies.WRONG_PROTOCOL, close=True)
        raise Refusal(replies.NOT_OFFERED if word in _NOT_OFFERED else replies.UNKNOWN)

    def _ask(self, verb: Verb, event: Event) -> Event:
        self._pending = verb
        return event

    def _refuse(self, reply: Reply, *, close: bool = False) -> Refused:
        proving = self.standing.state is _PROVING
        self._pending = Verb.RESPONSE if proving else Verb.TELL
        return Refused(reply, close)
