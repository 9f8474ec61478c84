"""The house: one service that starts every part in order and stops it in order.

Start: sockets (before ``--uid``), data folder locked, directory, journal with its
clients' recovery, relay and search, doors. Stop: doors refuse and finish, queue,
search, store, journal's stop record, directory, lock. Either is logged.
"""

import ctypes
import gc
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from attrs import Factory, define, evolve, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from typing_extensions import override

from mailsuite.events.lines import STYLES
from mailsuite.events.metrics import Counts
from mailsuite.events.observers import Diagnostics
from mailsuite.events.record import Events
from mailsuite.events.sink import Sink
from mailsuite.house import gauges, reloading
from mailsuite.house.config import Loaded
from mailsuite.house.parts import Parts
from mailsuite.house.paths import Places, absolute, places
from mailsuite.house.sockets import Sockets, bind_local, bind_ports, wanted
from mailsuite.house.wiring import Ground, assemble
from mailsuite.journal.generation import Generation
from mailsuite.model.errors import UsageError, sentence
from mailsuite.net.lanes import Lane
from mailsuite.net.tasks import Tasks
from mailsuite.net.turns import Turns
from mailsuite.net.watchdog import Lag, Watchdog
from mailsuite.tls.contexts import Contexts

SWITCH_SECONDS = 0.0005
"""How long a thread of Python code may hold up the reactor."""
ARENAS = 2
"""Of malloc. With one for each thread a suite under load takes 178 MB, so 143."""
COLLECTED = (5_000, 2, 640)
"""Objects made before the young ones are searched for cycles, and so on.

A message leaves no cycles. A search over 20,000 objects that have grown a little older
takes 10 ms, and up to 20 on a busy machine; over 50,000 it took up to 90. One over all
takes as long with 10,000 jobs in memory, and finds next to nothing: it is rare.
"""
UMASK = 0o077
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS of prctl(2)
_M_ARENA_MAX = -8  # mallopt(3)

wall = getattr(time, "time")  # noqa: B009 - the one place that hands it out


@define(eq=False, slots=False, repr=False)
class House(Service):
    """A whole suite in this process; made by :func:`made`."""

    loaded: Loaded
    reactor: Any
    places: Places
    events: Events
    diagnostics: Diagnostics
    sockets: Sockets = field(factory=Sockets)
    contexts: Contexts | None = None
    parts: Parts | None = None
    ready: bool = False
    status: int = 0
    """What the process should exit with."""
    _generation: Generation | None = None
    _scratch: str = ""
    _starting: Deferred[None] | None = None
    _tasks: Tasks = field(factory=Tasks)
    _reloading: DeferredLock = field(factory=DeferredLock)
    _watchdog: Watchdog | None = None
    _lag: Lag = field(default=Factory(lambda self: Lag(self.reactor), takes_self=True))
    _told: list[Callable[["House"], None]] = field(factory=list)
    _failed: list[Callable[[str], object]] = field(factory=list)
    _log: Logger = field(factory=lambda: Logger(namespace="mailsuite.house"))

    def on_ready(self, call: Callable[["House"], None]) -> None:
        """Call it once ports answer."""
        self._told.append(call)

    def on_failure(self, call: Callable[[str], object]) -> None:
        """Call it with a sentence when the start failed."""
        self._failed.append(call)

    @override
    def setServiceParent(self, parent: Any) -> None:
        """Let twistd log through us."""
        if isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.diagnostics)
        Service.setServiceParent(self, parent)

    @override
    def privilegedStartService(self) -> None:
        Service.privilegedStartService(self)
        with self._opening():
            tree = absolute(self.loaded.tree, self.places.etc)
            raised_descriptors(tree.server.descriptors)
            self.contexts = Contexts(tree.tls)
            self.contexts.load()
            self.sockets = bind_ports(wanted(tree, self.places))

    @override
    def startService(self) -> None:
        Service.startService(self)
        if self.status:
            return  # the ports could not be had, and it was told
        harden()
        with self._opening():
            self._make_data()
            self._generation = Generation.begin(self.places.data)
            doors = wanted(absolute(self.loaded.tree, self.places.etc), self.places)
            self.sockets = bind_local(self.sockets, doors, self.places.control)
            with suppress(ValueError):  # not on the main thread: tests
                signal.signal(signal.SIGHUP, self._hung_up)
            self._starting = Deferred.fromCoroutine(self._start())
            _ = self._starting.addErrback(self._broke)

    @contextmanager
    def _opening(self) -> Iterator[None]:
        """Where a step of the start cannot be taken, say why and give up."""
        try:
            yield
        except (UsageError, OSError) as error:
            self.sockets.close()
            said = sentence(error) if isinstance(error, OSError) else str(error)
            self._broke(Failure(UsageError(said)))

    def _make_data(self) -> None:
        """Make the data folder; that of the assembly ``memory`` is thrown away."""
        if self.loaded.tree.server.assembly == "memory":
            fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - mkdtemp makes its own
            folder = tempfile.mkdtemp(prefix="mailsuite-", dir=fast)
            self.places = evolve(self.places, data=folder)
            self._scratch = folder
        os.makedirs(self.places.data, mode=0o700, exist_ok=True)

    async def _start(self) -> None:
        began = self.reactor.seconds()
        assert self._generation is not None
        tree = absolute(self.loaded.tree, self.places.etc)
        assert self.contexts is not None
        ground = Ground(
            self.reactor,
            wall,
            self.places,
            self.events,
            self._generation,
            self.sockets,
            self.contexts,
        )
        self.parts = assemble(ground, tree, self.reload, lambda: self.ready)
        await self.parts.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED)
        Turns(self.reactor).start()
        self._watchdog = watched(self.reactor, self.events)
        self._lag.start()
        shown(self.parts, self.events.counts, ground, self._lag)
        self.ready = True
        self.events.happened(
            "house.started",
            seconds=self.reactor.seconds() - began,
            generation=self._generation.number,
        )
        for call in self._told:
            call(self)

    def _broke(self, failure: Failure) -> None:
        """The start failed: say why, stop what runs, exit with 1."""
        self.status = 1
        if failure.check(UsageError):
            text = str(failure.value)
        else:
            text = f"the start failed: {failure.getErrorMessage()}"
            self._log.failure("the start failed", failure)
        self.events.happened("house.failed", reason=text)
        for call in self._failed:
            call(text)
        self.reactor.addSystemEventTrigger("after", "shutdown", self._exit)
        self.reactor.callWhenRunning(self._give_up)

    def _give_up(self) -> None:
        with suppress(ReactorNotRunning):
            self.reactor.stop()

    def _exit(self) -> None:
        self.events.stop()
        os._exit(self.status)

    @override
    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        began = self.reactor.seconds()
        clean = self.ready
        self.ready = False
        if self._watchdog is not None:
            self._watchdog.stop()
            self._lag.stop()
        await self._tasks.settled()
        if self.parts is not None:
            await self.parts.stop()
        if self._generation is not None:
            self._generation.finish(clean=clean)
        self.sockets.close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
        self.events.happened("house.stopped", seconds=self.reactor.seconds() - began)
        if clean:  # else twistd would end itself with the signal, and not with 0
            self.reactor._exitSignal = None  # noqa: SLF001 - there is no other way
        if not self.status:
            self.events.stop()

    def _hung_up(self, *_: object) -> None:
        self.reactor.callFromThread(
            lambda: self._tasks.launch("reload", self._reload_quietly())
        )

    async def _reload_quietly(self) -> None:
        with suppress(UsageError):  # told as an event
            await self.reload()

    async def reload(self) -> Sequence[str]:
        """Take over changed files; tells what waits for a restart.

        :raises UsageError: something is wrong, and everything stays as it was.
        """
        if self.parts is None:
            raise UsageError("the suite is still starting")
        told: Deferred[Sequence[str]] = Deferred()  # who asked may leave meanwhile
        self._tasks.launch("reload", self._reload_told(self.parts, told))
        return await told

    async def _reload_told(self, parts: Parts, told: Deferred[Sequence[str]]) -> None:
        async def alone() -> Sequence[str]:
            async with self._reloading:
                return await self._reload(parts)

        work = Deferred.fromCoroutine(alone())
        await work.chainDeferred(told)

    async def _reload(self, parts: Parts) -> Sequence[str]:
        lane = Lane(self.reactor, "reload")  # scripts may take seconds to check
        try:
            fresh = await lane.run(reloading.prepared, self.loaded)
            if not self.ready:
                raise UsageError("the suite is starting or stopping")
            reloading.commit(parts, fresh)
        except UsageError as error:
            self.events.happened("house.kept", reason=str(error))
            raise
        finally:
            lane.stop()
        restart = reloading.waiting(self.loaded.tree, fresh.loaded.tree)
        self.loaded = reloading.taken(self.loaded, fresh.loaded)
        self.events.style(fresh.tree.log.style)
        self.diagnostics.least(fresh.tree.log.level)
        self.events.reopen()
        self.events.happened("house.reloaded", restart=",".join(restart))
        return restart


