"""Answers the session's events by asking the reception."""

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from mailsuite.interfaces.receiving import IReception
from mailsuite.model.errors import NoSpace
from mailsuite.model.principals import Peer
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import Refuse
from mailsuite.smtp.authentication import Authentication
from mailsuite.smtp.ground import Ground
from mailsuite.smtp.intake import Intake
from mailsuite.smtp.manners import Manners
from mailsuite.wire.sasl.mechanisms import Bindings, Choice
from mailsuite.wire.smtp import commands, replies
from mailsuite.wire.smtp.commands import Event
from mailsuite.wire.smtp.session import Session

TROUBLE = Reply(451, "4.3.0", "Requested action aborted: local error in processing")
FULL = Reply(452, "4.3.1", "Insufficient system storage")
TOO_MANY_FAILURES = Reply(421, "4.7.0", "Too many failed logins")


class Opened:
    """The connection stands: what comes before all events of the session."""


@define(eq=False, repr=False)
class Dialogue:
    """One connection's conversation, without its transport.

    The door looks at ``over`` (close after what was answered), ``abrupt`` (the
    peer is likely still sending) and ``securing`` (start TLS now).
    """

    _ground: Ground
    _manners: Manners
    _peer: Peer
    _reception: IReception
    session: Session
    _bindings: Bindings = dict
    over: bool = field(default=False, init=False)
    abrupt: bool = field(default=False, init=False)
    securing: bool = field(default=False, init=False)
    _proving: Authentication | None = field(default=None, init=False)
    _intake: Intake | None = field(default=None, init=False)

    @property
    def since(self) -> float | None:
        """When the running transaction began (reactor clock), if there is one."""
        return None if self._intake is None else self._intake.since

    def exhausted(self) -> bytes:
        """Octets that end the session: its errors are too many."""
        self.over = self.abrupt = True
        return replies.render(replies.TOO_MANY_ERRORS)

    def failed(self, event: Event | Opened) -> bytes:
        """The unforeseen: answer 451, or spoil the message that is coming in.

        Whom we cannot greet is told nothing.
        """
        if isinstance(event, Opened):
            self.over = self.abrupt = True
            return b""
        if isinstance(event, commands.Content):
            if self._intake is not None:
                self._intake.spoil(TROUBLE)
            return b""
        if not isinstance(event, commands.Rcpt):
            self.forget()
        return self.session.answer(TROUBLE) if self.session.waiting else b""

    def forget(self) -> None:
        """Give up the transaction: RSET, a greeting, a lost connection."""
        intake, self._intake = self._intake, None
        if intake is not None:
            intake.abort()

    # Each event.

    async def _greet(self, _: Opened) -> bytes:
        """The opening: the connect stages decide (RFC 5321 §3.1)."""
        verdict = await self._reception.connected()
        if isinstance(verdict, Refuse):
            self.over = True
            return self.session.answer(verdict.reply)
        return self.session.answer(self._manners.greeting)

    async def _hello(self, event: commands.Hello) -> bytes:
        secure, extended = self.session.standing.secure, event.extended
        verdict = await self._reception.greeted(
            event.name, secure=secure, extended=extended
        )
        if isinstance(verdict, Refuse):
            return self._refused(verdict)
        if self._intake is not None:
            self.forget()
        standing = self.session.standing
        if standing.auth_open:
            choice = Choice.of(self._ground.directory, self._bindings)
            standing.offers(choice.names)
        return self.session.answer(standing.welcome(extended=extended))

    async def _mail(self, event: commands.Mail) -> bytes:
        transaction = self._reception.begin()
        verdict = await transaction.sender(event.sender, event.parameters)
        if isinstance(verdict, Refuse):
            transaction.abort()
            return self._refused(verdict)
        expected = int(event.parameters.get("SIZE", "0"))
        self._intake = Intake(transaction, expected, self._ground.clock.seconds())
        return self.session.answer(replies.SENDER_OK)

    async def _rcpt(self, event: commands.Rcpt) -> bytes:
        assert self._intake is not None
        transaction = self._intake.transaction
        verdict = await transaction.recipient(event.address, event.parameters)
        if isinstance(verdict, Refuse):
            return self._refused(verdict)
        return self.session.answer(replies.RECIPIENT_OK)

    async def _data(self, _: commands.Data) -> bytes:
        assert self._intake is not None
        verdict = await self._intake.transaction.data()
        if isinstance(verdict, Refuse):
            return self._refused(verdict)
        self._intake.open()
        return self.session.answer(replies.GO_AHEAD)

    async def _content(self, event: commands.Content) -> bytes:
        if self._intake is not None:
            try:
                await self._intake.write(event.block)
            except NoSpace:
                self._intake.spoil(FULL)
        return b""

    async def _end(self, event: commands.End) -> bytes:
        intake, self._intake = self._intake, None
        self.over = self.abrupt = event.close
        if event.refusal is not None:
            self._rejected(event.refusal)
        if intake is None:
            return self.session.answer(event.refusal or TROUBLE)
        try:
            told = await intake.finish(event.refusal)
        except NoSpace:
            intake.abort()
            told = (FULL,)
        except OSError:
            intake.abort()
            told = (TROUBLE,)
        lmtp = self.session.standing.offer.dialect.replies_each
        return self.session.answer(*(told if lmtp else _folded(told)))

    async def _auth(self, event: commands.Auth | commands.Response) -> bytes:
        reception = self._reception
        proving = self._proving = self._proving or Authentication(
            self._ground, self._peer, self._manners.role, self._bindings
        )
        if isinstance(event, commands.Auth):
            reply = await proving.begin(event.mechanism, event.initial, reception)
        else:
            reply = await proving.go_on(event.octets, reception)
        answer = self.session.answer(reply)
        if proving.failures >= self._manners.auth_attempts:
            self.over = True
            answer += replies.render(TOO_MANY_FAILURES)
        return answer

    async def _plain(self, event: Event) -> bytes:
        """Events that need nobody's opinion."""
        if isinstance(event, commands.Refused):
            self.over = self.abrupt = event.close
            self._rejected(event.reply)
            return self.session.answer(event.reply)
        if isinstance(event, commands.Told):
            return self.session.answer(event.reply)
        self.forget()
        if isinstance(event, commands.StartTLS):
            self.securing = True
            return self.session.answer(replies.START_TLS)
        if isinstance(event, commands.Quit):
            self.over = True
            return self.session.answer(replies.BYE)
        return self.session.answer(replies.OK)

    def _rejected(self, reply: Reply) -> None:
        """What the session itself refused; stages tell of theirs."""
        self._ground.events.happened(
            "smtp.rejected",
            sid=self._peer.session,
            role=self._manners.role,
            stage="session",
            code=reply.code,
            reason=f"{reply.status} {reply.text}",
        )

    def _refused(self, verdict: Refuse) -> bytes:
        """What a stage refused."""
        self.over = self.over or verdict.close
        return self.session.answer(verdict.reply)


