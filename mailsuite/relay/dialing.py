"""From a target to a session that is ready for mail: connect, greet, TLS, AUTH."""

from typing import Any

from attrs import define, field, frozen
from OpenSSL import SSL

from mailsuite.interfaces.events import IEvents
from mailsuite.model.outcomes import Deferred, Failed
from mailsuite.net.protocol import Gone
from mailsuite.relay import classify
from mailsuite.relay.candidates import Target
from mailsuite.relay.dialogue import Dial, Dialogue
from mailsuite.relay.routes import Login, Policy, Route
from mailsuite.relay.settings import Relay
from mailsuite.tls import contexts
from mailsuite.wire.smtp.client import Authenticated, Ready, Refused, Secure, Session
from mailsuite.wire.smtp.outgoing import Broken

SLACK_SECONDS = 5.0  # Twisted's own timer ends a connection attempt first


class Unreachable(Exception):  # noqa: N818 - an outcome, no error of ours
    """No session with this target; another may do."""

    def __init__(self, outcome: Deferred | Failed) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


class TLSFailed(Unreachable):
    """The handshake failed; without TLS it may do."""


@frozen
class Trust:
    """The client's two contexts."""

    opportunistic: SSL.Context = field(factory=contexts.opportunistic_context)
    verifying: SSL.Context = field(factory=contexts.verifying_context)


@define(eq=False)
class Dialer:
    """``name`` is ours, for EHLO."""

    _reactor: Any
    _name: str
    _settings: Relay
    _events: IEvents
    _trust: Trust = field(factory=Trust)

    async def dial(self, target: Target, route: Route) -> Dialogue:
        """Open a session. :raises Unreachable: none came about."""
        try:
            try:
                made = await self._open(target, route, route.tls)
            except TLSFailed:
                if route.tls is not Policy.MAY or route.wrapped:
                    raise
                made = await self._open(target, route, Policy.NONE)
        except Unreachable as error:
            self._events.happened("relay.failed", host=target.host, reason=str(error))
            raise
        tls = "yes" if made.secured else "no"
        self._events.happened("relay.connected", host=target.host, tls=tls)
        return made

    async def _open(self, target: Target, route: Route, policy: Policy) -> Dialogue:
        made = Dialogue(self._reactor, target.host, target, Session(self._name))
        made.limit(self._settings.total_seconds)
        connector = self._reactor.connectTCP(
            target.address,
            target.port,
            Dial(made),
            timeout=self._settings.connect_seconds,
        )
        prepared = False
        try:
            await self._prepare(made, route, policy)
            prepared = True
        except Gone as error:
            text = f"{_place(target)}: {error}"
            raise Unreachable(
                Deferred(classify.NO_CONNECTION, text, target.host)
            ) from error
        finally:
            if not prepared:
                connector.disconnect()
        return made

    async def _prepare(self, made: Dialogue, route: Route, policy: Policy) -> None:
        await made.event(self._settings.connect_seconds + SLACK_SECONDS)
        self._check_loop(made, route)
        if route.wrapped:
            await self._encrypt(made, policy)
        await self._ready(made)
        if policy is not Policy.NONE and not made.secured:
            await self._start_tls(made, policy)
        if route.login is not None:
            await self._log_in(made, route.login)

    def _check_loop(self, made: Dialogue, route: Route) -> None:
        """A stranger's MX with an address of this machine leads back to us."""
        transport: Any = made.transport
        same = transport.getHost().host == made.target.address
        if same and not (route.configured or self._settings.allow_private):
            made.abort()
            text = f"{made.target.host} is this server: mail would loop"
            raise Unreachable(Failed(classify.LOOP, text, made.target.host))

    async def _ready(self, made: Dialogue) -> None:
        event = await made.event(self._settings.reply_seconds)
        if isinstance(event, Ready):
            return
        made.hang_up()
        host = made.target.host
        if isinstance(event, Refused):
            outcome = classify.outcome(event.answer, host)
            if isinstance(outcome, Deferred | Failed):
                raise Unreachable(outcome)
        text = event.text if isinstance(event, Broken) else "no SMTP greeting"
        raise Unreachable(Deferred(classify.NOT_SMTP, f"{host}: {text}", host))

    async def _start_tls(self, made: Dialogue, policy: Policy) -> None:
        host = made.target.host
        if "STARTTLS" in made.machine.offers:
            made.machine.start_tls()
            event = await made.event(self._settings.reply_seconds)
            if isinstance(event, Secure):
                await self._encrypt(made, policy)
                made.machine.secured()
                await self._ready(made)
                return
        if policy is not Policy.MAY or not made.usable:
            made.leave()
            text = f"{host} does not encrypt, which is required"
            raise Unreachable(Deferred(classify.NO_TLS, text, host))

    async def _encrypt(self, made: Dialogue, policy: Policy) -> None:
        host = made.target.host
        verify = policy is Policy.VERIFY
        context = self._trust.verifying if verify else self._trust.opportunistic
        creator = contexts.Client(context, host)
        try:
            await made.encrypt(creator, self._settings.tls_seconds)
        except Gone as error:
            raise TLSFailed(
                Deferred(classify.BAD_TLS, f"{host}: TLS failed: {error}", host)
            ) from error
        if verify and not creator.proven():
            made.abort()
            text = f"{host} showed a certificate for another name"
            raise TLSFailed(Deferred(classify.BAD_TLS, text, host))

    async def _log_in(self, made: Dialogue, login: Login) -> None:
        host = made.target.host
        if not made.machine.authenticate(login.user, login.password):
            made.leave()
            text = f"{host} offers no authentication that we know"
            raise Unreachable(Deferred(classify.NO_LOGIN, text, host))
        event = await made.event(self._settings.reply_seconds)
        if not isinstance(event, Authenticated):
            made.hang_up()
            if isinstance(event, Refused):
                raise Unreachable(classify.temporary(event.answer, host))
            raise Unreachable(Deferred(classify.NOT_SMTP, f"{host}: not SMTP", host))


def _place(target: Target) -> str:
    return f"{target.host}[{target.address}]:{target.port}"
