"""Coroutines that cost a Deferred only if they wait."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net import eager
from mailsuite.net.tasks import Tasks


class EagerTests(SynchronousTestCase):
    def setUp(self):
        self.tasks = Tasks()
        self.seen = []

    def test_at_once(self):
        """Work that waits for nothing is done on return and never kept."""

        async def work():
            self.seen.append(1)

        eager.run(self.tasks, "work", work())
        self.assertEqual(self.seen, [1])
        self.assertEqual(len(self.tasks), 0)

    def test_waits(self):
        """Work that waits goes on with each result, and is then forgotten."""
        first, second = Deferred(), Deferred()

        async def work():
            self.seen.append(await first)
            self.seen.append(await second)

        eager.run(self.tasks, "work", work())
        self.assertEqual(len(self.tasks), 1)
        first.callback("a")
        second.callback("b")
        self.assertEqual(self.seen, ["a", "b"])
        self.assertEqual(len(self.tasks), 0)

    def test_failures_arrive(self):
        """A failure of what is awaited is raised where it is awaited."""
        first, second = Deferred(), Deferred()

        async def work():
            for waited in (first, second):
                try:
                    await waited
                except KeyError as error:
                    self.seen.append(error.args)

        eager.run(self.tasks, "work", work())
        first.errback(KeyError(1))
        second.errback(KeyError(2))
        self.assertEqual(self.seen, [(1,), (2,)])

    def test_failure_is_logged(self):
        """What is raised after a wait is logged once."""
        first = Deferred()

        async def work():
            await first
            raise ValueError

        eager.run(self.tasks, "work", work())
        first.callback(None)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_failure_at_once(self):
        """What is raised before a wait is raised to the caller."""

        async def work():
            raise ValueError

        with self.assertRaises(ValueError):
            eager.run(self.tasks, "work", work())

    def test_cancelled(self):
        """Cancelling ends the work where it waits."""
        first = Deferred()

        async def work():
            try:
                await first
            finally:
                self.seen.append("end")

        eager.run(self.tasks, "work", work())
        self.tasks.cancel()
        self.assertEqual(self.seen, ["end"])
        self.assertEqual(len(self.tasks), 0)
