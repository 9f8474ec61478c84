"""What every :class:`~mailsuite.interfaces.queueing.IQueue` promises."""

from twisted.internet.defer import Deferred as Pending
from zope.interface.verify import verifyObject

from mailsuite.interfaces.queueing import IQueue
from mailsuite.model.envelope import Once, Recipient
from mailsuite.model.errors import UsageError
from mailsuite.model.outcomes import Deferred, Delivered, Expanded, Failed
from tests.support.queue import address

BUSY = Deferred("4.2.1", "busy")


def run(method):
    """Let a coroutine be a test, between ``begin`` and ``end`` of its case."""

    def test(self):
        return Pending.fromCoroutine(_lived(self, method))

    test.__doc__ = method.__doc__
    test.__name__ = method.__name__
    return test


async def _lived(case, method):
    await case.begin()
    try:
        await method(case)
    finally:
        await case.end()


class QueueContract:
    """Mix in with ``begin`` and ``end``, which set queue, local, relay, house."""

    async def settled(self):
        """Nothing is to be tried now."""

    async def send(self, *to, **more):
        (name,) = await self.queue.accept([self.house.mail(*to, **more)])
        await self.settled()
        return name

    @run
    async def test_interface(self):
        """It provides the interface."""
        verifyObject(IQueue, self.queue)

    @run
    async def test_delivered(self):
        """Each recipient is given to its transport, and then nothing is open."""
        name = await self.send("a@example.test", "b@else.example")
        self.assertEqual(self.local.seen, ["a@example.test"])
        self.assertEqual(self.relay.seen, ["b@else.example"])
        self.assertEqual(await self.queue.outcome(name, 0, 1), Delivered("ok"))
        self.assertEqual(list(await self.queue.show(name)), [])

    @run
    async def test_open(self):
        """A deferred recipient stays open and is listed with its reason."""
        self.local.script["a@example.test"] = BUSY
        name = await self.send("a@example.test", "b@example.test")
        self.assertIsNone(await self.queue.outcome(name, 0, 0.01))
        (row,) = await self.queue.show(name)
        self.assertEqual((row.recipient, row.last), (0, "4.2.1 busy"))
        self.assertEqual((row.state, row.attempts), ("deferred", 1))

    @run
    async def test_final(self):
        """A failure is final."""
        gone = Failed("5.1.1", "nobody")
        self.local.script["a@example.test"] = gone
        name = await self.send("a@example.test", sender=None)
        self.assertEqual(await self.queue.outcome(name, 0, 1), gone)
        self.assertEqual(list(await self.queue.show(name)), [])

    @run
    async def test_same_once(self):
        """The same action gets the same id and happens once."""
        once = Once("0G1G200", 1, 1)
        first = await self.send("a@example.test", once=once)
        self.assertEqual(await self.send("a@example.test", once=once), first)
        self.assertEqual(len(self.local.seen), 1)

    @run
    async def test_alias(self):
        """Expanded recipients are delivered; repetitions are left out."""
        to = [Recipient(0, address(f"{name}@example.test")) for name in "aab"]
        self.local.script["x@example.test"] = Expanded(tuple(to))
        await self.send("x@example.test", "b@example.test")
        self.assertEqual(
            sorted(self.local.seen),
            ["a@example.test", "b@example.test", "x@example.test"],
        )

    @run
    async def test_actions(self):
        """Held mail waits; released, retried it is delivered; removed it is not."""
        queue = self.queue
        self.local.script["a@example.test"] = BUSY
        name = await self.send("a@example.test")
        self.assertEqual(await queue.change([name], "hold"), 1)
        self.local.script.clear()
        await queue.change([name], "retry")
        await self.settled()
        self.assertEqual((await queue.show(name))[0].state, "held")
        await queue.change([name], "release")
        await queue.change([name], "retry")
        await self.settled()
        self.assertEqual(len(self.local.seen), 2)
        self.local.script["a@example.test"] = BUSY
        name = await self.send("a@example.test")
        self.assertEqual(await queue.change(None, "remove"), 1)
        self.assertEqual(list(await queue.show(name)), [])
        with self.assertRaises(UsageError):
            await queue.change(None, "explode")

    @run
    async def test_cursor(self):
        """Pages give each open recipient once, in order."""
        for n in range(5):
            self.local.script[f"a{n}@example.test"] = BUSY
            await self.send(f"a{n}@example.test")
        seen, after = [], ""
        for _ in range(9):
            page = await self.queue.browse(after, 2)
            seen += [row.id for row in page.rows]
            after = page.after
            if not after:
                break
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(len(seen), 5)

    @run
    async def test_fence(self):
        """An old lease neither settles nor renews."""
        leases = []

        def keep(lease, recipient):
            leases.append(lease)
            return BUSY

        self.relay.script["b@else.example"] = keep
        await self.send("b@else.example")
        self.assertFalse(await self.queue.settle(leases[0], {0: Delivered()}))
        self.assertFalse(await self.queue.renew(leases[0]))
