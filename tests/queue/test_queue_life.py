"""A queue on its journal: what is accepted is delivered, deferred, sent back."""

import errno
import os
from typing import ClassVar

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mailsuite.interfaces.journal import IJournalClient
from mailsuite.interfaces.queueing import IQueue
from mailsuite.model.envelope import FILED, Blob, Once, Recipient
from mailsuite.model.errors import NoSpace, UsageError
from mailsuite.model.outcomes import Deferred, Delivered, Expanded, Failed
from mailsuite.queue.recover import Recovery
from mailsuite.queue.settings import Settings
from tests.support.journal import Failing
from tests.support.queue import House, address

BUSY = Deferred("4.2.1", "busy")
DEAD = Deferred("4.4.1", "no answer")
GONE = Failed("5.1.1", "nobody")


def there(path):
    """Whether there is such a file."""
    return os.path.exists(path)


async def failing(house, pause):
    """Accept mail that fails after a while, and that somebody asks for."""
    house.local.pause = pause
    house.local.script["a@example.test"] = GONE
    mail = evolve(house.mail("a@example.test"), awaited=True)
    (name,) = await house.queue.accept([mail])
    return name


def run(method):
    """Let a coroutine be a test; the house is stopped after it."""

    def test(self):
        return Pending.fromCoroutine(self.lived(method))

    test.__doc__ = method.__doc__
    test.__name__ = method.__name__
    return test


class QueueCase(TestCase):
    settings: ClassVar[dict] = {}

    def setUp(self):
        self.house = House(self.mktemp(), settings=dict(self.settings))

    async def lived(self, method):
        await self.house.start()
        try:
            await method(self, self.house)
        finally:
            await self.house.stop()

    async def again(self, how):
        await (self.house.crash() if how == "crash" else self.house.stop())
        self.house = await self.house.again()
        return self.house


