"""Lanes bring the results of their calls back in order, some in a turn."""

from queue import SimpleQueue
from threading import Event, Thread
from types import SimpleNamespace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.lanes import TOLD, Lane
from tests.support.patience import PATIENCE_SECONDS


class LaneTests(SynchronousTestCase):
    def setUp(self):
        self.calls, self.got = SimpleQueue(), []
        self.lane = Lane(SimpleNamespace(callFromThread=self.calls.put), "lane")
        self.addCleanup(self.lane.stop)

    def work(self, count):
        for number in range(count):
            _ = self.lane.run(int, number).addCallback(self.got.append)

    def test_some_in_a_turn(self):
        """Many results come in several calls, so that others get their turn."""
        self.work(3 * TOLD)
        done = Event()
        _ = self.lane.run(done.set)
        self.assertTrue(done.wait(PATIENCE_SECONDS))
        most = 0
        while len(self.got) < 3 * TOLD:
            before = len(self.got)
            self.calls.get(timeout=PATIENCE_SECONDS)()
            most = max(most, len(self.got) - before)
        self.assertEqual((most, self.got), (TOLD, [*range(3 * TOLD)]))

    def test_all_at_the_end(self):
        """What waited is done before a lane stops, and all of it is told."""
        self.work(3 * TOLD)
        self.lane.stop()
        self.assertEqual(self.got, [*range(3 * TOLD)])

    def test_nobody_waits(self):
        """Work for which nobody waits is done in its turn, and its failure logged."""
        done = Event()
        _ = self.lane.run(int)
        self.calls.get(timeout=PATIENCE_SECONDS)()
        self.lane.put(None, self.got.append, 1)
        self.lane.put(None, int, "no number")
        self.lane.put(None, self.got.append, 2)
        self.lane.put(None, done.set)
        self.assertTrue(done.wait(PATIENCE_SECONDS))
        self.assertEqual((self.got, self.calls.qsize()), ([1, 2], 0))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_another_thread_hands_over(self):
        """What another thread puts comes back to the reactor as all else does."""
        result = Deferred().addCallback(self.got.append)
        _ = self.lane.run(int)
        self.calls.get(timeout=PATIENCE_SECONDS)()
        Thread(target=self.lane.put, args=(result, int, "7")).start()
        self.calls.get(timeout=PATIENCE_SECONDS)()
        self.assertEqual(self.got, [7])
