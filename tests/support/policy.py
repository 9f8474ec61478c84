"""What a reception stands on, in memory."""

from collections.abc import Sequence

from attrs import define, field
from zope.interface import implementer

from mailsuite.directory import memory
from mailsuite.events.memory import Events
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.queueing import IQueue
from mailsuite.model.address import Address
from mailsuite.model.changes import Room
from mailsuite.model.envelope import Submission
from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Outcome
from mailsuite.model.principals import Peer, Principal
from mailsuite.policy.reception import Ground, Purpose, Receptions
from mailsuite.policy.settings import Settings
from tests.support.smtp import Blobs

NOW = 1_700_000_000.0


@implementer(IQueue)
@define(eq=False)
class Queue:
    """Takes all, or raises ``fails``; tells ``outcomes``."""

    taken: list[Submission] = field(factory=list)
    fails: Exception | None = None
    outcomes: dict[int, Outcome] = field(factory=dict)
    waits: list[float] = field(factory=list)

    async def accept(self, submissions: Sequence[Submission]) -> Sequence[QueueId]:
        if self.fails is not None:
            raise self.fails
        self.taken.extend(submissions)
        return [QueueId(f"Q{len(self.taken)}")]

    async def outcome(self, id, recipient, within):  # noqa: A002 - as the interface
        self.waits.append(within)
        return self.outcomes.get(recipient)


@implementer(IAccounts)
@define(eq=False)
class Accounts:
    """Room without end but for ``full`` accounts."""

    full: dict[str, Room] = field(factory=dict)

    async def room(self, account) -> Room:
        return self.full.get(account, Room(None, None))


@define(eq=False)
class World:
    """One purpose's receptions with everything they stand on."""

    purpose: Purpose = Purpose.RECEPTION
    settings: Settings = field(factory=Settings)
    queue: Queue = field(factory=Queue)
    accounts: Accounts = field(factory=Accounts)
    events: Events = field(factory=Events)
    blobs: Blobs = field(factory=Blobs)
    now: list[float] = field(factory=lambda: [NOW])
    receptions: Receptions = field(init=False)

    def __attrs_post_init__(self) -> None:
        directory = memory.make(
            {"u@example.test": "p", "v@example.test": "p"},
            {"list@example.test": ["u@example.test", "x@far.test"]},
        ).directory
        ground = Ground(
            self.blobs,
            self.queue,
            directory,
            self.accounts,
            self.events,
            lambda: self.now[0],
            "mx.example.test",
            "example.test",
        )
        self.receptions = Receptions(self.purpose, ground, self.settings)

    def meet(self, host: str = "192.0.2.7", *, secure: bool = False):
        return self.receptions.meet(Peer(host, 4_000, "S1", secure))


def user(name: str = "u@example.test") -> Principal:
    return Principal(name, name)


def address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)
