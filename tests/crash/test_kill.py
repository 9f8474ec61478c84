"""SIGKILL at any moment: nothing acknowledged is lost, nothing comes twice."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import faults


class KillTests(SynchronousTestCase):
    """The short profile; ``make proof`` runs the long one."""

    def test_kills_while_receiving(self):
        """Each acknowledged message lies there once and whole after every kill."""
        figures = faults.kills(6, 150)
        self.assertEqual(figures.lost, 0, figures.line("kill"))
        self.assertEqual(figures.torn, 0, figures.line("kill"))
        self.assertEqual(figures.doubled, 0, figures.line("kill"))
        self.assertIn("0 findings", figures.findings)

    def test_kills_while_segments_are_reused(self):
        """The same with a journal so small that it is emptied all the time."""
        small = {"MAILSUITE_JOURNAL_SEGMENT_OCTETS": str(1 << 20)}
        figures = faults.kills(4, 600, settings=small, seed=2)
        self.assertEqual(figures.lost, 0, figures.line("kill"))
        self.assertEqual(figures.torn, 0, figures.line("kill"))
        self.assertEqual(figures.doubled, 0, figures.line("kill"))
        self.assertIn("0 findings", figures.findings)
