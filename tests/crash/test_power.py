"""A power cut: what was answered with 250 stands on the disk."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import faults


class PowerTests(SynchronousTestCase):
    """On a loop-mounted ext4 image; the short profile of ``make proof``."""

    def test_power_cuts_while_receiving(self):
        """Nothing acknowledged before the cut is lost or torn."""
        figures = faults.power_cuts(4, 200)
        self.assertEqual(figures.lost, 0, figures.line("power"))
        self.assertEqual(figures.torn, 0, figures.line("power"))
        self.assertEqual(figures.doubled, 0, figures.line("power"))
        self.assertIn("0 findings", figures.findings)

    def test_power_cuts_around_checkpoints(self):
        """The same while small segments are emptied and reused."""
        small = {"MAILSUITE_JOURNAL_SEGMENT_OCTETS": str(1 << 20)}
        figures = faults.power_cuts(3, 800, settings=small)
        self.assertEqual(figures.lost, 0, figures.line("power"))
        self.assertEqual(figures.torn, 0, figures.line("power"))
        self.assertEqual(figures.doubled, 0, figures.line("power"))
        self.assertIn("0 findings", figures.findings)