def shown(parts: Parts, counts: Counts, ground: Ground, lag: Lag) -> None:
    """Let monitoring see levels."""
    gauges.queue(counts, parts.ways.queue.depth)
    gauges.doors(counts, parts.doors)
    gauges.certificate(counts, ground.contexts, ground.wall)
    gauges.snoozed(counts, parts.ways.filters.awakening.snoozed.waiting)
    gauges.reactor(counts, lag)


def watched(reactor: Any, events: Events) -> Watchdog:
    """Tell of every turn of the reactor that takes too long (security, law 2)."""
    watchdog = Watchdog(
        reactor,
        lambda took: events.happened("reactor.stalled", seconds=round(took, 3)),
    )
    events.counts.gauge(
        "reactor_worst_turn_seconds",
        "CPU seconds of the longest turn since the start",
        lambda: watchdog.worst,
    )
    watchdog.start()
    return watchdog


def harden() -> None:
    """Files for us alone, no core dumps, and no new privileges for children."""
    os.umask(UMASK)
    sys.setswitchinterval(SWITCH_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    with suppress(AttributeError):  # other systems' malloc has no arenas
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def raised_descriptors(wanted_: int) -> None:
    """Ask for so many open files, or as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted_ = min(wanted_, hard)
    if wanted_ > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted_, hard))


def log_target(target: str, places: Places) -> str:
    """Give where lines go: a daemon has no standard output."""
    if target != "stdout":
        return target
    with suppress(OSError):
        if os.fstat(1).st_rdev == os.stat(os.devnull).st_rdev:
            return os.path.join(places.data, "mailsuite.log")
    return target


def made(loaded: Loaded, reactor: Any, kind: type[House] = House) -> House:
    """Make the house of a configuration; nothing is opened yet."""
    reactor.seconds = time.monotonic
    where = places(loaded)
    tree = absolute(loaded.tree, where.etc)
    sink = Sink.to(reactor, reactor, lambda: log_target(tree.log.target, where))
    events = Events(wall, sink, render=STYLES[tree.log.style])
    diagnostics = Diagnostics(events, tree.log.level)
    return kind(loaded, reactor, where, events, diagnostics)
