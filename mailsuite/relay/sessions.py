"""Connections to destinations: how many at once, and the idle ones kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import DeferredSemaphore

from mailsuite.relay.dialogue import Dialogue
from mailsuite.relay.routes import Route
from mailsuite.relay.settings import Relay

KEPT = 200  # idle connections in all


@frozen
class Destination:
    """Domains with the same hosts and terms share connections."""

    hosts: frozenset[str]
    route: Route

    @classmethod
    def of(cls, hosts: Any, route: Route) -> "Destination":
        """Name the destination of these hosts; by MX the domain does not count."""
        return cls(frozenset(hosts), evolve(route, host="", exchangers=True))


@define(eq=False)
class _Line:
    slots: DeferredSemaphore
    users: int = 0


@define(eq=False)
class Sessions:
    """Slots by destination, and what rests between two jobs."""

    _settings: Relay
    _total: DeferredSemaphore = field(init=False)
    _lines: dict[Destination, _Line] = field(factory=dict, init=False)
    _idle: dict[Destination, list[Dialogue]] = field(factory=dict, init=False)
    _stopped: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._total = DeferredSemaphore(max(1, self._settings.connections))

    @asynccontextmanager
    async def slot(self, destination: Destination) -> AsyncIterator[None]:
        """Wait for one of the destination's connections, and hold it."""
        line = self._lines.get(destination)
        if line is None:
            slots = DeferredSemaphore(max(1, self._settings.per_destination))
            line = self._lines[destination] = _Line(slots)
        line.users += 1
        try:
            await line.slots.acquire()
            try:
                await self._total.acquire()
                try:
                    yield
                finally:
                    self._total.release()
            finally:
                line.slots.release()
        finally:
            line.users -= 1
            if not line.users:
                del self._lines[destination]

    def idle(self, destination: Destination) -> Dialogue | None:
        """Give a kept connection that still stands."""
        kept = self._idle.get(destination, [])
        found = None
        while kept and found is None:
            dialogue = kept.pop()
            if dialogue.usable:
                dialogue.limit(self._settings.total_seconds)
                found = dialogue
            else:
                dialogue.hang_up()
        if not kept:
            self._idle.pop(destination, None)
        return found

    def keep(self, destination: Destination, dialogue: Dialogue) -> None:
        """A job is done with it: the next may use it, for a while."""
        worn = dialogue.served >= self._settings.messages or not dialogue.usable
        if worn or self._stopped or self._full():
            dialogue.leave()
            return
        dialogue.rest(self._settings.idle_seconds)
        self._idle.setdefault(destination, []).append(dialogue)

    def _full(self) -> bool:
        """Whether no more may be kept, those that ended not counted."""
        if sum(map(len, self._idle.values())) < KEPT:
            return False
        for destination, kept in list(self._idle.items()):
            kept[:] = [dialogue for dialogue in kept if dialogue.usable]
            if not kept:
                del self._idle[destination]
        return sum(map(len, self._idle.values())) >= KEPT

    def stop(self) -> None:
        """Take leave of all that rest; from now on none is kept."""
        self._stopped = True
        for kept in self._idle.values():
            for dialogue in kept:
                dialogue.leave()
        self._idle.clear()
