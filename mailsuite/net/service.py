"""A service of doors: listens, counts connections, stops cleanly."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

from attrs import define, evolve, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from typing_extensions import override

from mailsuite.net.endpoints import Bound, Listening
from mailsuite.net.limits import Limits
from mailsuite.net.protocol import Conversation

STOP_SECONDS = 10.0  # for commands in hand, before connections are cut


class Guest(Protocol):
    """A connection that a service counts."""

    host: str

    def leave(self) -> None:
        """End now, or after the command in hand."""

    def abort(self) -> None:
        """End at once."""


@frozen
class Socket:
    """A bound socket; ``implicit``: TLS from the first octet (RFC 8314 §3.2)."""

    bound: Bound
    implicit: bool = False


@define(eq=False, slots=False)
class Doors(Factory):
    """Makes a door for each connection that the limits admit."""

    service: "DoorService"
    implicit: bool

    noisy = False

    @override
    def buildProtocol(self, addr: IAddress | None) -> Conversation | None:
        service = self.service
        if not service.limits.admit(getattr(addr, "host", "")):
            return None
        return service.door(service, self.implicit)


@define(eq=False, slots=False)
class DoorService(Service):
    """All sockets of one protocol in this process.

    ``door`` makes a door, which calls ``came`` and ``left``. ``ground`` is an attrs
    object with ``clock`` and ``settings``. ``prefix`` begins every session's id, so
    that ids differ between starts.
    """

    ground: Any
    sockets: Sequence[Socket]
    prefix: str
    door: Callable[["DoorService", bool], Conversation]
    limits: Limits = field(init=False)
    doors: set[Guest] = field(factory=set, init=False)
    _listening: list[Listening] = field(factory=list, init=False)
    _numbers: "count[int]" = field(factory=lambda: count(1), init=False)
    _empty: Deferred[None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        settings = self.ground.settings
        self.limits = Limits(settings.connections, settings.connections_per_host)

    def next_name(self) -> str:
        """Name the next session."""
        return f"{self.prefix}{next(self._numbers):x}"

    def reload(self, settings: Any) -> None:
        """Use other settings for connections that come from now on."""
        self.ground = evolve(self.ground, settings=settings)
        self.limits.total = settings.connections
        self.limits.per_host = settings.connections_per_host

    @override
    def startService(self) -> None:
        Service.startService(self)
        self._listening = [
            socket.bound.listen(self.ground.clock, Doors(self, socket.implicit))
            for socket in self.sockets
        ]

    @override
    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    def came(self, door: Guest) -> None:
        """A connection stands."""
        self.doors.add(door)

    def left(self, door: Guest) -> None:
        """It ended."""
        self.doors.discard(door)
        self.limits.leave(door.host)
        if self._empty is not None and not self.doors:
            empty, self._empty = self._empty, None
            empty.callback(None)

    async def _stop(self) -> None:
        for listening in self._listening:
            listening.stop()
        if not self.doors:
            return
        emptied: Deferred[None] = Deferred()
        self._empty = emptied
        for door in list(self.doors):
            door.leave()
        cut = self.ground.clock.callLater(STOP_SECONDS, self._cut)
        await emptied
        if cut.active():
            cut.cancel()

    def _cut(self) -> None:
        for door in list(self.doors):
            door.abort()


@define(eq=False, slots=False)
class Counted(Conversation):
    """A door that its service knows of while it is open; mixed in before the door."""

    service: DoorService = field(kw_only=True)

    @override
    def opened(self) -> None:
        self.service.came(self)
        super().opened()

    @override
    def ended(self) -> None:
        super().ended()
        self.service.left(self)
