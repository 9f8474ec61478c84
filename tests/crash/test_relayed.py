"""Killed while mail leaves: none is lost, few come twice."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import going

MESSAGES = 150
KILLS = 3


class RelayKillTests(SynchronousTestCase):
    def test_between_their_answer_and_our_record(self):
        """At most what each connection had in hand at a kill is sent again."""
        figures = going.relay_kills(MESSAGES, KILLS)
        self.assertEqual(figures.lost, 0, figures.line("relay"))
        most = KILLS * going.IN_HAND
        self.assertLessEqual(figures.doubled, most, figures.line("relay"))
        self.assertIn(" 0 findings", figures.findings)
