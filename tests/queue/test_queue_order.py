"""Mail for an account reaches it in the order in which it was accepted."""

from random import Random
from threading import Event
from typing import ClassVar

from attrs import define, evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mailsuite.model.outcomes import Deferred, Delivered
from mailsuite.queue.blobs import MEMORY_OCTETS
from mailsuite.queue.schedule import STARTED
from tests.support.patience import PATIENCE_SECONDS
from tests.support.queue import House, Transport

TO, CHILD = "user@example.test", "enter@example.test"
OTHER, ELSEWHERE = "other@example.test", "user@else.example"
MANY = 2 * STARTED + 7
HANGING = 3_600.0  # seconds; a crash comes before


@define(eq=False)
class Hanging(Transport):
    """Delivers to the first ``parents`` and ``children``; the others hang."""

    parents: float = 0
    children: float = 0

    async def deliver(self, lease, settle):
        which = "children" if str(lease.recipients[0].address) == CHILD else "parents"
        left = getattr(self, which)
        if not left:
            await deferLater(reactor, HANGING)
        setattr(self, which, left - 1)
        await super().deliver(lease, settle)


class LivedCase(TestCase):
    """A test has ``house`` from its start to its stop."""

    async def live(self):
        await self.house.start()
        self.addCleanup(lambda: Pending.fromCoroutine(self.house.stop()))


class OrderTests(LivedCase):
    settings: ClassVar[dict] = {"local_deliveries": 1_000, "active_jobs": 10}

    async def setUp(self):
        self.local = Hanging()
        self.house = House(self.mktemp(), self.local, settings=self.settings)
        self.sent, self.seen, self.entered = [], [], []
        self.local.script = {TO: self.parent, CHILD: self.child}
        await self.live()

    def parent(self, lease, _recipient):
        if lease.id not in self.seen:  # what was not recorded yet is done again
            self.seen.append(lease.id)
        return Delivered("ok", (self.house.mail(CHILD, content=lease.id.encode()),))

    def child(self, lease, _recipient):
        parent = bytes(lease.blob.octets).decode()
        if parent not in self.entered:
            self.entered.append(parent)
        return Delivered("ok")

    async def accept(self, count):
        """Accept so many, each by a call of its own."""
        for _ in range(count):
            self.sent.append(await self.house.send(TO))

    async def large(self):
        """Accept one whose content is a file."""
        writer = self.house.blobs.create(0)
        writer.write(b"x" * (MEMORY_OCTETS + 1))
        mail = evolve(self.house.mail(TO), blob=await writer.close())
        self.sent += await self.house.queue.accept([mail])

    async def crash(self, parents=float("inf"), children=float("inf")):
        await self.house.crash()
        self.local.parents, self.local.children = parents, children
        self.house = await self.house.again()

    async def ended(self):
        await self.house.until(lambda: len(self.entered) == len(self.sent))
        self.assertEqual(self.seen, self.sent)
        self.assertEqual(self.entered, self.sent)

    async def test_running(self):
        """What is accepted one after another comes so, and so does what it brings."""
        self.local.parents = self.local.children = MANY
        await self.accept(MANY)
        await self.ended()

    async def test_replayed(self):
        """What a kill left open comes before what is accepted after it.

        Content in the journal, in files and in memory: none overtakes another.
        """
        for _ in range(3):
            await self.accept(MANY // 3)
            await self.large()
        await self.crash()
        await self.accept(5)
        await self.large()
        await self.accept(5)
        await self.ended()

    async def test_backlog(self):
        """It is so with more than is begun by the time that something new is accepted."""
        mail = [self.house.mail(TO) for _ in range(10 * MANY)]
        self.sent += await self.house.queue.accept(mail)
        await self.crash()
        await self.accept(5)
        await self.ended()

    async def test_rows(self):
        """What only rows know comes before what the journal knows and what is new."""
        await self.accept(MANY)
        await self.house.journal.checkpoint()
        await self.accept(5)
        await self.crash()
        await self.accept(5)
        await self.ended()

    async def test_children(self):
        """What a delivery brought about comes before what a later one does."""
        self.local.parents = 10
        await self.accept(MANY)
        await self.house.until(lambda: len(self.seen) == 10)
        await self.crash()
        await self.ended()

    async def test_mixed(self):
        """It is so however messages, deliveries, checkpoints and crashes mix."""
        random = Random(9671)

        for _ in range(8):
            for _ in range(random.randrange(4)):
                await self.accept(random.randrange(STARTED))
                if random.random() < 0.3:
                    await self.large()
                if random.random() < 0.3:
                    await self.house.journal.checkpoint()
            left = len(self.sent) - len(self.seen)
            parents = random.randrange(left + 1)
            await self.crash(parents, random.randrange(parents + 1))
        await self.crash()
        await self.accept(STARTED)
        await self.ended()


class ApartTests(LivedCase):
    """Content that takes long to read."""

    async def setUp(self):
        self.house = House(self.mktemp(), settings={"retry_first": 0.0})
        self.read = Event()
        await self.live()
        self.addCleanup(self.read.set)  # before the stop, which waits for it

    def hold(self):
        """Nothing is read from now on."""
        _ = self.house.queue._ledger.lane.run(self.read.wait, PATIENCE_SECONDS)

    async def leased(self):
        """Wait until somebody is about to deliver the only job."""
        (job,) = self.house.queue._ledger.jobs.values()
        await self.house.until(lambda: job.slots[0].lease)

    async def test_deferred(self):
        """What is accepted anew does not wait for what was deferred."""
        self.house.local.script = {TO: Deferred("4.2.1", "busy")}
        await self.house.send(TO)
        await self.house.until(lambda: self.house.local.seen)
        self.hold()
        await self.leased()
        await self.house.send(OTHER)
        await self.house.until(lambda: OTHER in self.house.local.seen)

    async def test_relayed(self):
        """What goes to another server does not wait for an account's content."""
        self.house.local.pause = HANGING
        await self.house.send(TO)
        await self.house.crash()
        self.house = House(self.house.folder)
        await self.house.start(run=False)
        self.hold()
        await self.house.queue.start()
        await self.leased()
        await self.house.send(OTHER)
        await self.house.send(ELSEWHERE)
        await self.house.until(lambda: self.house.relay.seen)
        self.assertEqual(self.house.local.seen, [])
        self.read.set()
        await self.house.until(lambda: len(self.house.local.seen) == 2)
        self.assertEqual(self.house.local.seen, [TO, OTHER])
