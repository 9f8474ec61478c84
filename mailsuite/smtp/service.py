"""Listening for one kind of door, its connections, and their orderly end."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Factory, Protocol
from typing_extensions import override

from mailsuite.model.replies import Reply
from mailsuite.net.endpoints import Bound, Listening
from mailsuite.net.limits import Limits
from mailsuite.net.tasks import Tasks
from mailsuite.smtp.door import Door
from mailsuite.smtp.ground import Ground
from mailsuite.smtp.manners import Manners
from mailsuite.wire.smtp import replies

STOP_SECONDS = 10.0
"""How long messages under way may take when the suite stops."""

LOOK_SECONDS = 1.0
"""Between two looks at the timers of all connections."""

TOO_MANY = Reply(421, "4.7.0", "Too many connections, try again later")


class Turned(Protocol):
    """A connection over the limits: told so, and closed."""

    @override
    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(replies.render(TOO_MANY))
        transport.loseConnection()


@define(eq=False, slots=False, repr=False)
class Doors(Factory):
    """Makes a :class:`Door` for each connection; ``reload`` changes the next ones.

    ``sessions`` names them (``sid=``).
    """

    ground: Ground
    manners: Manners
    sessions: Callable[[], str]
    open: set[Door] = field(factory=set, init=False)
    _limits: Limits = field(init=False)
    _empty: Deferred[None] | None = field(default=None, init=False)
    _work: Tasks = field(factory=Tasks, init=False)

    noisy = False

    def __attrs_post_init__(self) -> None:
        limits = self.manners.sessions
        self._limits = Limits(limits.connections, limits.connections_per_host)

    def reload(self, manners: Manners) -> None:
        """Use these manners for connections that come from now on."""
        self.manners = manners
        self._limits.total = manners.sessions.connections
        self._limits.per_host = manners.sessions.connections_per_host

    @override
    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        host = getattr(addr, "host", "")
        if not self._limits.admit(host):
            self.ground.events.happened(
                "smtp.rejected",
                sid="",
                role=self.manners.role,
                stage="connect",
                code=TOO_MANY.code,
                reason=f"{TOO_MANY.status} {host}",
            )
            return Turned()
        door = Door(
            self.ground.clock,
            self.sessions(),
            self.ground,
            self.manners,
            self._work,
            self._left,
        )
        self.open.add(door)
        return door

    def _left(self, door: Door) -> None:
        self.open.discard(door)
        self._limits.leave(door.host)
        if not self.open and self._empty is not None:
            self._empty.callback(None)
            self._empty = None

    def look(self) -> None:
        """Look at every connection's timers."""
        now = self.ground.clock.seconds()
        for door in list(self.open):
            door.overdue(now)

    async def close(self) -> None:
        """Let messages under way be finished, all else is told 421."""
        for door in list(self.open):
            door.leave()
        if self.open:
            clock = self.ground.clock
            timer = clock.callLater(STOP_SECONDS, self._cut)
            self._empty = Deferred()
            await self._empty
            if timer.active():
                timer.cancel()
        await self._work.stop()

    def _cut(self) -> None:
        for door in list(self.open):
            door.abort()


@define(eq=False, slots=False, repr=False)
class Ports(Service):
    """The service of one factory behind its bound sockets."""

    reactor: Any
    bound: Sequence[Bound]
    doors: Doors
    _listening: list[Listening] = field(factory=list, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)

    @override
    def startService(self) -> None:
        self.running = True
        self._listening = [one.listen(self.reactor, self.doors) for one in self.bound]
        self._look()

    def _look(self) -> None:
        self._timer = self.doors.ground.clock.callLater(LOOK_SECONDS, self._look)
        self.doors.look()

    @override
    def stopService(self) -> Deferred[None]:
        self.running = False
        for listening in self._listening:
            listening.stop()
        if self._timer is not None:
            self._timer.cancel()
        return Deferred.fromCoroutine(self.doors.close())
