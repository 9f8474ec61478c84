"""What the parts of this room stand on, and who we are in reports."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import define, frozen
from twisted.internet.interfaces import IReactorTime

from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.queueing import IQueue
from mailsuite.interfaces.resolving import IResolver
from mailsuite.model.address import Address
from mailsuite.reports.settings import Reports

MARK = "report"
"""Mark of an envelope that carries a report of ours."""
ADDRESS = "dmarc-reports"
"""Local part of our own reports' sender where the settings name none."""


@frozen(eq=False)
class Ground:
    """``domains`` gives ours, ``wall`` seconds since 1970."""

    reactor: IReactorTime | Any
    wall: Callable[[], float]
    hostname: str
    events: IEvents
    queue: IQueue
    blobs: IBlobs
    directory: IDirectory
    resolver: IResolver
    domains: Callable[[], Awaitable[Sequence[str]]]


@frozen
class Names:
    """Who we are in a report that leaves us."""

    sender: Address
    organization: str
    contact: str

    @property
    def submitter(self) -> str:
        """The domain that reports."""
        return self.sender.domain


@define(eq=False)
class Office:
    """The ground with the settings of now."""

    ground: Ground
    settings: Reports

    async def names(self) -> Names:
        """Say who we are."""
        settings, ground = self.settings, self.ground
        local, _, domain = settings.sender.rpartition("@")
        if not domain:
            ours = sorted(await ground.domains())
            local, domain = ADDRESS, ours[0] if ours else ground.hostname
        return Names(
            Address(local, domain),
            settings.organization or ground.hostname,
            settings.contact,
        )

    def never(self, domain: str) -> bool:
        """Whether the operator wants no reports sent to a domain."""
        return any(
            domain == one.lower() or domain.endswith("." + one.lower())
            for one in self.settings.never
        )
