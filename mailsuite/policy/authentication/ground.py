"""What judging stands on."""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorFromThreads

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.reporting import IReports
from mailsuite.interfaces.resolving import IResolver
from mailsuite.net.lanes import Lanes
from mailsuite.net.tasks import Tasks
from mailsuite.net.webclient import Fetcher
from mailsuite.policy.logos import Logos

HASHING_LANES = 2
"""Threads that hash large bodies; hashing lets go of the interpreter lock."""
LOGO_SECONDS = 5.0
"""How long a logo is waited for, and with it the message."""


@define(eq=False, repr=False)
class Ground:
    """Of the house; outlives reloads. ``reactor`` is the clock too."""

    reactor: Any
    wall: Callable[[], float]
    resolver: IResolver
    events: IEvents
    hostname: str
    reports: IReports | None = None
    tasks: Tasks = field(factory=Tasks)
    lanes: Lanes = field(init=False)
    logos: Logos = field(init=False)

    def __attrs_post_init__(self) -> None:
        threads: IReactorFromThreads = self.reactor
        self.lanes = Lanes.of(threads, "hashing", HASHING_LANES)
        fetcher = Fetcher(self.reactor, self.resolver, LOGO_SECONDS)
        self.logos = Logos(self.reactor, fetcher)

    async def stop(self) -> None:
        """Give up questions that nobody waits for, and let hashing end."""
        await self.tasks.stop()
        await self.logos.stop()
        self.lanes.stop()