class LifeTests(QueueCase):
    @run
    async def test_provides(self, house):
        """It is the queue of the interfaces and a client of the journal."""
        verifyObject(IQueue, house.queue)
        verifyObject(IJournalClient, house.queue)

    @run
    async def test_ways(self, house):
        """Each recipient goes its way; who was told remembers the outcome."""
        name = await house.send("a@example.test", "b@else.example")
        self.assertEqual(await house.queue.outcome(name, 0, 5), Delivered("ok"))
        self.assertEqual(await house.queue.outcome(name, 1, 5), Delivered("ok"))
        self.assertEqual(house.local.seen, ["a@example.test"])
        self.assertEqual(house.relay.seen, ["b@else.example"])
        await house.quiet()
        self.assertEqual(await house.queue.show(name), [])
        self.assertEqual(house.queue._ledger.octets, 0)

    @run
    async def test_unknown(self, house):
        """Nothing is known of a job that never was."""
        self.assertIsNone(await house.queue.outcome("0G1G200", 0, 0.1))

    @run
    async def test_late(self, house):
        """The outcome of an open recipient is None when the time is over."""
        house.local.pause = 0.5
        name = await house.send("a@example.test")
        self.assertIsNone(await house.queue.outcome(name, 0, 0.05))
        self.assertEqual(await house.queue.outcome(name, 0, 5), Delivered("ok"))

    @run
    async def test_deferred(self, house):
        """A deferred recipient is tried again when it is due, not before."""
        house.local.script["a@example.test"] = BUSY
        name = await house.send("a@example.test")
        self.assertIsNone(await house.queue.outcome(name, 0, 5))
        (row,) = await house.queue.show(name)
        self.assertEqual((row.state, row.attempts), ("deferred", 1))
        self.assertEqual(row.last, "4.2.1 busy")
        self.assertTrue(40 < row.due - house.wall() < 80)
        house.local.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: len(house.local.seen) == 2)
        self.assertEqual(house.local.blobs[1].octets, house.local.blobs[0].octets)
        await house.quiet()
        self.assertEqual(await house.queue.show(name), [])

    @run
    async def test_unsettled(self, house):
        """What a transport leaves unsettled is deferred."""
        house.local.script["a@example.test"] = None
        name = await house.send("a@example.test")
        self.assertIsNone(await house.queue.outcome(name, 0, 5))
        (row,) = await house.queue.show(name)
        self.assertEqual(row.attempts, 1)

    @run
    async def test_broken_transport(self, house):
        """A transport that raises defers its recipients and stops nobody else."""

        def broken(lease, recipient):
            raise RuntimeError("broken")

        house.local.script["a@example.test"] = broken
        name = await house.send("a@example.test")
        self.assertIsNone(await house.queue.outcome(name, 0, 5))
        other = await house.send("b@example.test")
        self.assertEqual(await house.queue.outcome(other, 0, 5), Delivered("ok"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        (row,) = await house.queue.show(name)
        self.assertEqual(row.state, "deferred")

    @run
    async def test_failed(self, house):
        """A failure is told to the sender, with a null reverse-path."""
        house.relay.script["b@else.example"] = GONE
        name = await house.send("b@else.example")
        self.assertEqual(await house.queue.outcome(name, 0, 5), GONE)
        await house.until(lambda: "sender@example.org" in house.relay.seen)
        notice = house.relay.blobs[-1].octets
        self.assertIn(b"multipart/report", notice)
        self.assertIn(b"5.1.1", notice)
        self.assertIn(b"Subject: x", notice)
        self.assertEqual(len(house.events.named("queue.bounced")), 1)

    @run
    async def test_null(self, house):
        """Nothing is ever told to the null sender."""
        house.relay.script["b@else.example"] = GONE
        name = await house.send("b@else.example", sender=None)
        self.assertEqual(await house.queue.outcome(name, 0, 5), GONE)
        await house.quiet()
        self.assertEqual(house.relay.seen, ["b@else.example"])
        self.assertEqual(len(house.events.named("queue.discarded")), 1)

    @run
    async def test_told_once(self, house):
        """A failure that is told to who hands over is not sent back as well."""
        for pause in (0.0, 0.2):  # settled before it is asked for, and after
            name = await failing(house, pause)
            self.assertEqual(await house.queue.outcome(name, 0, 5), GONE)
        await house.quiet()
        self.assertEqual(house.relay.seen, [])
        self.assertEqual(house.queue._ledger.outcomes._asked, set())

    @run
    async def test_told_too_late(self, house):
        """Who heard that it is open is not told later: the sender is."""
        name = await failing(house, 0.3)
        self.assertIsNone(await house.queue.outcome(name, 0, 0.05))
        await house.until(lambda: "sender@example.org" in house.relay.seen)

    @run
    async def test_left(self, house):
        """Who left while waiting is not told, so the sender is; nothing stays."""
        name = await failing(house, 0.3)
        waiting = Pending.fromCoroutine(house.queue.outcome(name, 0, 5))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(house.queue._ledger.outcomes._asked, set())
        await house.until(lambda: "sender@example.org" in house.relay.seen)

    @run
    async def test_reload(self, house):
        """Other settings count for what comes from now on."""
        fresh = Settings(retry_first=1000.0, domain_deliveries=1)
        house.queue.reload(fresh)
        house.local.script["a@example.test"] = BUSY
        name = await house.send("a@example.test")
        self.assertIsNone(await house.queue.outcome(name, 0, 5))
        (row,) = await house.queue.show(name)
        self.assertTrue(800 < row.due - house.wall() < 1200)
        line = house.queue._schedule.lines.line("relay", "x.example")
        self.assertEqual(line.limit, 1)

    @run
    async def test_never(self, house):
        """NOTIFY=NEVER is honoured."""
        house.relay.script["b@else.example"] = GONE
        mail = house.mail("b@else.example")
        to = Recipient(0, address("b@else.example"), notify="NEVER")
        envelope = type(mail.envelope)(mail.envelope.sender, (to,))
        mail = type(mail)(envelope, mail.blob)
        (name,) = await house.queue.accept([mail])
        self.assertEqual(await house.queue.outcome(name, 0, 5), GONE)
        await house.quiet()
        self.assertEqual(house.relay.seen, ["b@else.example"])

    @run
    async def test_only_the_header(self, house):
        """A notice gives the header back, also where the content has none of its own."""
        house.relay.script["b@else.example"] = GONE
        for prefix, content in (
            (b"Received: us\r\n\r\n", b"Secret.\r\n\r\nMore.\r\n"),
            (b"Received: us\r\n", b"\r\nSecret.\r\n\r\nMore.\r\n"),
            (b"Received: us\r\n", b"\r\n" + b"Secret.\r\n" * 20_000),
        ):
            mail = house.mail("b@else.example")
            blob = Blob("k", len(prefix) + len(content), content, prefix)
            await house.queue.accept([evolve(mail, blob=blob)])
            await house.quiet()
            notice = house.relay.blobs[-1].octets
            self.assertIn(b"Received: us", notice)
            self.assertNotIn(b"Secret", notice)

    @run
    async def test_expired(self, house):
        """What could not be delivered in time goes back."""
        house.relay.script["b@else.example"] = DEAD
        name = await house.send("b@else.example")
        await house.queue.outcome(name, 0, 5)
        house.wall.ahead = 6 * 86_400
        await house.until(lambda: "sender@example.org" in house.relay.seen)
        self.assertIn(b"4.4.7", house.relay.blobs[-1].octets)
        self.assertEqual(await house.queue.show(name), [])

    @run
    async def test_warned(self, house):
        """After some hours the sender is told once of the delay."""
        house.relay.script["b@else.example"] = BUSY
        name = await house.send("b@else.example")
        await house.queue.outcome(name, 0, 5)
        for hours in (5, 10, 15):
            house.wall.ahead = hours * 3_600
            tries = house.relay.seen.count("b@else.example")
            await house.until(
                lambda n=tries: house.relay.seen.count("b@else.example") > n
            )
            await house.quiet()
        self.assertEqual(house.relay.seen.count("sender@example.org"), 1)
        index = house.relay.seen.index("sender@example.org")
        self.assertIn(b"Action: delayed", house.relay.blobs[index].octets)

    @run
    async def test_full_stranger(self, house):
        """That a mailbox was full is not told to an address that may be forged."""
        house.local.script["a@example.test"] = Deferred("4.2.2", "full")
        name = await house.send("a@example.test")
        await house.queue.outcome(name, 0, 5)
        house.wall.ahead = 6 * 86_400
        await house.until(lambda: house.events.named("queue.failed"))
        await house.quiet()
        self.assertEqual(house.relay.seen, [])

    @run
    async def test_full_ours(self, house):
        """A sender who is a user of ours finds the notice in his own mailbox."""
        house.local.script["a@example.test"] = Deferred("4.2.2", "full")
        await house.send("a@example.test", sender=address("b@example.test"))
        await house.quiet()
        house.wall.ahead = 6 * 86_400
        await house.until(lambda: "b@example.test" in house.local.seen)

    @run
    async def test_expanded(self, house):
        """An alias becomes new recipients; those the job has are left out."""
        targets = ("c@example.test", "b@else.example", "a@example.test")
        house.local.script["a@example.test"] = Expanded(
            tuple(Recipient(0, address(each)) for each in targets)
        )
        await house.send("a@example.test", "b@else.example")
        await house.until(lambda: "c@example.test" in house.local.seen)
        await house.quiet()
        self.assertEqual(house.relay.seen, ["b@else.example"])
        self.assertEqual(house.local.seen, ["a@example.test", "c@example.test"])
        self.assertEqual(house.queue._ledger.jobs, {})

    @run
    async def test_loop(self, house):
        """Aliases that go on for ever end after twenty."""

        def further(lease, recipient):
            number = int(recipient.address.local[1:]) + 1
            return Expanded((Recipient(0, address(f"a{number}@example.test")),))

        for n in range(40):
            house.local.script[f"a{n}@example.test"] = further
        await house.send("a0@example.test")
        await house.until(lambda: house.events.named("queue.failed"))
        self.assertEqual(len(house.local.seen), 21)
        self.assertEqual(house.events.named("queue.failed")[0]["status"], "5.4.6")

    @run
    async def test_spawn(self, house):
        """Children of an outcome are jobs of their own."""
        child = house.mail("z@else.example", content=b"child")
        house.local.script["a@example.test"] = Delivered("ok", (child,))
        await house.send("a@example.test")
        await house.until(lambda: house.relay.seen == ["z@else.example"])
        self.assertEqual(house.relay.blobs[0].octets, b"child")

    @run
    async def test_once(self, house):
        """The same action handed over again gets the same id."""
        once = Once("0G1G200", 0, 1)
        first = await house.send("a@example.test", once=once)
        second = await house.send("a@example.test", once=once)
        await house.quiet()
        self.assertEqual(first, second)
        self.assertEqual(house.local.seen, ["a@example.test"])

    @run
    async def test_fenced(self, house):
        """A lease that is over settles nothing, and is not renewed."""
        leases = []

        def keep(lease, recipient):
            leases.append(lease)
            return BUSY

        house.relay.script["b@else.example"] = keep
        await house.send("b@else.example")
        await house.until(lambda: leases)
        await house.quiet()
        queue = house.queue
        self.assertFalse(await queue.settle(leases[0], {0: Delivered()}))
        self.assertFalse(await queue.renew(leases[0]))

    @run
    async def test_dead_host(self, house):
        """A dead host costs one probe, however much waits for it."""
        house.relay.script["b@else.example"] = DEAD
        await house.send("b@else.example")
        await house.quiet()
        for _ in range(5):
            await house.send("b@else.example")
        await house.send("c@other.example")
        await house.until(lambda: "c@other.example" in house.relay.seen)
        await house.quiet()
        self.assertEqual(house.relay.seen.count("b@else.example"), 1)
        house.relay.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: house.relay.seen.count("b@else.example") >= 2)
        house.wall.ahead = 200
        await house.until(lambda: house.relay.seen.count("b@else.example") == 7)

    @run
    async def test_stop_during(self, house):
        """What is under way when the house stops is delivered or kept."""
        house.local.pause = 0.3
        await house.send("a@example.test")
        house = await self.again("stop")
        await house.quiet()
        self.assertEqual(house.queue._ledger.jobs, {})
        self.assertEqual(house.local.seen, ["a@example.test"])

    @run
    async def test_full_disk(self, house):
        """With little room on the disk nothing is accepted; it heals by itself."""
        ledger = house.queue._ledger
        old = ledger.settings
        ledger.settings = type(old)(min_free=1 << 60)
        await house.until(lambda: house.queue._space.full)
        with self.assertRaises(NoSpace):
            await house.send("a@example.test")
        ledger.settings = old
        await house.until(lambda: not house.queue._space.full)
        await house.send("a@example.test")


class CrowdTests(QueueCase):
    settings: ClassVar[dict] = {"memory_jobs": 2, "patience": 0.5}

    @run
    async def test_waits(self, house):
        """With too much undelivered a sender waits, and then gets NoSpace."""
        house.local.pause = 0.3
        await house.send("a@example.test")
        await house.send("b@example.test")
        await house.send("c@example.test")
        house.local.pause = 2
        await house.send("d@example.test")
        with self.assertRaises(NoSpace):
            for _ in range(3):
                await house.send("e@example.test")


class KeptTests(QueueCase):
    """Jobs that outlive their journal segment."""

    async def deferred(self, house, count=3):
        """Some jobs that wait, in rows and spool files."""
        names = []
        for n in range(count):
            house.relay.script[f"b{n}@else{n}.example"] = DEAD
            names.append(
                await house.send(f"b{n}@else{n}.example", f"a{n}@example.test")
            )
        await house.quiet()
        await house.journal.checkpoint()
        return names

    def files(self, kind="spool"):
        top = os.path.join(self.house.folder, kind)
        return sorted(f for _, _, files in os.walk(top) for f in files)

    @run
    async def test_leaves(self, house):
        """After a checkpoint a deferred job rests in rows and spool."""
        names = await self.deferred(house)
        self.assertEqual(house.queue._ledger.jobs, {})
        self.assertEqual(self.files(), sorted(names))
        page = await house.queue.browse("", 10)
        self.assertEqual([row.id for row in page.rows], sorted(names))
        self.assertEqual({row.attempts for row in page.rows}, {1})

    @run
    async def test_comes_back(self, house):
        """When it is due it is delivered, and nothing of it stays."""
        names = await self.deferred(house)
        house.relay.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: len(house.relay.seen) == 6)
        self.assertEqual(
            {blob.octets for blob in house.relay.blobs}, {b"Subject: x\r\n\r\nbody\r\n"}
        )
        await house.quiet()
        await house.journal.checkpoint()
        self.assertEqual(self.files(), [])
        self.assertEqual((await house.queue.browse("", 10)).rows, ())
        self.assertEqual(await house.queue.show(names[0]), [])
        self.assertEqual(len(house.local.seen), 3)

    @run
    async def test_kept_crash(self, house):
        """A crash loses no kept job and repeats none that was sent."""
        await self.deferred(house)
        house.relay.script = {"b2@else2.example": BUSY}
        house.wall.ahead = 100
        await house.until(lambda: len(house.relay.seen) == 6)
        await house.quiet()
        house = await self.again("crash")
        page = await house.queue.browse("", 10)
        self.assertEqual([str(row.address) for row in page.rows], ["b2@else2.example"])
        self.assertEqual(page.rows[0].attempts, 2)
        house.relay.script.clear()
        house.wall.ahead = 1_000
        await house.until(lambda: len(house.relay.seen) == 7)
        await house.quiet()
        self.assertEqual((await house.queue.browse("", 10)).rows, ())

    @run
    async def test_corrupt_file(self, house):
        """A damaged spool file is set aside; the others are delivered."""
        names = await self.deferred(house)
        path = house.queue._returns.files.path(names[1])
        with open(path, "r+b") as file:  # noqa: ASYNC230 - a test's small file
            file.seek(20)
            file.write(b"\xff")
        house.relay.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: house.events.named("queue.corrupt"))
        await house.until(lambda: len(house.relay.seen) == 5)
        self.assertIn(f"queue-{names[1]}", self.files("corrupt"))
        await house.quiet()
        self.assertEqual((await house.queue.browse("", 10)).rows, ())

    @run
    async def test_corrupt_rows(self, house):
        """A broken queue.db is set aside and made again of the spool."""
        names = await self.deferred(house)
        await house.stop()
        with open(f"{house.folder}/queue.db", "r+b") as file:  # noqa: ASYNC230 - same
            file.write(b"garbage" * 1000)
        self.house = house = await house.again()
        house.relay.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: len(house.relay.seen) == 6)
        self.assertEqual(len(house.events.named("queue.corrupt")), 1)
        self.assertEqual(len(names), 3)

    @run
    async def test_rows_out_of_reach(self, house):
        """A whole queue.db that cannot be opened now is not set aside."""
        names = await self.deferred(house)
        await house.stop()
        ledger = house.queue._ledger
        recovery = Recovery(ledger, None, None, None)
        wal = f"{house.folder}/queue.db-wal"
        os.mkdir(wal)
        with self.assertRaisesRegex(UsageError, "unable to open"):
            recovery._open_rows()
        ledger.rows.close()
        os.rmdir(wal)
        self.house = house = await house.again()
        self.assertEqual(house.events.named("queue.corrupt"), [])
        self.assertEqual(
            {row.id for row in (await house.queue.browse("", 10)).rows}, set(names)
        )

    @run
    async def test_backoff_kept(self, house):
        """Back-off of a dead host outlives a restart."""
        await self.deferred(house, 1)
        await deferLater(reactor, 1.2)
        house = await self.again("stop")
        await house.send("b0@else0.example")
        await house.until(lambda: house.relay.seen)
        await deferLater(reactor, 0.2)
        self.assertEqual(house.relay.seen, ["b0@else0.example"])

    @run
    async def test_people(self, house):
        """Kept jobs can be held, released, retried and removed."""
        names = await self.deferred(house)
        queue = house.queue
        self.assertEqual(await queue.change([names[0]], "hold"), 1)
        self.assertEqual((await queue.show(names[0]))[0].state, "held")
        house.relay.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: len(house.relay.seen) == 5)
        await house.quiet()
        await house.journal.checkpoint()
        self.assertEqual((await queue.show(names[0]))[0].state, "held")
        await queue.change(None, "release")
        await queue.change(None, "retry")
        await house.until(lambda: len(house.relay.seen) == 6)
        await house.quiet()
        await house.journal.checkpoint()
        self.assertEqual(self.files(), [])

    @run
    async def test_depth(self, house):
        """Every open recipient counts once, in memory or in the rows, by its state."""
        names = await self.deferred(house)
        depth = house.queue.depth
        self.assertEqual(
            (await depth.look()).recipients, {"active": 0, "deferred": 3, "held": 0}
        )
        await house.queue.change([names[0]], "hold")
        house.relay.script["x@x.example"] = DEAD
        await house.send("x@x.example", "y@x.example")
        await house.quiet()
        self.assertEqual(
            (await depth.look()).recipients, {"active": 0, "deferred": 3, "held": 1}
        )
        before = depth.age()
        house.wall.ahead = 50
        self.assertGreaterEqual(depth.age(), before + 49)
        await house.queue.change(None, "remove")
        await house.queue.change(names, "remove")
        seen = await depth.look()
        self.assertEqual(seen.recipients, {"active": 0, "deferred": 0, "held": 0})
        self.assertEqual(depth.age(), 0.0)

    @run
    async def test_remove(self, house):
        """What is removed is gone, without a notice, also after a crash."""
        names = await self.deferred(house)
        await house.queue.change([names[0]], "remove")
        await house.queue.change(None, "remove")
        house = await self.again("crash")
        house.wall.ahead = 100
        await deferLater(reactor, 1.2)
        self.assertEqual((await house.queue.browse("", 10)).rows, ())
        self.assertEqual(len(house.relay.seen), 3)

    @run
    async def test_pages(self, house):
        """Pages go on where the last one ended, each row once."""
        names = await self.deferred(house, 5)
        house.relay.script["x@x.example"] = DEAD
        names.append(await house.send("x@x.example"))
        await house.quiet()
        seen, after = [], ""
        while True:
            page = await house.queue.browse(after, 2)
            seen += [row.id for row in page.rows]
            after = page.after
            if not after:
                break
        self.assertEqual(seen, sorted(names))


