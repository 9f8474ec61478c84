"""AUTH over SMTP (RFC 4954): the exchange, its limits and its delays."""

from secrets import token_urlsafe

from attrs import define, field
from twisted.internet.task import deferLater

from mailsuite.interfaces.receiving import IReception
from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Denied, Peer, Principal, Proof, Signature
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import Refuse
from mailsuite.smtp.ground import Ground
from mailsuite.wire.sasl import encoding
from mailsuite.wire.sasl.exchange import (
    Challenge,
    Exchange,
    ForAnother,
    Parting,
    step,
)
from mailsuite.wire.sasl.mechanisms import Bindings, Choice
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
    _bindings: Bindings = dict
    failures: int = 0
    _name: str = ""
    _exchange: Exchange | None = field(default=None)

    @property
    def choice(self) -> Choice:
        """The mechanisms of now."""
        return Choice.of(self._ground.directory, self._bindings)

    async def begin(
        self, mechanism: str, initial: bytes | None, reception: IReception
    ) -> Reply:
        """AUTH with its initial response, if there was one."""
        self._name = mechanism
        self._exchange = self.choice.begin(mechanism, token_urlsafe())
        if self._exchange is None:  # offered a moment ago
            return LATER
        return await self.go_on(initial, reception)

    async def go_on(self, octets: bytes | None, reception: IReception) -> Reply:
        """The next response; gives a challenge (334) or how it ended."""
        assert self._exchange is not None
        try:
            found = await step(self._exchange, octets, self._ground.directory)
        except PeerError as error:
            self.failures += 1
            return INVALID if isinstance(error, ForAnother) else MALFORMED
        if isinstance(found, Challenge):
            return _asked(found.octets)
        self._exchange = None
        if isinstance(found, Principal):
            return await self._admitted(found, reception)
        return await self._judged(found, reception)

    async def _judged(self, proof: Proof, reception: IReception) -> Reply:
        ground, host = self._ground, self._peer.host
        seconds = ground.throttle.delay(host, proof.name)
        found = await ground.directory.authenticate(proof, host)
        if isinstance(found, Denied) and not found.temporary:
            ground.throttle.failed(host, proof.name)
        if seconds > 0:
            await deferLater(ground.clock, seconds)
        if isinstance(found, Denied):
            return self._denied(proof.name, found)
        ground.throttle.succeeded(proof.name)
        if isinstance(proof, Signature):
            self._exchange = Parting(found)
            return _asked(proof.final)
        return await self._admitted(found, reception)

    async def _admitted(self, found: Principal, reception: IReception) -> Reply:
        """Somebody proved who they are."""
        ground, host = self._ground, self._peer.host
        verdict = await reception.authenticated(found)
        if isinstance(verdict, Refuse):
            return verdict.reply
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


def _asked(octets: bytes) -> Reply:
    """Send a challenge."""
    return Reply(334, "", encoding.encode(octets).decode("ascii"))
