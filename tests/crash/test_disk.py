"""A full disk refuses mail for a while, loses none and heals by itself."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import faults
from tests.support.patience import within


class FullDiskTests(SynchronousTestCase):
    """On a small loop-mounted file system that is filled to the last block."""

    def test_full_and_healed(self):
        """452 while it is full, reading goes on, 250 within 10 s of relief."""
        within(12, self.healed)

    def healed(self):
        """Fill and make room, once; gives the seconds until mail was taken again."""
        figures, during, refused = faults.full_disk(1)
        self.assertEqual(during, [0, True])
        self.assertTrue([why for why in refused if why.startswith("452")], refused)
        self.assertEqual(figures.lost, 0, figures.line("disk"))
        self.assertEqual(figures.torn, 0, figures.line("disk"))
        self.assertEqual(figures.doubled, 0, figures.line("disk"))
        self.assertIn("0 findings", figures.findings)
        return figures.seconds[0]
