"""The AUTHORIZATION state: from a name to an open maildrop (RFC 1939 §4)."""

from collections.abc import Callable
from contextlib import ExitStack
from secrets import token_urlsafe

from attrs import define, field
from twisted.internet.task import deferLater

from mailsuite.model.errors import PeerError, Taken
from mailsuite.model.principals import (
    Denied,
    Password,
    Principal,
    Proof,
    Signature,
)
from mailsuite.pop3.ground import Ground
from mailsuite.pop3.maildrop import Maildrop
from mailsuite.wire.pop3 import replies
from mailsuite.wire.pop3.commands import Auth
from mailsuite.wire.pop3.replies import Reply
from mailsuite.wire.sasl import encoding
from mailsuite.wire.sasl.exchange import Challenge, Exchange, Parting, step
from mailsuite.wire.sasl.mechanisms import Bindings, Choice

WANTS_TLS = "Encryption is required before a password is sent"
WRONG = "Name or password is wrong"


@define(eq=False)
class Opened:
    """A maildrop, for whom, and the call that unlocks it."""

    maildrop: Maildrop
    user: str
    unlock: Callable[[], None]

    def close(self) -> None:
        """Give maildrop and lock back."""
        self.maildrop.close()
        self.unlock()


@define(eq=False)
class Authorization:
    """Checks one connection's proofs; ``failures`` counts those that were wrong."""

    ground: Ground
    session: str
    host: str
    _bindings: Bindings = dict
    failures: int = 0
    _name: str = ""
    _mechanism: str = ""
    _exchange: Exchange | None = field(default=None)

    def allowed(self, *, secured: bool) -> bool:
        """Whether passwords may be sent over this connection as it is."""
        return secured or self.ground.settings.plaintext_login

    @property
    def choice(self) -> Choice:
        """The mechanisms of now."""
        return Choice.of(self.ground.directory, self._bindings)

    def named(self, name: str) -> Reply:
        """Take USER; every name is welcome, whether there is such a user or not."""
        self._name = name
        return replies.ok("Send the password")

    async def password(self, secret: str) -> Challenge | Opened | Reply:
        """Take PASS."""
        self._mechanism = "USER"
        return await self._prove(Password(self._name, secret))

    async def begin(self, command: Auth) -> Challenge | Opened | Reply:
        """Take AUTH (RFC 5034 §4)."""
        self._exchange = self.choice.begin(command.mechanism, token_urlsafe())
        if self._exchange is None:
            return replies.refuse("Unknown mechanism")
        self._mechanism = command.mechanism.upper()
        return await self.respond(command.initial)

    async def respond(self, response: bytes | None) -> Challenge | Opened | Reply:
        """Take a response of the exchange that runs, decoded."""
        if self._exchange is None:
            return replies.refuse("No exchange")
        try:
            found = await step(self._exchange, response, self.ground.directory)
        except PeerError as error:
            return replies.refuse(str(error))
        if isinstance(found, Challenge):
            return found
        self._exchange = None
        if isinstance(found, Principal):
            return await self._admitted(found)
        return await self._prove(found)

    async def _prove(self, proof: Proof) -> Challenge | Opened | Reply:
        throttle = self.ground.throttle
        if delay := throttle.delay(self.host, proof.name):
            await deferLater(self.ground.clock, delay)
        found = await self.ground.directory.authenticate(proof, self.host)
        if isinstance(found, Denied):
            self._told("auth.failed", proof.name, found)
            if found.temporary:
                return replies.refuse("Try again later", replies.SYS_TEMP)
            self.failures += 1
            throttle.failed(self.host, proof.name)
            return replies.refuse(WRONG, replies.AUTH)
        throttle.succeeded(proof.name)
        if isinstance(proof, Signature):
            self._exchange = Parting(found)
            return Challenge(proof.final)
        return await self._admitted(found)

    async def _admitted(self, found: Principal) -> Opened | Reply:
        """Somebody proved who they are."""
        self._told("auth.succeeded", found.name)
        return await self._open(found)

    async def _open(self, principal: Principal) -> Opened | Reply:
        account = principal.account
        try:
            unlock = self._lock(principal)
        except Taken:
            return replies.refuse("Another session has the maildrop", replies.IN_USE)
        with ExitStack() as undo:
            undo.callback(unlock)
            maildrop = await Maildrop.open(self.ground.accounts, account)
            undo.pop_all()
        return Opened(maildrop, principal.name, unlock)

    def _lock(self, principal: Principal) -> Callable[[], None]:
        if not self.ground.settings.exclusive:
            return _nothing
        return self.ground.locks.take(principal.account)

    def _told(self, what: str, user: str, denied: Denied | None = None) -> None:
        fields = {"sid": self.session, "door": "pop3", "mechanism": self._mechanism}
        fields["user"] = user
        if denied is not None:
            fields["reason"] = "temporary" if denied.temporary else "denied"
        self.ground.events.happened(what, **fields, rip=self.host)


def rendered(challenge: Challenge) -> bytes:
    """A challenge's base64."""
    return encoding.encode(challenge.octets)


def _nothing() -> None:
    """There was no lock."""
