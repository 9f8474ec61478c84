"""AUTHENTICATE (RFC 5804 §2.1): the exchange, its limits and its delays."""

from attrs import define, field

from mailsuite.managesieve.ground import Ground
from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Denied, Password, Principal
from mailsuite.wire.managesieve import replies
from mailsuite.wire.managesieve.replies import Reply
from mailsuite.wire.sasl import encoding, mechanisms
from mailsuite.wire.sasl.exchange import Challenge, Exchange

WANTS_TLS = replies.refuse("Use STARTTLS first", b"ENCRYPT-NEEDED")
WRONG = replies.refuse("Name or password is wrong")
LATER = replies.refuse("Try again later", b"TRYLATER")


@define(eq=False)
class Authorization:
    """Checks one connection's proofs; ``failures`` counts those that were wrong."""

    _ground: Ground
    _session: str
    _host: str
    failures: int = 0
    _mechanism: str = ""
    _exchange: Exchange | None = field(default=None)

    def allowed(self, *, secured: bool) -> bool:
        """Whether passwords may be sent over this connection as it is."""
        return secured or self._ground.settings.plaintext_login

    async def begin(
        self, mechanism: str, initial: bytes | None
    ) -> bytes | Principal | Reply:
        """Start an exchange: a challenge in base64, who it is, or a refusal."""
        self._exchange = mechanisms.begin(mechanism)
        if self._exchange is None:
            return replies.refuse("Unknown mechanism")
        self._mechanism = mechanism.upper()
        if initial is not None and self._speaks_first(self._exchange):
            return replies.refuse(f"{self._mechanism} takes no initial response")
        return await self.go_on(initial)

    def _speaks_first(self, exchange: Exchange) -> bool:
        """Whether the server's first challenge says something (RFC 5804 §2.1)."""
        step = exchange.step(None)
        return isinstance(step, Challenge) and step.octets != b""

    async def go_on(self, octets: bytes | None) -> bytes | Principal | Reply:
        """Take a response, decoded, and say the same."""
        assert self._exchange is not None
        try:
            step = self._exchange.step(octets)
        except PeerError as error:
            return replies.refuse(str(error))
        if isinstance(step, Challenge):
            return encoding.encode(step.octets)
        self._exchange = None
        return await self._judged(step)

    async def _judged(self, proof: Password) -> Principal | Reply:
        ground, host = self._ground, self._host
        if delay := ground.throttle.delay(host, proof.name):
            await ground.pause(delay)
        found = await ground.directory.authenticate(proof, host)
        if isinstance(found, Denied):
            self._told("auth.failed", proof.name, found)
            if found.temporary:
                return LATER
            self.failures += 1
            ground.throttle.failed(host, proof.name)
            return WRONG
        ground.throttle.succeeded(host, proof.name)
        self._told("auth.succeeded", found.name)
        return found

    def _told(self, what: str, user: str, denied: Denied | None = None) -> None:
        fields = {"sid": self._session, "door": "managesieve"}
        fields |= {"mechanism": self._mechanism, "user": user}
        if denied is not None:
            fields["reason"] = "temporary" if denied.temporary else "denied"
        self._ground.events.happened(what, **fields, rip=self._host)
