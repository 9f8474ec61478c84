"""The directory as the rest of the suite asks it."""

from collections.abc import Mapping, Sequence

from attrs import Factory, define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from mailsuite.directory.book import Account, Rules
from mailsuite.directory.names import fold_local, parse
from mailsuite.directory.passwords import Busy, Checker
from mailsuite.directory.scram import Scram
from mailsuite.directory.settings import Settings
from mailsuite.directory.state import Listing, State
from mailsuite.interfaces.directory import (
    AccountFacts,
    IDirectory,
    Resolution,
)
from mailsuite.interfaces.queueing import IRouting
from mailsuite.model.address import Address
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import AccountName
from mailsuite.model.principals import (
    Denied,
    Password,
    Principal,
    Proof,
    Signature,
    StoredKeys,
)
from mailsuite.net.tasks import Tasks
from mailsuite.wire.sasl.saslprep import prepared

POLL_SECONDS = 1.0
"""How soon changes made by another process count."""
SCRAM = ("ready", "always", "never")
"""Settings of when to offer it."""


def rules_of(
    settings: Settings, hostname: str = "", consumed: Mapping[str, str] | None = None
) -> Rules:
    """Settings as the book wants them. :raises UsageError: unusable."""
    if settings.scram not in SCRAM:
        raise UsageError("directory.scram is ready, always or never")
    return Rules(
        settings.delimiter,
        hostname.lower(),
        parse(settings.postmaster) if settings.postmaster else None,
        frozenset(f"[{literal.lower()}]" for literal in settings.literals),
        {fold_local(name): way for name, way in (consumed or {}).items()},
        settings.scram,
    )


@implementer(IDirectory, IRouting)
@define(eq=False, repr=False)
class Registry:
    """Provides IDirectory and IRouting from the book."""

    _clock: IReactorTime
    _state: State
    _checker: Checker
    _settings: Settings = field(factory=Settings)
    _polling: LoopingCall | None = None
    _tasks: Tasks = field(factory=Tasks)
    _scram: Scram = field(
        init=False,
        default=Factory(
            lambda self: Scram(self._state, self._checker), takes_self=True
        ),
    )

    async def start(self) -> None:
        """Open the database. :raises UsageError: it cannot be used."""
        await self._state.open()
        self._scram.obey()
        self._polling = LoopingCall(self._poll)
        self._polling.clock = self._clock
        _ = self._polling.start(POLL_SECONDS, now=False)

    async def stop(self) -> None:
        """Close it, and end every thread."""
        if self._polling is not None:
            self._polling.stop()
        await self._tasks.settled()
        await self._scram.settled()
        await self._state.close()
        self._checker.stop()

    def rearrange(
        self,
        settings: Settings,
        files: Listing,
        consumed: Mapping[str, str] | None = None,
    ) -> None:
        """Take over other settings and files. :raises UsageError: unusable."""
        hostname = self._state.book.rules.hostname
        self._state.arrange(rules_of(settings, hostname, consumed), files)
        self._settings = settings
        self._scram.obey()

    def _poll(self) -> None:
        if not len(self._tasks):
            self._tasks.launch("look at state.db", self._look())

    async def _look(self) -> None:
        await self._state.poll()

    async def authenticate(self, proof: Proof, origin: str) -> Principal | Denied:
        """Check a proof in the same time whether the user exists or not."""
        account = self._state.book.login(proof.name)
        if isinstance(proof, Signature):
            good = self._scram.proves(proof, account)
        else:
            try:
                good = await self._matches(account, proof.secret)
            except Busy:
                return Denied(temporary=True)
        if account is None or not good or account.disabled:
            return Denied()
        if isinstance(proof, Password):
            self._scram.derive(account, proof.secret)
        return Principal(account.name, account.name)

    async def _matches(self, account: Account | None, secret: str) -> bool:
        """RFC 4616 §2 prepares the password; those set before SCRAM are not."""
        stored = account.password if account is not None else None
        spelled = prepared(secret)
        good = await self._checker.matches(stored, spelled)
        if good or spelled == secret:
            return good
        return await self._checker.matches(stored, secret)

    async def credentials(self, name: str, digest: str) -> StoredKeys:
        """What a challenge tells of a user."""
        return self._scram.known(name, digest)

    def offers_scram(self) -> bool:
        """As the setting says; ``ready``: if everybody can use it."""
        return self._state.book.offers_scram()

    async def resolve(self, addresses: Sequence[Address]) -> Sequence[Resolution]:
        """What each address stands for, in order; never waits."""
        return list(map(self._state.book.resolve, addresses))

    async def may_send_as(self, principal: Principal, sender: Address) -> bool:
        """Own address, its subaddresses, and aliases that lead to it."""
        return self._state.book.speaks_for(principal.account, sender)

    async def facts(self, account: AccountName) -> AccountFacts:
        """Quota: the account's own, else that of the settings."""
        known = self._state.book.accounts.get(account)
        octets = known.quota_octets if known is not None else 0
        messages = known.quota_messages if known is not None else 0
        chosen = self._state.book.rules.postmaster
        return AccountFacts(
            octets or self._settings.quota_octets,
            messages or self._settings.quota_messages,
            str(chosen) if chosen is not None else "",
        )

    async def transports(self, addresses: Sequence[Address]) -> Sequence[str]:
        """``relay`` for other servers' domains, ``local`` for people of ours."""
        return list(map(self._state.book.transport, addresses))
