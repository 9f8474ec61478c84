"""The client's side of SMTP and LMTP as a pure machine (RFC 5321, RFC 2033).

The driver feeds octets, takes events, and writes what :meth:`Session.take`
gives. A step begins with a method (``start_tls``, ``authenticate``, ``begin``,
``end``, ``quit``) and ends with one event; greeting and EHLO go by themselves.

Eight-bit content for a server without 8BITMIME (RFC 6152 §3 demands conversion
or a bounce) is the driver's decision, as is a missing SMTPUTF8: here MAIL
carries what the :class:`~mailsuite.wire.smtp.envelopes.Mail` says. The relay
bounces such mail with 5.6.3 and 5.6.7: recoding would break DKIM signatures.
"""

from base64 import b64encode
from collections import deque
from collections.abc import Callable
from enum import Enum

from attrs import define, field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.smtp.answers import Answer, Answers
from mailsuite.wire.smtp.envelopes import Mail
from mailsuite.wire.smtp.offers import Offers
from mailsuite.wire.smtp.outgoing import Begin, Broken, Settled, Transaction


class Step(Enum):
    """What the session waits for; the value names it in texts for people."""

    GREETING = "greeting"
    HELLO = "EHLO"
    HELO = "HELO"
    READY = "nothing"
    TLS = "STARTTLS"
    SECURING = "TLS handshake"
    AUTH = "AUTH"
    ENVELOPE = "envelope"
    CONTENT = "message"
    END = "end of data"
    QUIT = "QUIT"
    DEAD = "end"


@frozen
class Ready:
    """Greeted, and greeted again after TLS: see :attr:`Session.offers`."""


@frozen
class Secure:
    """Begin the TLS handshake now, then call :meth:`Session.secured`."""


@frozen
class Authenticated:
    """AUTH succeeded."""


@frozen
class Refused:
    """A step was refused outside of a transaction, or 421 ended the session."""

    step: Step
    answer: Answer


@frozen
class Closed:
    """QUIT was answered."""


Event = Ready | Secure | Authenticated | Begin | Settled | Refused | Broken | Closed


