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

HASHING_LANES = 2
"""Threads that hash large bodies; hashing lets go of the interpreter lock."""


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

    def __attrs_post_init__(self) -> None:
        threads: IReactorFromThreads = self.reactor
        self.lanes = Lanes.of(threads, "hashing", HASHING_LANES)

    async def stop(self) -> None:
        """Give up questions that nobody waits for, and let hashing end."""
        await self.tasks.stop()
        self.lanes.stop()
