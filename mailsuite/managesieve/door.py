"""One ManageSieve connection: reads, serves commands in order, answers, ends."""

from attrs import define, field
from twisted.logger import Logger
from typing_extensions import override

from mailsuite.managesieve import capabilities
from mailsuite.managesieve.authorization import WANTS_TLS, Admitted, Authorization
from mailsuite.managesieve.ground import Ground
from mailsuite.managesieve.shelf import Shelf
from mailsuite.model.principals import Principal
from mailsuite.net.talking import Talking
from mailsuite.wire.managesieve import replies
from mailsuite.wire.managesieve.commands import Command, Verb
from mailsuite.wire.managesieve.gathering import Fatal, Refused
from mailsuite.wire.managesieve.replies import Reply
from mailsuite.wire.managesieve.session import Event, Session
from mailsuite.wire.sasl import encoding

READY = replies.ok("ManageSieve ready")
SHUTDOWN = replies.bye("The server is shutting down")
TIMEOUT = replies.bye("Nothing was said for too long")
TOO_MANY = replies.bye("Too many errors")

_log = Logger()


@define(eq=False, slots=False, repr=False)
class Door(Talking[Event]):
    """The protocol of one connection."""

    ground: Ground
    _session: Session = field(factory=Session, init=False)
    _authorization: Authorization = field(init=False)
    _principal: Principal | None = field(default=None, init=False)
    _shelf: Shelf | None = field(default=None, init=False)
    _leaving: Reply | None = field(default=None, init=False)
    _refusals: int = field(default=0, init=False)

    @override
    def opened(self) -> None:
        self._authorization = self._anew()
        self.expect_login(self.ground.settings.login_seconds)
        self.ground.events.happened(
            "managesieve.connected", sid=self.session, rip=self.host
        )
        self.send(self._capabilities() + READY.render())

    @override
    def encrypted(self) -> None:
        self.send(self._capabilities() + READY.render())

    @override
    def ended(self) -> None:
        self._session.close()
        self.stop_expecting()
        user = "" if self._principal is None else self._principal.name
        self.ground.events.happened("managesieve.closed", sid=self.session, user=user)

    @override
    def timed_out(self) -> None:
        """A command in hand is not waited for: its client may never read."""
        self._leaving = TIMEOUT
        self._part()

    @override
    def leave(self) -> None:
        """The service stops: end now, or after the command in hand."""
        self._leaving = SHUTDOWN
        if not self._talking:
            self._part()

    @override
    def served(self) -> None:
        if self._leaving is not None or self._session.over:
            self._part()

    @override
    def failed(self, event: Event) -> None:
        _log.failure("ManageSieve session {sid} failed", sid=self.session)
        verb = getattr(event, "verb", Verb.RESPONSE).value
        self.ground.events.happened(
            "managesieve.failed", sid=self.session, command=verb
        )
        if self._session.waiting:
            self._answer(replies.refuse("Temporary failure", b"TRYLATER"))

    @override
    async def serve(self, event: Event) -> None:
        if isinstance(event, Fatal):
            self._leaving = replies.bye(event.text, event.code)
            return
        if isinstance(event, Refused):
            self._wrong(replies.refuse(event.text, event.code))
            return
        if self._principal is not None:
            self._refusals = 0
        match event.verb:
            case Verb.AUTHENTICATE | Verb.RESPONSE:
                await self._authenticate(event)
            case Verb.CAPABILITY:
                self._answer(replies.ok(), self._capabilities())
            case Verb.NOOP | Verb.LOGOUT:
                self._answer(_agreed(event))
            case Verb.STARTTLS:
                self._start_tls()
            case Verb.UNAUTHENTICATE:
                self._forget()
            case _:
                assert self._shelf is not None
                data, reply = await self._shelf.serve(event)
                self._answer(reply, data)

    def _answer(self, reply: Reply, data: bytes = b"") -> None:
        if not self._session.over:  # else BYE was the last word
            self.send(data + self._session.answer(reply))

    def _wrong(self, reply: Reply) -> None:
        """Refuse what a client should not have sent; the patience with it ends."""
        self._refusals += 1
        if self._refusals >= self.ground.settings.bad_commands:
            self._leaving = TOO_MANY
        self._answer(reply)

    async def _authenticate(self, command: Command) -> None:
        authorization = self._authorization
        if not authorization.allowed(secured=self.secured):
            self._wrong(WANTS_TLS)
            return
        if command.verb is Verb.AUTHENTICATE:
            result = await authorization.begin(command.names[0], command.octets)
        elif command.octets is None:
            result = replies.refuse("Cancelled")
        else:
            result = await authorization.go_on(command.octets)
        if self._session.over:  # while the answer was sought
            return
        if isinstance(result, bytes):
            self.send(self._session.challenge(result))
        elif isinstance(result, Admitted):
            self._enter(result.principal, result.final)
        else:
            if authorization.failures >= self.ground.settings.login_attempts:
                self._leaving = TOO_MANY
            self._wrong(result)

    def _enter(self, principal: Principal, final: bytes) -> None:
        ground = self.ground
        self._principal = principal
        self._shelf = Shelf(ground.scripts, principal.account, ground.offer.octets)
        self.stop_expecting()
        self.idle_after(ground.settings.idle_seconds)
        ground.events.happened(
            "managesieve.login", sid=self.session, user=principal.name, rip=self.host
        )
        code = b""
        if final:  # RFC 5804 §1.3
            code = b"SASL " + replies.string(encoding.encode(final))
        self._answer(replies.ok("Logged in", code))

    def _anew(self, failures: int = 0) -> Authorization:
        """For who is nobody yet; what they got wrong before still counts."""
        return Authorization(
            self.ground, self.session, self.host, self.bindings, failures
        )

    def _forget(self) -> None:
        """UNAUTHENTICATE (RFC 5804 §2.14.1)."""
        self._principal = self._shelf = None
        self._authorization = self._anew(self._authorization.failures)
        self.expect_login(self.ground.settings.login_seconds)
        self._answer(replies.ok("Nobody is logged in"))

    def _start_tls(self) -> None:
        """What was read before TLS is forgotten, and capabilities are told anew."""
        if not self._may_secure():
            self._answer(replies.refuse("TLS is not available now"))
            return
        self._answer(replies.ok("Begin TLS"))
        self.secure(self.ground.contexts.creator())
        self._session.secured()
        self._authorization = self._anew(self._authorization.failures)

    def _may_secure(self) -> bool:
        return (
            self.ground.contexts.available
            and not self.secured
            and self._principal is None
        )

    def _capabilities(self) -> bytes:
        allowed = self._authorization.allowed(secured=self.secured)
        return capabilities.told(
            self.ground.offer,
            self._authorization.choice.names if allowed else (),
            starttls=self._may_secure(),
            owner="" if self._principal is None else self._principal.account,
        )

    def _part(self) -> None:
        """Hang up after what was sent; nothing pipelined behind is run."""
        self._session.close()
        if self._leaving is not None and not self._hanging:
            self.send(self._leaving.render())
        self.hang_up()


def _agreed(command: Command) -> Reply:
    """The answer to NOOP (RFC 5804 §2.13), and to LOGOUT."""
    code = b"" if command.tag is None else b"TAG " + replies.string(command.tag)
    return replies.ok("Done", code)
