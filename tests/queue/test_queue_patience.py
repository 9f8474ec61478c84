"""Waits for outcomes: each ends in its time, by one timer for all."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Delivered
from mailsuite.queue.ledger import LATE, Outcomes
from mailsuite.queue.patience import Patience

DONE = Delivered("ok")


class PatienceTests(SynchronousTestCase):
    """Three recipients, a clock, and who waits."""

    def setUp(self):
        self.clock, self.outcomes = Clock(), Outcomes()
        self.patience = Patience(self.clock, self.outcomes)

    def wait(self, name, within):
        return self.patience.wait(QueueId(name), 0, within)

    def test_each(self):
        """Each is told in its own time, whoever came first; one timer stands."""
        long, short, middle = self.wait("A", 30), self.wait("B", 1), self.wait("C", 2)
        self.assertEqual(len(self.clock.calls), 1)
        self.clock.advance(1)
        self.assertIsNone(self.successResultOf(short))
        self.assertNoResult(middle)
        self.clock.advance(1)
        self.assertIsNone(self.successResultOf(middle))
        self.assertNoResult(long)
        self.clock.advance(28)
        self.assertIsNone(self.successResultOf(long))
        self.assertEqual(self.clock.calls, [])

    def test_came(self):
        """Who has the outcome is not told again, and its timer is used by others."""
        first = self.wait("A", 30)
        self.outcomes.came(QueueId("A"), 0, DONE)
        self.assertEqual(self.successResultOf(first), DONE)
        self.clock.advance(10)
        second = self.wait("B", 30)
        self.assertEqual(len(self.clock.calls), 1)
        self.clock.advance(20)
        self.assertNoResult(second)
        self.clock.advance(10)
        self.assertIsNone(self.successResultOf(second))

    def test_promised(self):
        """Whose failure is being recorded waits for it."""
        self.outcomes.expect(QueueId("A"), [0])
        waiting = self.wait("A", 1)
        self.assertTrue(self.outcomes.promise(QueueId("A"), 0))
        self.clock.advance(5)
        self.assertNoResult(waiting)
        self.outcomes.came(QueueId("A"), 0, DONE)
        self.assertEqual(self.successResultOf(waiting), DONE)

    def test_again(self):
        """Who asks again when it is told waits anew, and nobody is forgotten."""
        told = self.wait("A", 1).addCallback(lambda _: self.wait("A", 30))
        other = self.wait("B", 2)
        self.clock.advance(1)
        self.assertNoResult(told)
        self.clock.advance(1)
        self.assertIsNone(self.successResultOf(other))
        self.clock.advance(29)
        self.assertIsNone(self.successResultOf(told))

    def test_many(self):
        """When very many are late at once, others get their turn between them."""
        waits = [self.wait(f"Q{number}", 1) for number in range(2 * LATE + 1)]
        self.outcomes.give_up(1)
        self.assertEqual(sum(each.called for each in waits), LATE)
        self.clock.advance(1)
        self.assertTrue(all(each.called for each in waits))
        self.assertEqual(self.clock.calls, [])

    def test_stop(self):
        """No timer is left behind."""
        waiting = self.wait("A", 1)
        self.patience.stop()
        self.assertEqual(self.clock.calls, [])
        self.assertNoResult(waiting)
