"""Outcomes: remembered for a while, by the number and by the time, and not for ever."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Delivered
from mailsuite.queue.ledger import OUTCOMES, REMEMBERED, Outcomes

DONE = Delivered("ok")
FIRST = QueueId("FIRST")


class OutcomesTests(SynchronousTestCase):
    """What is known of recipients that are settled."""

    def setUp(self):
        self.outcomes = Outcomes()
        self.outcomes.forget(1_000.0)
        self.outcomes.came(FIRST, 0, DONE)

    def test_time(self):
        """An outcome can be asked for as long as is promised, and twice that at most."""
        self.outcomes.forget(1_000.0 + REMEMBERED)
        self.assertEqual(self.outcomes.known(FIRST, 0), DONE)
        self.assertIsNone(self.outcomes.known(FIRST, 1))
        self.outcomes.forget(1_000.0 + 2 * REMEMBERED - 1)
        self.assertEqual(self.outcomes.known(FIRST, 0), DONE)
        self.outcomes.forget(1_000.0 + 2 * REMEMBERED)
        self.assertIsNone(self.outcomes.known(FIRST, 0))

    def test_number(self):
        """Of too many the older ones go first, and the newest stay."""
        for n in range(OUTCOMES + 1_000):
            self.outcomes.came(QueueId(f"Q{n}"), 0, DONE)
            if n % 100 == 0:
                self.outcomes.forget(1_000.0)
        self.assertIsNone(self.outcomes.known(FIRST, 0))
        self.assertEqual(self.outcomes.known(QueueId(f"Q{OUTCOMES}"), 0), DONE)
        kept = sum(
            self.outcomes.known(QueueId(f"Q{n}"), 0) is not None
            for n in range(OUTCOMES + 1_000)
        )
        self.assertLessEqual(kept, OUTCOMES + 200)
        self.assertGreaterEqual(kept, OUTCOMES // 2)
