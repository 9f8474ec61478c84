"""The composition root: every part made and joined, in one place.

It opens nothing; ``Parts.start`` and ``Parts.stop`` have the order.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import frozen
from twisted.application.service import Service

from mailsuite.delivery import occasions
from mailsuite.delivery.local import LocalDelivery
from mailsuite.delivery.occasions import Routing
from mailsuite.directory.admin import Admin
from mailsuite.directory.keys import Keys
from mailsuite.directory.keysadmin import KeysAdmin
from mailsuite.directory.names import guessed
from mailsuite.directory.passwords import LANES, Argon2
from mailsuite.directory.registry import Registry, rules_of
from mailsuite.directory.state import State
from mailsuite.directory.turnover import Turnover
from mailsuite.dns.resolver import Resolver
from mailsuite.events.record import Events
from mailsuite.house import domains, filtering, resolving, sieves
from mailsuite.house.doctor.examination import Doctor, Practice
from mailsuite.house.doors import Doors, Hall
from mailsuite.house.filtering import Filters
from mailsuite.house.judging import Judging
from mailsuite.house.parts import Keeping, Parts, People, Ways, verify
from mailsuite.house.paths import Places
from mailsuite.house.publishing import Publishing
from mailsuite.house.sockets import Sockets
from mailsuite.house.tree import Tree
from mailsuite.http.api.calendars import Calendars as CalendarRoutes
from mailsuite.http.api.dkim import DKIM
from mailsuite.http.api.dns import DNS, Health
from mailsuite.http.api.house import Reloading, Search
from mailsuite.http.api.lists import Lists as ListRoutes
from mailsuite.http.api.people import People as PeopleRoutes
from mailsuite.http.api.queue import Queue as QueueRoutes
from mailsuite.http.api.reports import Reports as ReportRoutes
from mailsuite.http.api.scripts import Scripts as ScriptRoutes
from mailsuite.http.service import ControlService
from mailsuite.http.site import API, Watched
from mailsuite.interfaces.queueing import IDelivery
from mailsuite.journal.generation import Generation
from mailsuite.journal.journal import Ground as JournalGround
from mailsuite.journal.journal import Journal
from mailsuite.net.lanes import Lane, Lanes
from mailsuite.net.throttle import Throttle
from mailsuite.policy.authentication.ground import Ground as JudgingGround
from mailsuite.policy.reception import Ground as PolicyGround
from mailsuite.queue.blobs import Blobs
from mailsuite.queue.ledger import Ground as QueueGround
from mailsuite.queue.queue import Queue
from mailsuite.relay.remote import Ground as RelayGround
from mailsuite.relay.remote import Remote
from mailsuite.relay.signing import Signatures, Terms
from mailsuite.reports.archive import Archive
from mailsuite.reports.arriving import TRANSPORT
from mailsuite.reports.ground import Ground as ReportGround
from mailsuite.reports.service import ReportService, consumed
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


def assemble(
    ground: Ground,
    tree: Tree,
    reload: Callable[[], Awaitable[Sequence[str]]],
    ready: Callable[[], bool],
) -> Parts:
    """Make and join all parts. :raises UsageError: a setting cannot be used."""
    resolver = resolving.resolver(ground.reactor, tree.dns, ground.events)
    people = _people(ground, tree, resolver)
    keeping = _keeping(ground, tree, people)
    ways = _ways(ground, tree, people, keeping, resolver)
    folder = os.path.join(ground.places.data, "search")
    search = SearchService(
        ground.reactor, keeping.accounts, ground.events, folder, tree.search
    )
    doors = _doors(ground, tree, people, keeping, ways)
    control = _control(ground, people, keeping, ways, search, (reload, ready))
    parts = Parts(people, keeping, ways, search, doors, control)
    verify(parts, ground.events)
    return parts


def _keeping(ground: Ground, tree: Tree, people: People) -> Keeping:
    data, reactor = ground.places.data, ground.reactor
    journal = Journal(
        JournalGround(data, ground.generation.number, reactor, (data,)),
        ground.events,
        tree.journal,
    )
    accounts = Accounts(store_ground(ground, tree, people, journal), tree.store)
    return Keeping(journal, Blobs(data, Lane(reactor, "blobs"), ground.wall), accounts)


def store_ground(
    ground: Ground, tree: Tree, people: People, journal: Journal
) -> StoreGround:
    """What the store stands on."""
    return StoreGround(
        ground.reactor,
        ground.wall,
        ground.places.data,
        tree.server.hostname,
        ground.events,
        people.registry,
        journal,
    )


def _people(ground: Ground, tree: Tree, resolver: Resolver) -> People:
    memory = tree.server.assembly == "memory"
    path = ":memory:" if memory else ground.places.state
    state = State(path, Lane(ground.reactor, "state"), ground.events)
    names = consumed(tree.reports)
    rules = rules_of(tree.directory, tree.server.hostname, names)
    state.arrange(rules, domains.load(ground.places.domains))
    checker = Argon2(Lanes.of(ground.reactor, "password", LANES))
    registry = Registry(ground.reactor, state, checker, tree.directory)
    wall, events = ground.wall, ground.events
    keys = Keys(state, Lane(ground.reactor, "keys"), wall, events)
    keys.rearrange(tree.signing)
    changes = KeysAdmin(state, keys, wall)
    turnover = Turnover(ground.reactor, wall, changes, resolver, events, tree.signing)
    admin = Admin(state, checker, wall, events, keys)
    publishing = Publishing(tree, admin, keys, resolver)
    practice = Practice(
        ground.reactor, wall, ground.places, resolver, admin, publishing
    )
    return People(registry, admin, keys, changes, turnover, Doctor(tree, practice))


def _ways(
    ground: Ground, tree: Tree, people: People, keeping: Keeping, resolver: Resolver
) -> Ways:
    journal, blobs = keeping.journal, keeping.blobs
    registry = people.registry
    hostname = tree.server.hostname
    transports: dict[str, IDelivery] = {}
    queue = _queue(ground, tree, people, keeping, transports)
    keeping.accounts.pending = queue.pending
    signatures = _signatures(ground, tree, people)
    relay = Remote(
        RelayGround(ground.reactor, hostname, signatures, ground.wall),
        tree.relay,
        resolver,
        blobs,
        queue.renew,
        ground.events,
    )
    filters = _filters(ground, tree, people, keeping)
    local = LocalDelivery(keeping.accounts, registry, tree.delivery, filters.filing)
    reports = _reports(ground, tree, people, (queue, blobs, resolver))
    run = f"{ground.generation.number:x}-"
    below = store_ground(ground, tree, people, journal)
    attendance = filtering.attendance(below, filters, queue, run)
    transports |= {
        "local": reports.reading(local),
        "relay": relay,
        TRANSPORT: reports.consuming,
        occasions.TRANSPORT: attendance.transport,
    }
    return Ways(queue, local, relay, resolver, signatures, reports, filters, attendance)


def _queue(
    ground: Ground,
    tree: Tree,
    people: People,
    keeping: Keeping,
    transports: dict[str, IDelivery],
) -> Queue:
    return Queue(
        QueueGround(
            ground.places.data,
            keeping.journal,
            ground.reactor,
            ground.wall,
            ground.events,
            keeping.blobs,
            tree.server.hostname,
        ),
        Routing(people.registry),
        transports,
        tree.queue,
    )


def _filters(ground: Ground, tree: Tree, people: People, keeping: Keeping) -> Filters:
    files = domains.load(ground.places.domains)
    system = sieves.load(tree, files, ground.places.etc)
    below = store_ground(ground, tree, people, keeping.journal)
    stores = (keeping.accounts, keeping.blobs)
    return filtering.made(below, tree, ground.places.etc, stores, system)


def _reports(
    ground: Ground, tree: Tree, people: People, uses: tuple[Queue, Blobs, Resolver]
) -> ReportService:
    queue, blobs, resolver = uses

    async def ours() -> Sequence[str]:
        return [domain.name for domain in await people.admin.domains()]

    stands = ReportGround(
        ground.reactor,
        ground.wall,
        tree.server.hostname,
        ground.events,
        queue,
        blobs,
        people.registry,
        resolver,
        ours,
    )
    memory = tree.server.assembly == "memory"
    path = ":memory:" if memory else ground.places.reports
    archive = Archive(path, Lane(ground.reactor, "reports"), ground.events)
    return ReportService(stands, tree.reports, archive)


def terms(tree: Tree) -> Terms:
    """How mail is signed, by whom, and in whose name we find out about mail."""
    hostname = tree.server.hostname
    return Terms.of(tree.signing, hostname, tree.authentication.authserv_id)


def _signatures(ground: Ground, tree: Tree, people: People) -> Signatures:
    return Signatures(
        people.keys,
        Lane(ground.reactor, "signing"),
        ground.wall,
        ground.events,
        terms(tree),
    )


def _doors(
    ground: Ground, tree: Tree, people: People, keeping: Keeping, ways: Ways
) -> Doors:
    registry, accounts, blobs = people.registry, keeping.accounts, keeping.blobs
    hall = Hall(
        ground.reactor,
        registry,
        accounts,
        blobs,
        ways.filters.scripts,
        ways.attendance.happenings,
        ground.contexts,
        Throttle(ground.reactor.seconds, spelled=guessed),
        ground.events,
        f"{ground.generation.number:x}-",
    )
    policy = PolicyGround(
        blobs,
        ways.queue,
        registry,
        accounts,
        ground.events,
        ground.wall,
        tree.server.hostname,
        "",
    )
    judging = _judging(ground, tree, ways)
    doors = Doors(hall, policy, ground.sockets, judging)
    doors.build(tree)
    return doors


def _judging(ground: Ground, tree: Tree, ways: Ways) -> Judging:
    files = domains.load(ground.places.domains)
    stands = JudgingGround(
        ground.reactor,
        ground.wall,
        ways.resolver,
        ground.events,
        tree.server.hostname,
        ways.reports,
    )
    return Judging(stands, files.authentication)


def _control(
    ground: Ground,
    people: People,
    keeping: Keeping,
    ways: Ways,
    search: SearchService,
    house: tuple[Callable[[], Awaitable[Sequence[str]]], Callable[[], bool]],
) -> Service:
    reload, ready = house
    routes = [
        *PeopleRoutes(people.admin).routes(),
        *DKIM(people.changes).routes(),
        *DNS(people.doctor.publishing).routes(),
        *Health(people.doctor).routes(),
        *QueueRoutes(ways.queue).routes(),
        *ReportRoutes(ways.reports.desk).routes(),
        *ScriptRoutes(
            people.registry, ways.filters.scripts, ways.filters.replaying
        ).routes(),
        *CalendarRoutes(people.registry, ways.filters.agenda).routes(),
        *ListRoutes(people.registry, keeping.accounts).routes(),
        *Search(people.registry, search).routes(),
        *Reloading(reload).routes(),
    ]
    watched = Watched(ground.events.counts.scrape, ready)
    (bound,) = ground.sockets.control
    site = API(routes, watched, ground.events).site(ground.reactor)
    return ControlService(ground.reactor, bound, site)