def _folded(told: tuple[Reply, ...]) -> tuple[Reply, ...]:
    """SMTP has one answer: that of who accepted, if anybody did."""
    if len(told) == 1:
        return told
    return (next((reply for reply in told if reply.positive), told[0]),)


SERVING: dict[type, Callable[[Dialogue, Any], Awaitable[bytes]]] = {
    Opened: Dialogue._greet,  # noqa: SLF001 - the table of its own methods
    commands.Hello: Dialogue._hello,  # noqa: SLF001 - same
    commands.Mail: Dialogue._mail,  # noqa: SLF001 - same
    commands.Rcpt: Dialogue._rcpt,  # noqa: SLF001 - same
    commands.Data: Dialogue._data,  # noqa: SLF001 - same
    commands.Content: Dialogue._content,  # noqa: SLF001 - same
    commands.End: Dialogue._end,  # noqa: SLF001 - same
    commands.Auth: Dialogue._auth,  # noqa: SLF001 - same
    commands.Response: Dialogue._auth,  # noqa: SLF001 - same
    commands.Refused: Dialogue._plain,  # noqa: SLF001 - same
    commands.Told: Dialogue._plain,  # noqa: SLF001 - same
    commands.Reset: Dialogue._plain,  # noqa: SLF001 - same
    commands.StartTLS: Dialogue._plain,  # noqa: SLF001 - same
    commands.Quit: Dialogue._plain,  # noqa: SLF001 - same
}
"""Each gives the octets that answer an event of its kind."""
