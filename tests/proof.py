"""The figures of docs/security.rst, measured at length: ``make proof``.

Not part of ``make test``, which runs the same faults with a short profile.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import faults


class ProofTests(SynchronousTestCase):
    """Each prints its figures and fails when a goal is missed."""

    def judge(self, what, figures, doubled=0):
        print("\n" + figures.line(what))
        self.assertEqual((figures.lost, figures.torn), (0, 0))
        self.assertLessEqual(figures.doubled, doubled)
        self.assertIn("0 findings", figures.findings)

    def test_sigkill(self):
        """200 kills, 10,000 acknowledgements: none lost, none doubled."""
        self.judge("SIGKILL", faults.kills(200, 50))

    def test_power(self):
        """100 power cuts, 10,000 acknowledgements: none lost."""
        self.judge("power cut", faults.power_cuts(100, 100), doubled=50)

    def test_steps(self):
        """Killed at every system call that writes during one delivery."""
        broken, findings, points = faults.kill_at_steps(faults.STEPS, range(1, 13))
        print(f"\nkill at {points} steps:", broken or "every point passes", findings)
        self.assertEqual(broken, [])
        self.assertIn("0 findings", findings)

    def test_full_disk(self):
        """The disk full and free again 50 times."""
        figures, during, refused = faults.full_disk(50)
        print("\nrefusals:", refused)
        self.assertEqual(set(map(str, during)), {"0", "True"})
        self.judge("full disk", figures)

    def test_failing_barriers(self):
        """Barriers fail for ten seconds under load."""
        figures, during, refused = faults.failing_barriers(10)
        print("\nrefusals:", refused)
        self.assertEqual(during, 0)
        self.judge("failing barriers", figures)
