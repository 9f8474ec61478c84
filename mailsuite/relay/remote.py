"""The queue's transport ``relay``: a job goes out to other servers."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from attrs import define, field, frozen
from twisted.internet import defer
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.queueing import IDelivery, Lease, Settle
from mailsuite.interfaces.resolving import IResolver
from mailsuite.interfaces.signing import ISigner
from mailsuite.model.address import Address
from mailsuite.model.envelope import Recipient
from mailsuite.model.errors import Damaged
from mailsuite.model.outcomes import Deferred
from mailsuite.net.lanes import Lane
from mailsuite.relay.asked import Asked
from mailsuite.relay.candidates import Candidates, Unroutable
from mailsuite.relay.classify import Fate
from mailsuite.relay.content import Content
from mailsuite.relay.dialing import Dialer
from mailsuite.relay.errand import Fenced, Message
from mailsuite.relay.journey import Journey, Load, Means
from mailsuite.relay.routes import Routes
from mailsuite.relay.sessions import Destination, Sessions
from mailsuite.relay.settings import Relay

Renew = Callable[[Lease], Awaitable[bool]]


@frozen
class Ground:
    """What the relay stands on: the reactor, our name in EHLO, who signs, the time."""

    reactor: Any
    hostname: str
    signer: ISigner | None = None
    wall: Callable[[], float] = lambda: 0.0


@implementer(IDelivery)
@define(eq=False)
class Remote:
    """``renew`` is asked right before a message's final dot.

    :raises UsageError: a route in the settings is wrong.
    """

    _ground: Ground
    _settings: Relay
    _resolver: IResolver
    _blobs: IBlobs
    _renew: Renew
    _events: IEvents
    _routes: Routes = field(init=False)
    _means: Means = field(init=False)
    _lane: Lane = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lane = Lane(self._ground.reactor, "relay")
        self._furnish(self._settings)

    def _furnish(self, settings: Relay) -> None:
        ground = self._ground
        own = frozenset({ground.hostname.lower()})
        self._routes = Routes.parse(settings.routes, settings.port, settings.tls)
        candidates = Candidates(self._resolver, own, settings.allow_private)
        dialer = Dialer(ground.reactor, ground.hostname, settings, self._events)
        self._means = Means(candidates, dialer, Sessions(settings), settings)
        self._settings = settings

    def reload(self, settings: Relay) -> None:
        """Let new settings count for every attempt that begins from now on.

        :raises UsageError: a route is wrong; nothing has changed.
        """
        before = self._means
        self._furnish(settings)
        before.sessions.stop()

    async def deliver(self, lease: Lease, settle: Settle) -> None:
        """Settle each recipient when its fate is known, domains side by side."""
        try:
            message = await self._message(lease)
        except Damaged as error:
            text = f"the message cannot be read: {error}"
            everybody: dict[int, Fate] = {
                r.n: Deferred("4.3.0", text) for r in lease.recipients
            }
            await settle(lease, everybody)
            return
        works = [
            defer.Deferred.fromCoroutine(self._carry(lease, settle, message, load))
            for load in _loads(lease, self._settings.recipients)
        ]
        for _, result in await defer.DeferredList(works, consumeErrors=True):
            if isinstance(result, Failure) and not result.check(Fenced):
                result.raiseException()

    async def stop(self) -> None:
        """Take leave of every kept connection; the queue has stopped before."""
        self._means.sessions.stop()
        self._lane.stop()

    async def _message(self, lease: Lease) -> Message:
        content = Content(lease.blob, self._lane)
        await content.open(self._blobs)
        header, anything = await content.traits()
        utf8 = header and "smtputf8" in lease.envelope.marks
        if self._ground.signer is not None:
            marks, sender = lease.envelope.marks, lease.envelope.sender
            domain = sender.domain if sender is not None else ""
            fields = await self._ground.signer.signed(content.blob, marks, domain)
            content.prepend(fields)
        size = content.blob.size
        asked = Asked(lease.envelope.marks, self._ground.wall)
        return Message(content, size, anything, utf8, lambda: self._renew(lease), asked)

    async def _carry(
        self, lease: Lease, settle: Settle, message: Message, load: Load
    ) -> None:
        route, means = self._routes.find(load.domain), self._means
        try:
            hosts = await means.candidates.hosts(route)
        except Unroutable as error:
            await settle(lease, {r.n: error.outcome for r in load.recipients})
            return
        destination = Destination.of(hosts, route)
        async with means.sessions.slot(destination):
            settled = partial(settle, lease)
            journey = Journey(means, destination, route, message, load, settled)
            outcomes = await journey.travel(hosts)
        await settle(lease, outcomes)


def _loads(lease: Lease, most: int) -> Iterator[Load]:
    groups: dict[tuple[str, Address | None], list[Recipient]] = {}
    for recipient in lease.recipients:
        sender = recipient.sender or lease.envelope.sender
        groups.setdefault((recipient.address.domain, sender), []).append(recipient)
    for (domain, sender), recipients in groups.items():
        for start in range(0, len(recipients), most):
            yield Load(domain, sender, tuple(recipients[start : start + most]))
