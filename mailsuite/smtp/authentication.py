"""AUTH over SMTP (RFC 4954): the exchange, its limits and its delays."""

from attrs import define, field
from twisted.internet.task import deferLater

from mailsuite.interfaces.receiving import IReception
from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Denied, Password, Peer
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import Refuse
from mailsuite.smtp.ground import Ground
from mailsuite.wire.sasl import encoding, mechanisms
from mailsuite.wire.sasl.exchange import Challenge, Exchange
from mailsuite.wire.smtp import replies

MALFORMED = Reply(501, "5.5.2", "Malformed authentication response")
INVALID = Reply(535, "5.7.8", "Authentication credentials invalid")
LATER = Reply(454, "4.7.0", "Temporary authentication failure")


@define(eq=False, repr=False)
class Authentication:
    """Of one session. ``failures`` counts wrong proofs.

    Right and wrong proofs wait alike, so that time tells nothing.
    """

    _ground: Ground
    _peer: Peer
    _role: str
    failures: int = 0
    _name: str = ""
    _exchange: Exchange | None = field(default=None)

    async def begin(
        self, mechanism: str, initial: bytes | None, reception: IReception
    ) -> Reply:
        """AUTH with its initial response, if there was one."""
        self._name = mechanism
        self._exchange = mechanisms.begin(mechanism)
        return await self.go_on(initial, reception)

    async def go_on(self, octets: bytes | None, reception: IReception) -> Reply:
        """The next response; gives a challenge (334) or how it ended."""
        assert self._exchange is not None
        try:
            step = self._exchange.step(octets)
        except PeerError:
            self.failures += 1
            return MALFORMED
        if isinstance(step, Challenge):
            return Reply(334, "", encoding.encode(step.octets).decode("ascii"))
        self._exchange = None
        return await self._judged(step, reception)

    async def _judged(self, proof: Password, reception: IReception) -> Reply:
        ground, host = self._ground, self._peer.host
        seconds = ground.throttle.delay(host, proof.name)
        found = await ground.directory.authenticate(proof, host)
        if isinstance(found, Denied) and not found.temporary:
            ground.throttle.failed(host, proof.name)
        if seconds > 0:
            await deferLater(ground.clock, seconds)
        if isinstance(found, Denied):
            return self._denied(proof.name, found)
        verdict = await reception.authenticated(found)
        if isinstance(verdict, Refuse):
            return verdict.reply
        ground.throttle.succeeded(host, proof.name)
        ground.events.happened(
            "auth.succeeded",
            sid=self._peer.session,
            door=self._role,
            mechanism=self._name,
            user=found.name,
            rip=host,
        )
        return replies.AUTHENTICATED

    def _denied(self, name: str, denied: Denied) -> Reply:
        self.failures += 1
        self._ground.events.happened(
            "auth.failed",
            sid=self._peer.session,
            door=self._role,
            mechanism=self._name,
            user=name,
            reason="temporary" if denied.temporary else "denied",
            rip=self._peer.host,
        )
        return LATER if denied.temporary else INVALID
