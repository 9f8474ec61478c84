"""One mail transaction as the client sees it: from MAIL to the last answer.

With PIPELINING (RFC 2920) MAIL, every RCPT and DATA leave at once; without,
each waits for the answer before it. LMTP answers the content once for each
accepted recipient (RFC 2033 §4.2).
"""

from collections import deque

from attrs import define, evolve, field, frozen

from mailsuite.wire.smtp.answers import Answer
from mailsuite.wire.smtp.envelopes import Mail, mail_command, rcpt_command
from mailsuite.wire.smtp.offers import Offers

_TOO_MANY = frozenset({"", "5.5.3"})  # RFC 3463 §3.6; 5.2.2 is a full mailbox


@frozen
class Begin:
    """354: send the content for those recipients that were accepted."""


@frozen
class Settled:
    """The transaction is over: an answer for each recipient, in order."""

    answers: tuple[Answer, ...]


@frozen
class Broken:
    """The server does not speak SMTP; hang up. ``text`` is for people."""

    text: str


@define(eq=False)
class Transaction:
    """``reset``: an earlier one is still open at the server.

    ``answers`` holds what is known of each recipient, also when the connection
    ends early; ``open`` whether the server has taken MAIL and not ended it.

    :raises UsageError: an address cannot be written; nothing was sent.
    """

    mail: Mail
    offers: Offers
    lmtp: bool = False
    reset: bool = False
    open: bool = field(default=False, init=False)
    answers: list[Answer | None] = field(init=False)
    _unsent: deque[tuple[str, str]] = field(init=False)
    _asked: deque[str] = field(factory=deque, init=False)
    _awaited: deque[int] = field(factory=deque, init=False)
    _dotted: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        recipients = self.mail.recipients
        commands = [("RSET", "RSET")] if self.reset else []
        commands.append(("MAIL", mail_command(self.mail, self.offers)))
        commands += [
            ("RCPT", rcpt_command(r, self.mail, self.offers)) for r in recipients
        ]
        commands.append(("DATA", "DATA"))
        self._unsent = deque(commands)
        self.answers = [None] * len(recipients)

    def push(self) -> bytes:
        """Give the commands that may be sent now."""
        pipelining = "PIPELINING" in self.offers
        out = []
        while self._unsent and (pipelining or not self._asked):
            verb, line = self._unsent.popleft()
            self._asked.append(verb)
            out.append(line.encode() + b"\r\n")
        return b"".join(out)

    def hear(self, answer: Answer) -> Begin | Settled | Broken | None:
        """Take an answer to one of the commands, or to the lone dot."""
        if not self._asked:
            return Broken("an answer came that nobody asked for")
        asked = self._asked.popleft()
        if asked == "DATA":
            return self._go_ahead(answer)
        if answer.intermediate:
            return Broken(f"{asked} was answered out of place")
        if asked == "RSET" and not answer.positive:
            return Broken("RSET was refused")
        if asked == "MAIL":
            self.open = answer.positive
            if not answer.positive:
                self.over(answer)
        if asked == "RCPT" and self.open:
            self.answers[self.answers.index(None)] = self._counted(answer)
        self._skip()
        return None if self._asked or self._unsent else self.settled()

    def _counted(self, answer: Answer) -> Answer:
        """Read 552 after some were accepted as 452, as the oldest servers mean it.

        There were too many recipients: the rest comes later (RFC 5321 §4.5.3.1.10).
        """
        if answer.code == 552 and answer.status in _TOO_MANY and self.accepted:
            return evolve(answer, code=452, status="4.5.3")
        return answer

    def _skip(self) -> None:
        """Leave out what has become pointless, where it was not sent yet."""
        if None not in self.answers and not self.accepted:
            self._unsent.clear()

    def _go_ahead(self, answer: Answer) -> Begin | Settled | Broken | None:
        if answer.intermediate:
            if self.accepted:
                return Begin()
            # RFC 2920 §3.1: no recipient, but the server waits for a message.
            self._dotted = True
            self._unsent.append(("DOT", "."))
            return None
        if answer.code < 400:
            return Broken("DATA was answered out of place")
        self.over(answer)
        return self.settled()

    def end(self) -> None:
        """The final dot was sent."""
        self._awaited = deque(self.accepted)

    def finished(self, answer: Answer) -> Settled | Broken | None:
        """Take an answer to the content."""
        if answer.intermediate:
            return Broken("the message was answered out of place")
        while self._awaited:
            self.answers[self._awaited.popleft()] = answer
            if self.lmtp and self._awaited:
                return None
            if self.lmtp:
                break
        self.open = False
        return self.settled()

    def over(self, answer: Answer) -> None:
        """Give the answer to everybody whose fate is not settled yet."""
        if self._awaited:
            for n in self._awaited:
                self.answers[n] = answer
            return
        self.answers = [answer if a is None or a.positive else a for a in self.answers]

    @property
    def accepted(self) -> list[int]:
        """Numbers of the recipients that were accepted so far."""
        return [
            n for n, answer in enumerate(self.answers) if answer and answer.positive
        ]

    def settled(self) -> Settled:
        """Sum up."""
        if self._dotted:
            self.open = False
        return Settled(tuple(answer for answer in self.answers if answer))
