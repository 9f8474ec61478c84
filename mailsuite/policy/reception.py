"""One connection's way in, for three purposes (RFC 5321 §3, RFC 6409, RFC 2033)."""

from collections.abc import Callable, Sequence
from enum import Enum

from attrs import define, field, frozen
from zope.interface import implementer

from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.queueing import IQueue
from mailsuite.interfaces.receiving import (
    IReception,
    IReceptions,
    IStage,
    ITransaction,
)
from mailsuite.model.principals import Peer, Principal
from mailsuite.model.verdicts import Phase, Refuse, Verdict
from mailsuite.policy.networks import RELAYING, networks
from mailsuite.policy.pipeline import Pipeline
from mailsuite.policy.settings import Settings
from mailsuite.policy.stages.completion import Completion
from mailsuite.policy.stages.identity import Identity
from mailsuite.policy.stages.loops import Loops
from mailsuite.policy.stages.quota import Quota
from mailsuite.policy.stages.recipients import Recipients
from mailsuite.policy.stages.size import Size
from mailsuite.policy.trace import Dates
from mailsuite.policy.transaction import Desk, Transaction
from mailsuite.policy.view import View


class Purpose(Enum):
    """Which way in; the value is the ``role`` of events and marks."""

    RECEPTION = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"


@frozen(eq=False)
class Ground:
    """What reception stands on.

    ``hostname`` names us in Received; ``domain`` is where ``<postmaster>``
    without a domain lives. ``wall`` gives seconds since 1970.
    """

    blobs: IBlobs
    queue: IQueue
    directory: IDirectory
    accounts: IAccounts
    events: IEvents
    wall: Callable[[], float]
    hostname: str
    domain: str


def stages(purpose: Purpose, ground: Ground, settings: Settings) -> list[IStage]:
    """The built-in stages of a purpose, in their order.

    :raises UsageError: a setting cannot be read.
    """
    submission, lmtp = purpose is Purpose.SUBMISSION, purpose is Purpose.LMTP
    made: list[IStage] = [Size(settings.message_octets)]
    if not lmtp:
        made.append(Identity(ground.directory, required=submission))
    made.append(
        Recipients(
            ground.directory,
            networks(RELAYING, settings.relay_networks),
            relays=not lmtp,
        )
    )
    made.append(Quota(ground.accounts))
    made.append(Loops(settings.received_fields))
    if submission:
        made.append(Completion(ground.hostname, ground.wall))
    return made


@implementer(IReceptions)
@define(eq=False, repr=False)
class Receptions:
    """The source of receptions for one purpose; ``reload`` swaps what is new.

    ``more`` are further stages, asked after the built-in ones.
    """

    _purpose: Purpose
    _ground: Ground
    _settings: Settings
    _more: Sequence[IStage] = ()
    _role: str = field(init=False)
    desk: Desk = field(init=False)
    """What a transaction that begins now is given."""

    def __attrs_post_init__(self) -> None:
        self._role = self._purpose.value
        self.reload(self._settings)

    @property
    def size(self) -> int:
        """Octets of the largest message that is taken."""
        return self._settings.message_octets

    def reload(self, settings: Settings, more: Sequence[IStage] | None = None) -> None:
        """Use these for what begins from now on; running transactions keep theirs.

        Without ``more`` the further stages stay.

        :raises UsageError: they cannot be used, and the old ones stay.
        """
        further = self._more if more is None else more
        ground, purpose = self._ground, self._purpose
        pipeline = Pipeline([*stages(purpose, ground, settings), *further])
        self.desk = Desk(
            pipeline,
            ground.blobs,
            ground.queue,
            ground.accounts,
            ground.events,
            Dates(ground.wall),
            ground.hostname,
            ground.domain,
            settings.lmtp_wait if purpose is Purpose.LMTP else None,
        )
        self._settings, self._more = settings, further

    def meet(self, peer: Peer) -> IReception:
        """Give the reception for a new connection."""
        return Reception(self, View(peer, self._role))


@implementer(IReception)
@define(eq=False, repr=False)
class Reception:
    """One connection."""

    _receptions: Receptions
    _view: View
    _begun: int = 0

    async def connected(self) -> Verdict:
        """Ask the connect stages."""
        return await self._receptions.desk.pipeline.judge(Phase.CONNECT, self._view)

    async def greeted(
        self, name: str, *, secure: bool, extended: bool = True
    ) -> Verdict:
        """Remember the greeting. TLS forgets who authenticated before it."""
        view, peer = self._view, self._view.peer
        view.greeting, view.extended = name, extended
        if secure and not peer.secure:
            view.peer = Peer(peer.host, peer.port, peer.session, secure=True)
            view.principal = None
        return await self._receptions.desk.pipeline.judge(Phase.GREETING, view)

    async def authenticated(self, principal: Principal) -> Verdict:
        """Remember who it is, unless a stage objects."""
        view, before = self._view, self._view.principal
        view.principal = principal
        verdict = await self._receptions.desk.pipeline.judge(Phase.AUTH, view)
        if isinstance(verdict, Refuse):
            view.principal = before
        return verdict

    def begin(self) -> ITransaction:
        """Start a transaction with stages and settings of now."""
        self._begun += 1
        ident = f"{self._view.peer.session}.{self._begun}"
        return Transaction(self._receptions.desk, self._view.fresh(), ident)