@define(eq=False)
class Session:
    """One connection. ``name`` is ours, for EHLO; ``lmtp`` says LHLO instead."""

    name: str
    lmtp: bool = False
    step: Step = field(default=Step.GREETING, init=False)
    offers: Offers = field(factory=Offers, init=False)
    transaction: Transaction | None = field(default=None, init=False)
    _parser: Answers = field(factory=Answers, init=False)
    _out: list[bytes] = field(factory=list, init=False)
    _secrets: deque[bytes] = field(factory=deque, init=False)

    def feed(self, octets: bytes) -> None:
        """Take what was read. Nothing counts between STARTTLS and TLS."""
        if self.step not in {Step.SECURING, Step.DEAD}:
            self._parser.feed(octets)

    def take(self) -> bytes:
        """Give what is to be written now."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    def next_event(self) -> Event | None:
        """Give the next event, or None until more is fed."""
        while self.step is not Step.DEAD:
            try:
                answer = self._parser.next_answer()
            except PeerError as error:
                self.step = Step.DEAD
                return Broken(str(error))
            if answer is None:
                return None
            event = self._hear(answer)
            if isinstance(event, Broken):
                self.step = Step.DEAD
            if event is not None:
                return event
        return None

    def start_tls(self) -> None:
        """Ask for TLS: ends with Secure, or Refused and the session goes on."""
        self._go(Step.TLS, "STARTTLS")

    def secured(self) -> None:
        """The handshake is done; what was learned before it is forgotten."""
        self._parser.clear()
        self.offers = Offers()
        self._hello()

    def authenticate(self, user: str, password: str) -> bool:
        """Log in: ends with Authenticated or Refused. Only call under TLS.

        False: the server offers no mechanism that we know; nothing was sent.
        """
        name, secret = user.encode(), password.encode()
        if "PLAIN" in self.offers.mechanisms:
            response = b64encode(b"\0" + name + b"\0" + secret).decode()
            self._go(Step.AUTH, f"AUTH PLAIN {response}")
        elif "LOGIN" in self.offers.mechanisms:
            self._secrets = deque((b64encode(name), b64encode(secret)))
            self._go(Step.AUTH, "AUTH LOGIN")
        else:
            return False
        return True

    def begin(self, mail: Mail) -> None:
        """Open a transaction: ends with Begin, or Settled if nobody is accepted.

        :raises UsageError: an address cannot be written; nothing was sent.
        """
        reset = self.transaction is not None and self.transaction.open
        self.transaction = Transaction(mail, self.offers, self.lmtp, reset)
        self.step = Step.ENVELOPE
        self._out.append(self.transaction.push())

    def end(self) -> None:
        """The final dot was sent: ends with Settled."""
        if self.transaction is not None and self.step is Step.CONTENT:
            self.transaction.end()
            self.step = Step.END

    def quit(self) -> None:
        """Take leave: ends with Closed."""
        self._go(Step.QUIT, "QUIT")

    def _go(self, step: Step, command: str) -> None:
        self.step = step
        self._out.append(command.encode() + b"\r\n")

    def _hello(self) -> None:
        self._go(Step.HELLO, f"{'LHLO' if self.lmtp else 'EHLO'} {self.name}")

    def _hear(self, answer: Answer) -> Event | None:
        if self.transaction is not None and self.step in _IN_TRANSACTION:
            return _converse(self, self.transaction, answer)
        if answer.code == 421:  # RFC 5321 §3.8: whatever was asked
            step, self.step = self.step, Step.DEAD
            return Refused(step, answer)
        return _HEARING.get(self.step, _surprised)(self, answer)


_IN_TRANSACTION = frozenset({Step.ENVELOPE, Step.CONTENT, Step.END})


def _converse(self: Session, transaction: Transaction, answer: Answer) -> Event | None:
    if answer.code == 421:
        transaction.over(answer)
        self.step = Step.DEAD
        return transaction.settled()
    if self.step is Step.CONTENT:
        return _early(self, transaction, answer)
    hear = transaction.hear if self.step is Step.ENVELOPE else transaction.finished
    event = hear(answer)
    self._out.append(transaction.push())
    if isinstance(event, Settled):
        self.step = Step.READY
    elif isinstance(event, Begin):
        self.step = Step.CONTENT
    return event


def _early(self: Session, transaction: Transaction, answer: Answer) -> Event | None:
    """A server gave up on the message while it was still being sent."""
    if answer.code < 400:
        return Broken("the message was answered before its end")
    transaction.over(answer)
    self.step = Step.DEAD
    return transaction.settled()


def _greeting(self: Session, answer: Answer) -> Event | None:
    if not answer.positive:
        return _refused(self, answer)
    self._hello()
    return None


def _helloed(self: Session, answer: Answer) -> Event | None:
    if answer.positive:
        self.offers = Offers.of(answer) if self.step is Step.HELLO else Offers()
        self.step = Step.READY
        return Ready()
    if answer.permanent and self.step is Step.HELLO and not self.lmtp:
        self._go(Step.HELO, f"HELO {self.name}")
        return None
    return _refused(self, answer)


def _tls(self: Session, answer: Answer) -> Event | None:
    if not answer.positive:
        self.step = Step.READY
        return Refused(Step.TLS, answer)
    # What came with the 220 was sent in plain, by whomever (CVE-2011-0411).
    self._parser.clear()
    self.step = Step.SECURING
    return Secure()


def _auth(self: Session, answer: Answer) -> Event | None:
    if answer.intermediate and self._secrets:
        self._out.append(self._secrets.popleft() + b"\r\n")
        return None
    self._secrets.clear()
    if answer.positive:
        self.step = Step.READY
        return Authenticated()
    return _refused(self, answer)


def _closed(self: Session, _answer: Answer) -> Event | None:
    self.step = Step.DEAD
    return Closed()


def _surprised(_self: Session, _answer: Answer) -> Event | None:
    return Broken("an answer came that nobody asked for")


def _refused(self: Session, answer: Answer) -> Refused:
    """End here; nobody hangs up without QUIT (RFC 5321 §4.1.1.10)."""
    self._out.append(b"QUIT\r\n")
    step, self.step = self.step, Step.DEAD
    return Refused(step, answer)


_HEARING: dict[Step, Callable[[Session, Answer], Event | None]] = {
    Step.GREETING: _greeting,
    Step.HELLO: _helloed,
    Step.HELO: _helloed,
    Step.TLS: _tls,
    Step.AUTH: _auth,
    Step.QUIT: _closed,
}