class CrashTests(QueueCase):
    @run
    async def test_undelivered(self, house):
        """What was accepted is delivered after a crash."""
        house.local.pause = 60
        names = [await house.send(f"a{n}@example.test") for n in range(50)]
        house.local.pause = 0
        house = await self.again("crash")
        await house.until(lambda: len(set(house.local.seen)) == 50)
        await house.quiet()
        self.assertEqual(house.queue._ledger.jobs, {})
        self.assertEqual(len(set(names)), 50)

    @run
    async def test_remote_once(self, house):
        """What another server took is not sent again; what failed is told once."""
        house.relay.script["c@else.example"] = GONE
        await house.send("b@else.example", "c@else.example")
        await house.until(lambda: len(house.relay.seen) == 3)
        await house.quiet()
        house = await self.again("crash")
        await deferLater(reactor, 0.7)
        self.assertEqual(len(house.relay.seen), 3)

    async def unrecorded(self, house):
        """Another server took a message, and no record of that finds room."""
        house.disk = disk = Failing()
        await house.stop()
        self.house = house = await house.again()

        def taken(lease, recipient):
            disk.fail["pwritev"] = errno.ENOSPC
            return Delivered("ok")

        house.relay.script["b@else.example"] = taken
        await house.send("b@else.example")
        await house.until(lambda: house.events.named("queue.delivered"))
        house.wall.ahead = 10_000
        await deferLater(reactor, 1.5)
        disk.fail.clear()
        return house

    @run
    async def test_remote_unrecorded(self, house):
        """It is not sent again while we run; there is a record when there is room."""
        house = await self.unrecorded(house)
        self.assertEqual(len(house.relay.seen), 1)
        await house.until(lambda: not house.queue._ledger.owing)
        house = await self.again("crash")
        await deferLater(reactor, 0.7)
        self.assertEqual(len(house.relay.seen), 1)

    @run
    async def test_remote_unrecorded_at_a_stop(self, house):
        """Nor after a start that follows as soon as there is room."""
        house = await self.unrecorded(house)
        house = await self.again("stop")
        await deferLater(reactor, 0.7)
        self.assertEqual(len(house.relay.seen), 1)

    @run
    async def test_local_again(self, house):
        """After a crash the store is asked again for what stands in the journal."""
        name = await house.send("a@example.test")
        await house.quiet()
        house.queue._ledger.flush()
        house = await self.again("crash")
        await house.until(lambda: len(house.local.seen) == 2)
        self.assertEqual(await house.queue.show(name), [])

    def filing(self, house, first):
        """Let a@ be delivered with a child; gives the marks of each attempt."""
        outcomes, marks = [*first], []

        def deliver(lease, each):
            marks.append(dict(each.marks))
            if outcomes:
                return outcomes.pop(0)
            child = house.mail("b@else.example")
            return Delivered("filed", (child,) if FILED not in each.marks else (), "A")

        house.local.script["a@example.test"] = deliver
        return marks

    @run
    async def test_filed_again(self, house):
        """It is told how it was filed, and what came of it is there once."""
        marks = self.filing(house, [])
        await house.send("a@example.test")
        await house.until(lambda: len(house.relay.seen) == 1)
        await house.quiet()
        house = await self.again("crash")
        await house.until(lambda: len(marks) == 2)
        await house.quiet()
        self.assertEqual(marks, [{}, {FILED: "A"}])
        self.assertEqual(house.relay.seen, ["b@else.example"])

    @run
    async def test_filed_again_by_rows(self, house):
        """So it is where the journal's segment is gone and only rows are left."""
        marks = self.filing(house, [BUSY])
        await house.send("a@example.test")
        await house.until(lambda: marks)
        await house.quiet()
        await house.journal.checkpoint()
        house.wall.ahead = 100
        await house.until(lambda: len(house.relay.seen) == 1)
        await house.quiet()
        await house.queue.evacuate(house.journal.epoch())
        house = await self.again("crash")
        await house.until(lambda: len(marks) == 3)
        await house.quiet()
        self.assertEqual(marks, [{}, {}, {FILED: "A"}])
        self.assertEqual(house.relay.seen, ["b@else.example"])

    @run
    async def test_clean_stop(self, house):
        """After a clean stop nothing is delivered again."""
        await house.send("a@example.test")
        await house.quiet()
        house = await self.again("stop")
        await deferLater(reactor, 0.7)
        self.assertEqual(house.local.seen, ["a@example.test"])

    async def shared(self, house, *to):
        """Several jobs whose content is one file; gives its path."""
        writer = house.blobs.create(0)
        writer.write(b"Subject: large\r\n\r\n" + b"x" * (2 << 20))
        blob = await writer.close()
        mails = [evolve(house.mail(each), blob=blob) for each in to]
        await house.queue.accept(mails)
        return blob.path

    @run
    async def test_shared_content(self, house):
        """A file of content stays while any job needs it, whoever ended before."""
        for to in ("a@example.test", "b@else.example"):
            script = house.local.script if "example.test" in to else house.relay.script
            script[to] = BUSY
        path = await self.shared(house, "a@example.test", "b@else.example")
        await house.quiet()
        await house.journal.checkpoint()
        house.local.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: len(house.local.seen) == 2)
        await house.quiet()
        await house.journal.checkpoint()
        self.assertTrue(there(path))
        house.relay.script.clear()
        house.wall.ahead = 1000
        await house.until(lambda: len(house.relay.seen) == 3)
        await house.quiet()
        for _ in range(2):
            await house.journal.checkpoint()
        self.assertFalse(there(path))

    @run
    async def test_shared_content_after_a_crash(self, house):
        """The same where the one that ended had rows and its message a segment."""
        for to in ("a@else.example", "b@else.example"):
            house.relay.script[to] = BUSY
        path = await self.shared(house, "a@else.example", "b@else.example")
        await house.quiet()
        await house.queue.evacuate(house.journal.epoch())
        del house.relay.script["a@else.example"]
        house.wall.ahead = 100
        await house.until(lambda: house.relay.seen.count("a@else.example") == 2)
        await house.quiet()
        house = await self.again("crash")
        await house.quiet()
        for _ in range(2):
            await house.journal.checkpoint()
        self.assertTrue(there(path))

    @run
    async def test_pending(self, house):
        """It says of jobs whether they are open: in memory, in rows, and not."""
        house.local.script["user2@example.test"] = BUSY
        open_one = await house.send("user1@example.test", "user2@example.test")
        done = await house.send("user1@example.test")
        await house.quiet()
        names = [open_one, done, "nothing"]
        self.assertEqual({*await house.queue.pending(names)}, {open_one})
        await house.queue.evacuate(house.journal.epoch())
        self.assertNotIn(open_one, house.queue._ledger.jobs)
        self.assertEqual({*await house.queue.pending(names)}, {open_one})

    @run
    async def test_evacuated(self, house):
        """A crash between writing the rows and the checkpoint loses nothing."""
        house.relay.script["b@else.example"] = BUSY
        await house.send("b@else.example")
        await house.quiet()
        await house.queue.evacuate(house.journal.epoch())
        house = await self.again("crash")
        page = await house.queue.browse("", 10)
        self.assertEqual(len(page.rows), 1)
        self.assertEqual(page.rows[0].attempts, 1)
        house.relay.script.clear()
        house.wall.ahead = 100
        await house.until(lambda: len(house.relay.seen) == 2)
        await house.quiet()
        await house.journal.checkpoint()
        self.assertEqual((await house.queue.browse("", 10)).rows, ())

    @run
    async def test_damaged_message(self, house):
        """A record that says nothing sensible stops nobody else."""
        from mailsuite.interfaces.journal import Kind, Record

        await house.journal.commit([Record(Kind.MESSAGE, (b"\xff" * 40,))])
        await house.journal.commit([Record(Kind.OUTCOME, (b"\x01\0\0\0[",))])
        house.local.pause = 60
        await house.send("a@example.test")
        house.local.pause = 0
        house = await self.again("crash")
        await house.until(lambda: house.local.seen == ["a@example.test"])
        self.assertEqual(len(house.events.named("queue.corrupt")), 2)
