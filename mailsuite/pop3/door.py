"""One POP3 connection: reads, serves commands in order, answers, ends."""

from attrs import define, field
from twisted.logger import Logger
from typing_extensions import override

from mailsuite.net.talking import Talking
from mailsuite.pop3.authorization import WANTS_TLS, Authorization, Opened, rendered
from mailsuite.pop3.ground import Ground
from mailsuite.pop3.transaction import Transaction
from mailsuite.wire.pop3 import replies
from mailsuite.wire.pop3.commands import (
    Auth,
    Command,
    Named,
    Plain,
    Response,
    Secret,
    Verb,
)
from mailsuite.wire.pop3.replies import Reply
from mailsuite.wire.pop3.session import Event, Fatal, Refused, Session
from mailsuite.wire.sasl.exchange import Challenge

HELD_OCTETS = 65_536  # of answers to a pipeline are written at once
GREETING = replies.ok("POP3 server ready")

_log = Logger()


@define(eq=False, slots=False)
class Door(Talking[Event]):
    """The protocol of one connection; ``implicit`` starts TLS at once."""

    ground: Ground
    implicit: bool = False
    _session: Session = field(factory=Session, init=False)
    _authorization: Authorization = field(init=False)
    _opened: Opened | None = field(default=None, init=False)
    _transaction: Transaction | None = field(default=None, init=False)
    _held: list[bytes] = field(factory=list, init=False)
    _holding: int = field(default=0, init=False)
    _leaving: bool = field(default=False, init=False)
    _refusals: int = field(default=0, init=False)
    _deleted: int = field(default=0, init=False)
    _reason: str = field(default="lost", init=False)

    @override
    def opened(self) -> None:
        self._authorization = self._anew()
        if self.implicit:
            self.secure(self.ground.contexts.creator())
        self.expect_login(self.ground.settings.login_seconds)
        self.ground.events.happened("pop3.connected", sid=self.session, rip=self.host)
        self.send(GREETING.render())

    @override
    def ended(self) -> None:
        self._session.close()
        self.stop_expecting()
        user = ""
        if self._opened is not None:
            user = self._opened.user
            self._opened.close()
            self._opened = self._transaction = None
        self.ground.events.happened(
            "pop3.closed",
            sid=self.session,
            user=user,
            deleted=self._deleted,
            reason=self._reason,
        )

    @override
    def timed_out(self) -> None:
        """RFC 1939 §3: close without a word; nothing is removed."""
        self._reason = "timeout"
        self._end()

    @override
    def leave(self) -> None:
        """The service stops: end now, or after the command in hand."""
        self._leaving = True
        if not self._talking:
            self._end()

    def answer(self, reply: Reply, rest: bytes = b"") -> None:
        """Send the status line that answers the command in hand, and what follows."""
        self.send(self._session.answer(reply) + rest)

    @property
    def pressed(self) -> bool:
        """Whether the client's next command is here already, and soon answered."""
        return self._transaction is not None and self._session.pressed

    @override
    def send(self, octets: bytes) -> None:
        """Write, soon: answers to a pipeline go out together."""
        self._held.append(octets)
        self._holding += len(octets)
        if self._holding >= HELD_OCTETS or not self.pressed:
            self._release()

    @override
    async def drained(self) -> None:
        if self._behind:
            self._release()
        await super().drained()

    @override
    async def rest(self) -> None:
        self._release()
        await super().rest()

    def _release(self) -> None:
        """Write what was held back."""
        held, self._held, self._holding = self._held, [], 0
        super().send(held[0] if len(held) == 1 else b"".join(held))

    @override
    def served(self) -> None:
        if self._done():
            self._end()

    @override
    def failed(self, event: Event) -> None:
        _log.failure("POP3 session {sid} failed", sid=self.session)
        verb = getattr(event, "verb", Verb.RESPONSE).value
        self.ground.events.happened("pop3.failed", sid=self.session, command=verb)
        if self._session.waiting:
            self.answer(replies.refuse("Temporary failure", replies.SYS_TEMP))
        else:
            self.abort()  # in the middle of an answer

    @override
    async def serve(self, event: Event) -> None:
        if isinstance(event, Refused | Fatal):
            self.answer(replies.refuse(event.text))
            self._refusals += 1
            self._leaving = self._leaving or isinstance(event, Fatal)
        elif isinstance(event, Named | Secret | Auth | Response):
            await self._authorize(event)
        elif isinstance(event, Plain) and event.verb is Verb.CAPA:
            self._capabilities()
        elif isinstance(event, Plain) and event.verb is Verb.STLS:
            self._secure()
        elif isinstance(event, Plain) and event.verb is Verb.QUIT:
            await self._quit()
        elif self._transaction is not None:
            self._refusals = 0
            await self._transaction.serve(event)

    async def _authorize(self, command: Command) -> None:
        authorization = self._authorization
        result: Challenge | Opened | Reply
        if not authorization.allowed(secured=self.secured):
            result = replies.refuse(WANTS_TLS)
        elif isinstance(command, Named):
            result = authorization.named(command.name)
        elif isinstance(command, Secret):
            result = await authorization.password(command.secret)
        elif isinstance(command, Auth):
            result = await authorization.begin(command)
        elif isinstance(command, Response) and command.octets is not None:
            result = await authorization.respond(command.octets)
        else:
            result = replies.refuse("Cancelled")
        if isinstance(result, Challenge):
            self.send(self._session.challenge(rendered(result)))
        elif isinstance(result, Opened):
            self._enter(result)
        else:
            self.answer(result)

    def _enter(self, opened: Opened) -> None:
        """Begin the TRANSACTION state."""
        if self.gone:
            opened.close()
            return
        self._opened = opened
        self._transaction = Transaction(self.ground, self, opened.maildrop)
        self.stop_expecting()
        self.idle_after(self.ground.settings.idle_seconds)
        self.ground.events.happened(
            "pop3.login", sid=self.session, user=opened.user, rip=self.host
        )
        count, octets = opened.maildrop.totals()
        self.answer(replies.ok(f"{count} messages ({octets} octets)"))

    def _capabilities(self) -> None:
        self.answer(replies.ok("Capabilities follow"))
        allowed = self._authorization.allowed(secured=self.secured)
        self.send(
            replies.capabilities(
                mechanisms=self._authorization.choice.names if allowed else (),
                stls=self._may_secure(),
                implementation="mailsuite" if self._opened is not None else "",
            )
        )

    def _anew(self) -> Authorization:
        return Authorization(self.ground, self.session, self.host, self.bindings)

    def _may_secure(self) -> bool:
        return (
            self.ground.contexts.available and not self.secured and self._opened is None
        )

    def _secure(self) -> None:
        """STLS (RFC 2595 §4): what was read before TLS is forgotten."""
        if not self._may_secure():
            self.answer(replies.refuse("TLS is not available now"))
            return
        self.answer(replies.ok("Begin TLS"))
        self._release()
        self.secure(self.ground.contexts.creator())
        self._session.secured()
        self._authorization = self._anew()

    async def _quit(self) -> None:
        """QUIT: the UPDATE state (RFC 1939 §6); who is answered may log in again."""
        if self._opened is not None:
            self._release()
            self._deleted = await self._opened.maildrop.update()
            self._opened.unlock()
        self.answer(replies.ok("Goodbye"))
        self._reason = "quit"

    def _done(self) -> bool:
        """Whether the connection ends after the command that was served."""
        settings = self.ground.settings
        return (
            self._leaving
            or self._session.over
            or self._refusals >= settings.bad_commands
            or self._authorization.failures >= settings.login_attempts
        )

    def _end(self) -> None:
        """Hang up after what was sent; nothing pipelined behind is run."""
        self._session.close()
        self._release()
        self.hang_up()
