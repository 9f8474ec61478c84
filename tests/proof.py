"""The figures of docs/design/security.rst, measured at length: ``make proof``.

``make test`` runs the same faults with a short profile. ``make proof PROOF=0.05`` takes
a twentieth of every number, to see that all of it works. ``make proof`` also runs the
long profiles of damaged files and of kills at every step of the store. Each prints its
figures in one line and fails when a goal is missed.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support import faults, going
from tests.support.profile import SHARE, share

GROWTH_KIB = 10 << 10  # in the second half: peaks, and the end of warming up
SLOPE_SECONDS = 300  # in less, the end of warming up is more than the goal
SLOPE_MIB = 1.0  # in ten minutes
DESCRIPTORS = 20


class ProofTests(SynchronousTestCase):
    """The goals, in the order of the table."""

    def judge(self, what, figures, doubled=0):
        print("\n" + figures.line(what))
        self.assertEqual((figures.lost, figures.torn), (0, 0))
        self.assertLessEqual(figures.doubled, doubled)
        self.assertRegex(figures.findings, r"\b0 findings")

    def test_1_sigkill(self):
        """200 kills, 10,000 acknowledgements: none lost, none doubled."""
        self.judge("SIGKILL", faults.kills(share(200), 50))

    def test_1_sigkill_while_relaying(self):
        """Killed while mail leaves: what was in hand may come twice, none is lost."""
        kills = share(20)
        figures = going.relay_kills(100 * kills, kills)
        self.judge("SIGKILL while relaying", figures, kills * going.IN_HAND)

    def test_2_power(self):
        """100 power cuts, 10,000 acknowledgements: none lost, 0.5 % doubled."""
        figures = faults.power_cuts(share(100), 100)
        self.judge("power cut", figures, figures.acked // 200)

    def test_3_steps(self):
        """Killed at every system call that writes during one delivery."""
        steps = faults.STEPS[: share(len(faults.STEPS))]
        figures, broken = faults.kill_at_steps(steps, range(1, share(12) + 1))
        self.judge("kill at each system call", figures)
        self.assertEqual(broken, [])

    def test_4_restart(self):
        """Ports answer within 2 s, 5 s at most, with 10,000 messages queued."""
        figures = going.full_queue(share(10_000), share(9))
        self.judge("restart with a full queue", figures)
        seconds = sorted(figures.seconds)
        self.assertLess(seconds[-1], 5)
        if SHARE >= 1:
            self.assertLess(seconds[len(seconds) // 2], 2)

    def test_5_full_disk(self):
        """The disk full and free again 50 times."""
        figures, during, refused = faults.full_disk(share(50))
        self.judge("full disk", figures)
        self.assertEqual(set(map(str, during)), {"0", "True"})
        self.assertTrue([why for why in refused if why.startswith("452")], refused)
        self.assertLess(max(figures.seconds), 10)

    def test_6_failing_barriers(self):
        """Barriers fail for ten seconds under load."""
        figures, during, refused = faults.failing_barriers(share(10))
        self.judge("failing barriers", figures, doubled=len(refused) * 20)
        self.assertEqual(during, 0)

    def test_7_soak(self):
        """Two minutes at full load: memory and descriptors stay flat."""
        seconds = share(120)
        figures, seen = going.soak(seconds)
        self.judge("soak", figures)
        middle = seen[len(seen) // 2]
        slope = going.slope(seen)
        print(
            f"soak: {seconds} s, memory {seen[0][1]} KiB at first, {middle[1]} in the"
            f" middle, {seen[-1][1]} at the end, {slope:+.1f} MiB in ten minutes,"
            f" descriptors {seen[0][2]}, {middle[2]}, {seen[-1][2]}"
        )
        self.assertLess(seen[-1][1] - middle[1], GROWTH_KIB)
        self.assertLess(seen[-1][2] - middle[2], DESCRIPTORS)
        if seconds >= SLOPE_SECONDS:
            self.assertLess(slope, SLOPE_MIB)
