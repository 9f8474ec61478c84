"""A barrier that fails is never answered with 250, and it heals."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import faults


class BarrierTests(SynchronousTestCase):
    """fsync and fdatasync answer EIO for a while."""

    def test_a_failing_barrier_is_refused_and_heals(self):
        """No 250 while barriers fail, 451 instead; afterwards mail goes on."""
        figures, during, refused = faults.failing_barriers()
        self.assertEqual(during, 0)
        self.assertTrue([why for why in refused if why.startswith("451")], refused)
        self.assertEqual(figures.lost, 0, figures.line("barriers"))
        self.assertEqual(figures.torn, 0, figures.line("barriers"))
        self.assertIn("0 findings", figures.findings)


class StepTests(SynchronousTestCase):
    """Killed exactly at a system call of one delivery."""

    def test_kill_at_durable_steps(self):
        """After the restart there is exactly the acknowledged mail, once."""
        figures, broken = faults.kill_at_steps(
            ("pwritev,pwritev2", "fdatasync"), [1, 2]
        )
        self.assertGreaterEqual(figures.faults, 2)
        self.assertEqual(broken, [])
        self.assertIn("0 findings", figures.findings)
