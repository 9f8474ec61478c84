"""The queue: what was accepted and is not yet settled."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from attrs import Factory
from zope.interface import Interface

from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Marks, Recipient, Submission
from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Outcome
from mailsuite.model.values import value


@value
class Lease:
    """The right to deliver some recipients of a job.

    ``recipients`` are those due that one transport serves. ``accepted`` is the wall
    time of acceptance; ``epoch`` fences a runner that slept too long. ``awaited``: a
    client waits for the outcomes.
    """

    id: QueueId
    epoch: int
    envelope: Envelope
    blob: Blob
    recipients: tuple[Recipient, ...]
    transport: str
    attempt: int
    accepted: float
    awaited: bool = True


@value
class Listed:
    """One open recipient of a job, for people."""

    id: QueueId
    recipient: int
    sender: Address | None
    address: Address
    transport: str
    size: int
    accepted: float
    due: float
    expires: float
    attempts: int
    last: str
    state: str
    """``active``, ``deferred`` or ``held``."""
    marks: Marks = Factory(dict)
    """Of the message and of this recipient; only :meth:`IQueue.show` gives them."""


@value
class Page:
    """Some rows and the cursor that continues after them ("" at the end)."""

    rows: tuple[Listed, ...]
    after: str


Settle = Callable[[Lease, Mapping[int, Outcome]], Awaitable[bool]]

Pending = Callable[[Collection[QueueId]], Awaitable[Collection[QueueId]]]
"""Gives those of some jobs that are open; what they delivered may be asked again."""


class IQueue(Interface):
    """Durable spool with a schedule. Every method may be called by any part."""

    async def accept(submissions: Sequence[Submission]) -> Sequence[QueueId]:
        """Take responsibility: durable on return, all or nothing, one barrier.

        The same ``once`` gets the same id. Waits while too much is undelivered.

        :raises NoSpace: the journal or the disk is full; answer 452.
        :raises OSError: the barrier failed; answer 451.
        """

    async def outcome(id: QueueId, recipient: int, within: float) -> Outcome | None:  # noqa: A002
        """What became of a recipient, waiting up to ``within`` seconds.

        None: still open. Some thousands of the last are remembered, minutes at most.
        """

    async def settle(lease: Lease, outcomes: Mapping[int, Outcome]) -> bool:
        """Record outcomes and their children in one record; False: fenced."""

    async def renew(lease: Lease) -> bool:
        """Still ours? Asked right before the final dot. False: fenced."""

    async def browse(after: str, limit: int) -> Page:
        """Open recipients in order of their ids, from the cursor ``after``."""

    async def show(id: QueueId) -> Sequence[Listed]:  # noqa: A002
        """Every open recipient of one job; empty if there is no such job."""

    async def change(ids: Sequence[QueueId] | None, action: str) -> int:
        """``retry`` (due now), ``hold``, ``release`` or ``remove``; None: all.

        ``remove`` forgets without a DSN. Gives how many jobs it touched.
        """


class IDelivery(Interface):
    """A transport: carries jobs out."""

    async def deliver(lease: Lease, settle: Settle) -> None:
        """Settle each recipient when its fate is known; the rest is deferred."""


class IRouting(Interface):
    """Names the transport of each recipient at each attempt."""

    async def transports(addresses: Sequence[Address]) -> Sequence[str]:
        """``local`` or ``relay`` for each address, in order."""
