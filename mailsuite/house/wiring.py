"""The composition root: every part made and joined, in one place.

``assemble`` opens nothing; :meth:`Parts.start` and :meth:`Parts.stop` have the order.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from zope.interface import Interface, Invalid
from zope.interface.verify import verifyObject

from mailsuite.delivery.local import LocalDelivery
from mailsuite.directory.admin import Admin
from mailsuite.directory.passwords import LANES, Argon2
from mailsuite.directory.registry import Registry, rules_of
from mailsuite.directory.state import State
from mailsuite.dns.resolver import Resolver
from mailsuite.events.record import Events
from mailsuite.house import domains
from mailsuite.house.doors import Doors, Hall
from mailsuite.house.paths import Places
from mailsuite.house.sockets import Sockets
from mailsuite.house.tree import Tree
from mailsuite.http.api.house import Reloading, Search
from mailsuite.http.api.people import People
from mailsuite.http.api.queue import Queue as QueueRoutes
from mailsuite.http.service import ControlService
from mailsuite.http.site import API, Watched
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.changes import IChanges
from mailsuite.interfaces.directory import IDirectory, IDirectoryAdmin
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import IJournal, IJournalClient
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.queueing import IDelivery, IQueue, IRouting
from mailsuite.interfaces.resolving import IResolver
from mailsuite.interfaces.searching import ISearchIndex
from mailsuite.journal.generation import Generation
from mailsuite.journal.journal import Ground as JournalGround
from mailsuite.journal.journal import Journal
from mailsuite.model.errors import UsageError
from mailsuite.net.lanes import Lane, Lanes
from mailsuite.net.throttle import Throttle
from mailsuite.policy.reception import Ground as PolicyGround
from mailsuite.queue.ledger import Ground as QueueGround
from mailsuite.queue.queue import Queue
from mailsuite.queue.spool import Spool
from mailsuite.relay.remote import Ground as RelayGround
from mailsuite.relay.remote import Remote
from mailsuite.search.service import SearchService
from mailsuite.store.accounts import Accounts
from mailsuite.store.accounts import Ground as StoreGround
from mailsuite.tls.contexts import Contexts


@frozen(eq=False)
class Ground:
    """What a house stands on."""

    reactor: Any
    wall: Callable[[], float]
    places: Places
    events: Events
    generation: Generation
    sockets: Sockets
    contexts: Contexts


@define(eq=False, repr=False)
class Parts:
    """Everything that runs. Started and stopped in the order of the fields."""

    registry: Registry
    admin: Admin
    journal: Journal
    blobs: Spool
    accounts: Accounts
    queue: Queue
    resolver: Resolver
    relay: Remote
    local: LocalDelivery
    search: SearchService
    contexts: Contexts
    doors: Doors
    control: Service
    _serving: list[Service] = field(factory=list)
    _log: Logger = field(factory=lambda: Logger(namespace="mailsuite.house"))

    async def start(self) -> None:
        """Recover what the last run left, then open the doors."""
        await self.registry.start()
        await self.journal.start([self.queue, self.accounts])
        self.accounts.start()
        await self.queue.start()
        for service in (self.search, *self.doors.services, self.control):
            self._serving.append(service)
            service.startService()

    async def stop(self) -> None:
        """Refuse new work and finish what is in hand; the journal last."""
        serving, self._serving = self._serving, []
        leaving = [
            maybeDeferred(service.stopService)
            for service in serving
            if service is not self.search
        ]
        for left in leaving:
            await left
        if self.search in serving:
            await maybeDeferred(self.search.stopService)
        await self.queue.stop()
        await self.relay.stop()
        self.local.close()
        await self.accounts.stop()
        await self.journal.stop()
        self.queue.close()
        self.blobs.lane.stop()
        await self.registry.stop()


def assemble(
    ground: Ground,
    tree: Tree,
    reload: Callable[[], Awaitable[Sequence[str]]],
    ready: Callable[[], bool],
) -> Parts:
    """Make and join all parts. :raises UsageError: a setting cannot be used."""
    os.umask(0o077)
    registry, admin = _directory(ground, tree)
    journal = Journal(
        JournalGround(
            ground.places.data,
            ground.generation.number,
            ground.reactor,
            (ground.places.data,),
        ),
        ground.events,
        tree.journal,
    )
    accounts = Accounts(
        StoreGround(
            ground.reactor,
            ground.wall,
            ground.places.data,
            tree.server.hostname,
            ground.events,
            registry,
            journal,
        ),
        tree.store,
    )
    blobs = Spool(ground.places.data, Lane(ground.reactor, "spool"), ground.wall)
    queue, relay, local, resolver = _queue(
        ground, tree, registry, accounts, (journal, blobs)
    )
    search = SearchService(
        ground.reactor,
        accounts,
        ground.events,
        os.path.join(ground.places.data, "search"),
        tree.search,
    )
    doors = _doors(ground, tree, registry, accounts, (queue, blobs))
    control = _control(ground, admin, queue, search, (reload, ready))
    parts = Parts(
        *(registry, admin, journal, blobs, accounts, queue, resolver, relay, local),
        *(search, ground.contexts, doors, control),
    )
    verify(parts, ground.events)
    return parts


def _directory(ground: Ground, tree: Tree) -> tuple[Registry, Admin]:
    memory = tree.server.assembly == "memory"
    path = ":memory:" if memory else ground.places.state
    state = State(path, Lane(ground.reactor, "state"), ground.events)
    state.arrange(rules_of(tree.directory), domains.load(ground.places.domains))
    checker = Argon2(Lanes.of(ground.reactor, "password", LANES))
    registry = Registry(ground.reactor, state, checker, tree.directory)
    return registry, Admin(state, checker, ground.wall, ground.events)


def _queue(
    ground: Ground,
    tree: Tree,
    registry: Registry,
    accounts: Accounts,
    kept: tuple[Journal, Spool],
) -> tuple[Queue, Remote, LocalDelivery, Resolver]:
    journal, blobs = kept
    hostname = tree.server.hostname
    transports: dict[str, IDelivery] = {}
    queue = Queue(
        QueueGround(
            ground.places.data,
            journal,
            ground.reactor,
            ground.wall,
            ground.events,
            blobs,
        ),
        registry,
        transports,
        evolve(tree.queue, hostname=hostname),
    )
    resolver = Resolver.of(ground.reactor, tree.dns)
    relay = Remote(
        RelayGround(ground.reactor, hostname),
        tree.relay,
        resolver,
        blobs,
        queue.renew,
        ground.events,
    )
    local = LocalDelivery(accounts, registry, tree.delivery)
    transports |= {"local": local, "relay": relay}
    return queue, relay, local, resolver


def _doors(
    ground: Ground,
    tree: Tree,
    registry: Registry,
    accounts: Accounts,
    taking: tuple[Queue, Spool],
) -> Doors:
    queue, blobs = taking
    hall = Hall(
        ground.reactor,
        registry,
        accounts,
        blobs,
        ground.contexts,
        Throttle(ground.reactor.seconds),
        ground.events,
        f"{ground.generation.number:x}-",
    )
    policy = PolicyGround(
        blobs,
        queue,
        registry,
        accounts,
        ground.events,
        ground.wall,
        tree.server.hostname,
        "",
    )
    doors = Doors(hall, policy, ground.sockets)
    doors.build(tree)
    return doors


def _control(
    ground: Ground,
    admin: Admin,
    queue: Queue,
    search: SearchService,
    house: tuple[Callable[[], Awaitable[Sequence[str]]], Callable[[], bool]],
) -> Service:
    reload, ready = house
    routes = [
        *People(admin).routes(),
        *QueueRoutes(queue).routes(),
        *Search(search).routes(),
        *Reloading(reload).routes(),
    ]
    watched = Watched(ground.events.counts.text, ready)
    (bound,) = ground.sockets.control
    site = API(routes, watched, ground.events).site(ground.reactor)
    return ControlService(ground.reactor, bound, site)


def verify(parts: Parts, events: Events) -> None:
    """Prove that each part provides what it says.

    :raises UsageError: a broken plug stops the house and not the mail.
    """
    provided: dict[Any, tuple[type[Interface], ...]] = {
        parts.registry: (IDirectory, IRouting),
        parts.admin: (IDirectoryAdmin,),
        parts.journal: (IJournal,),
        parts.blobs: (IBlobs,),
        parts.accounts: (IAccounts, IChanges, IJournalClient),
        parts.queue: (IQueue, IJournalClient),
        parts.resolver: (IResolver,),
        parts.relay: (IDelivery,),
        parts.local: (IDelivery,),
        parts.search: (ISearchIndex,),
        events: (IEvents,),
    }
    for part, interfaces in provided.items():
        for interface in interfaces:
            try:
                verifyObject(interface, part)
            except Invalid as error:
                said = str(error).rpartition(interface.__name__)[2]
                raise UsageError(
                    f"{type(part).__name__} does not provide {interface.__name__}{said}"
                ) from error
