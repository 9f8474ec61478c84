"""What tests of the queue share: a scripted transport, a routing, a whole queue."""

import os
import shutil
import time

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.task import deferLater
from zope.interface import implementer

from mailsuite.interfaces.queueing import IDelivery, IRouting
from mailsuite.journal.disk import Disk
from mailsuite.model.address import Address
from mailsuite.model.envelope import Envelope, Recipient, Submission
from mailsuite.model.outcomes import Delivered
from mailsuite.net.lanes import Lane
from mailsuite.queue.blobs import Blobs
from mailsuite.queue.ledger import Ground
from mailsuite.queue.queue import Queue
from mailsuite.queue.settings import Settings
from tests.support.journal import Events, make
from tests.support.patience import PATIENCE_SECONDS


def address(text):
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


SENDER = address("sender@example.org")


@define(eq=False)
@implementer(IRouting)
class Routing:
    """example.test is ours."""

    async def transports(self, addresses):
        return [
            "local" if each.domain == "example.test" else "relay" for each in addresses
        ]


@define(eq=False)
@implementer(IDelivery)
class Transport:
    """Settles each recipient as ``script`` says; keeps what it was given."""

    script: dict = field(factory=dict)
    seen: list = field(factory=list)
    blobs: list = field(factory=list)
    pause: float = 0.0

    async def deliver(self, lease, settle):
        if self.pause:
            await deferLater(reactor, self.pause)
        for each in lease.recipients:
            self.seen.append(str(each.address))
            self.blobs.append(lease.blob)
            outcome = self.script.get(str(each.address), Delivered("ok"))
            if callable(outcome):
                outcome = outcome(lease, each)
            if outcome is not None:
                await settle(lease, {each.n: outcome})


class Wall:
    """A wall clock that a test can move."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


@define(eq=False, slots=False)
class House:
    """Journal, spool and queue on a folder, started and stopped together."""

    folder: str
    local: Transport = field(factory=Transport)
    relay: Transport = field(factory=Transport)
    events: Events = field(factory=Events)
    wall: Wall = field(factory=Wall)
    disk: Disk = field(factory=Disk)
    settings: dict = field(factory=dict)
    journal_settings: dict = field(factory=dict)
    clients: list = field(factory=list)
    routing: Routing = field(factory=Routing)

    async def start(self, run=True):
        os.makedirs(self.folder, exist_ok=True)
        self.journal = make(
            self.folder, self.disk, self.events, **self.journal_settings
        )
        self.lane = Lane(reactor, "blobs")
        self.blobs = Blobs(self.folder, self.lane, self.wall)
        ground = Ground(
            self.folder,
            self.journal,
            reactor,
            self.wall,
            self.events,
            self.blobs,
            "mx.example.test",
        )
        self.queue = Queue(
            ground,
            self.routing,
            {"local": self.local, "relay": self.relay},
            Settings(**{"min_free": 0, **self.settings}),
        )
        await self.journal.start([self.queue, *self.clients])
        if run:
            await self.queue.start()
        return self

    async def stop(self):
        await self.queue.stop()
        await self.journal.stop()
        self.queue.close()
        self.lane.stop()

    async def crash(self):
        """End without a word: what was not written is lost."""
        self.queue._ledger.flush()
        await self.journal.commit([])  # notes are written within half a second
        self.queue._schedule.halt()
        self.queue._space._loop and self.queue._space._loop.stop()
        await self.queue._space._tasks.settled()
        self.journal._checkpoints._loop.stop()
        await self.journal._checkpoints.stop()
        copy = f"{self.folder}.copy"
        shutil.copytree(self.folder, copy)
        await self.queue._schedule.stop(0.1)
        await self.journal.stop()
        self.queue.close()
        self.lane.stop()
        shutil.rmtree(self.folder)
        os.rename(copy, self.folder)

    async def again(self):
        """A new run on the same folder."""
        return await House(
            self.folder,
            self.local,
            self.relay,
            self.events,
            self.wall,
            self.disk,
            self.settings,
            self.journal_settings,
            self.clients,
            self.routing,
        ).start()

    def mail(self, *to, sender=SENDER, content=b"Subject: x\r\n\r\nbody\r\n", **more):
        recipients = tuple(Recipient(n, address(each)) for n, each in enumerate(to))
        blob = self.blobs.kept(content)
        return Submission(Envelope(sender, recipients), blob, **more)

    async def send(self, *to, **more):
        (name,) = await self.queue.accept([self.mail(*to, **more)])
        return name

    async def until(self, true, seconds=PATIENCE_SECONDS):
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise AssertionError("it did not come to pass")
            await deferLater(reactor, 0.01)

    async def quiet(self):
        """Wait until no job has an attempt to make now."""
        jobs = self.queue._ledger.jobs
        await self.until(
            lambda: not any(j.due(self.wall()) or not j.idle for j in jobs.values())
        )
