"""AUTHENTICATE (RFC 5804 §2.1): the exchange, its limits and its delays."""

from secrets import token_urlsafe

from attrs import define, field, frozen
from twisted.internet.task import deferLater

from mailsuite.managesieve.ground import Ground
from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Denied, Principal, Proof, Signature
from mailsuite.wire.managesieve import replies
from mailsuite.wire.managesieve.replies import Reply
from mailsuite.wire.sasl import encoding
from mailsuite.wire.sasl.exchange import Challenge, Exchange, step
from mailsuite.wire.sasl.mechanisms import Bindings, Choice

WANTS_TLS = replies.refuse("Use STARTTLS first", b"ENCRYPT-NEEDED")
WRONG = replies.refuse("Name or password is wrong")
LATER = replies.refuse("Try again later", b"TRYLATER")


@frozen
class Admitted:
    """Who proved who they are; ``final`` is what the mechanism says with it."""

    principal: Principal
    final: bytes = b""


@define(eq=False)
class Authorization:
    """Checks one connection's proofs; ``failures`` counts those that were wrong."""

    _ground: Ground
    _session: str
    _host: str
    _bindings: Bindings = dict
    failures: int = 0
    _mechanism: str = ""
    _exchange: Exchange | None = field(default=None)

    def allowed(self, *, secured: bool) -> bool:
        """Whether passwords may be sent over this connection as it is."""
        return secured or self._ground.settings.plaintext_login

    @property
    def choice(self) -> Choice:
        """The mechanisms of now."""
        return Choice.of(self._ground.directory, self._bindings)

    async def begin(
        self, mechanism: str, initial: bytes | None
    ) -> bytes | Admitted | Reply:
        """Start an exchange: a challenge in base64, who it is, or a refusal."""
        self._exchange = self.choice.begin(mechanism, token_urlsafe())
        if self._exchange is None:
            return replies.refuse("Unknown mechanism")
        self._mechanism = mechanism.upper()
        if initial is not None and self._speaks_first(self._exchange):
            return replies.refuse(f"{self._mechanism} takes no initial response")
        return await self.go_on(initial)

    def _speaks_first(self, exchange: Exchange) -> bool:
        """Whether the server's first challenge says something (RFC 5804 §2.1)."""
        first = exchange.step(None)
        return isinstance(first, Challenge) and first.octets != b""

    async def go_on(self, octets: bytes | None) -> bytes | Admitted | Reply:
        """Take a response, decoded, and say the same."""
        assert self._exchange is not None
        try:
            found = await step(self._exchange, octets, self._ground.directory)
        except PeerError as error:
            return replies.refuse(str(error))
        if isinstance(found, Challenge):
            return encoding.encode(found.octets)
        self._exchange = None
        assert not isinstance(found, Principal)  # success carries the last words
        return await self._judged(found)

    async def _judged(self, proof: Proof) -> Admitted | Reply:
        ground, host = self._ground, self._host
        if delay := ground.throttle.delay(host, proof.name):
            await deferLater(ground.clock, delay)
        found = await ground.directory.authenticate(proof, host)
        if isinstance(found, Denied):
            self._told("auth.failed", proof.name, found)
            if found.temporary:
                return LATER
            self.failures += 1
            ground.throttle.failed(host, proof.name)
            return WRONG
        ground.throttle.succeeded(proof.name)
        self._told("auth.succeeded", found.name)
        return Admitted(found, proof.final if isinstance(proof, Signature) else b"")

    def _told(self, what: str, user: str, denied: Denied | None = None) -> None:
        fields = {"sid": self._session, "door": "managesieve"}
        fields |= {"mechanism": self._mechanism, "user": user}
        if denied is not None:
            fields["reason"] = "temporary" if denied.temporary else "denied"
        self._ground.events.happened(what, **fields, rip=self._host)
