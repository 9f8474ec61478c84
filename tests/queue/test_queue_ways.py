"""Ways of jobs that came together are asked for together, and go wrong apart."""

from attrs import define, field
from twisted.internet.defer import Deferred as Pending
from twisted.trial.unittest import TestCase

from tests.support.queue import House, Routing


@define(eq=False)
class Asked(Routing):
    """Keeps what it was asked; ``lost`` is an address whose way nobody knows.

    If ``hanging`` the first question is never answered.
    """

    lost: str = ""
    hanging: bool = False
    asked: list = field(factory=list)

    async def transports(self, addresses):
        self.asked.append([str(each) for each in addresses])
        if self.hanging:
            self.hanging = False
            await Pending()
        if self.lost in self.asked[-1]:
            raise OSError("no such way")
        return await super().transports(addresses)


class WaysTests(TestCase):
    def setUp(self):
        self.routing = Asked()
        self.house = House(self.mktemp(), routing=self.routing)

    def lived(self, work):
        async def whole():
            house = await self.house.start()
            try:
                await work(house)
            finally:
                await house.stop()

        return Pending.fromCoroutine(whole())

    def test_together(self):
        """Jobs of one batch ask once, and each recipient goes its own way."""

        async def work(house):
            await house.queue.accept(
                [
                    house.mail("a@example.test", "b@far.test"),
                    house.mail("c@far.test"),
                    house.mail("d@example.test"),
                ]
            )
            await house.until(lambda: not house.queue._ledger.jobs)

        def went(_):
            everybody = ["a@example.test", "b@far.test", "c@far.test", "d@example.test"]
            self.assertEqual(self.routing.asked, [everybody])
            self.assertEqual(
                sorted(self.house.local.seen), ["a@example.test", "d@example.test"]
            )
            self.assertEqual(
                sorted(self.house.relay.seen), ["b@far.test", "c@far.test"]
            )

        return self.lived(work).addCallback(went)

    def test_apart(self):
        """One whose way cannot be found out is deferred and holds up nobody else."""
        self.routing.lost = "lost@example.test"
        sent = ["a@example.test", "lost@example.test", "b@far.test"]
        open_ones = []

        async def work(house):
            await house.queue.accept([house.mail(to) for to in sent])
            await house.until(lambda: house.events.named("queue.deferred"))
            await house.quiet()
            open_ones.extend((await house.queue.browse("", 10)).rows)

        def went(_):
            self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)
            self.assertEqual(self.house.local.seen, ["a@example.test"])
            self.assertEqual(self.house.relay.seen, ["b@far.test"])
            (left,) = open_ones
            self.assertEqual((str(left.address), left.attempts), (sent[1], 1))
            self.assertEqual(len(self.routing.asked), 4)

        return self.lived(work).addCallback(went)

    def test_cut_off(self):
        """A stop defers who waits for many ways, and asks nothing anew."""
        self.routing.hanging = True

        async def work(house):
            sent = ["a@example.test", "b@far.test"]
            await house.queue.accept([house.mail(to) for to in sent])
            await house.until(lambda: self.routing.asked)
            house.queue._schedule.halt()
            await house.queue._schedule.stop(0.01)

        def went(_):
            self.assertEqual(len(self.routing.asked), 1)
            self.assertEqual(len(self.house.events.named("queue.deferred")), 2)

        return self.lived(work).addCallback(went)

    def test_expired(self):
        """A job that expired meanwhile is sent back, and the others are tried."""

        async def work(house):
            mail = house.mail("late@example.test", expires=1.0)
            await house.queue.accept([mail, house.mail("a@example.test")])
            await house.until(lambda: house.events.named("queue.failed"))
            await house.until(lambda: not house.queue._ledger.jobs)

        def went(_):
            (failed,) = self.house.events.named("queue.failed")
            self.assertEqual(failed["recipient"], "late@example.test")
            self.assertIn("a@example.test", self.house.local.seen)
            self.assertNotIn("late@example.test", self.house.local.seen)

        return self.lived(work).addCallback(went)
