"""What is remembered of senders: for how long, how many, and how much of them."""

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.tasks import Tasks
from mailsuite.policy.authentication import findings
from mailsuite.policy.authentication.findings import Findings


@frozen
class Found:
    texts: tuple[str, ...] = ()
    lasts: bool = True


class FindingsTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.asked = []

    def made(self, entries=10):
        return Findings(
            self.clock.seconds,
            Tasks(),
            entries,
            60.0,
            lambda found: found.lasts,
            lambda found: found.texts,
        )

    def find(self, known, key, found):
        async def work():
            self.asked.append(key)
            return found

        result = Deferred.fromCoroutine(known.find(key, work))
        return self.successResultOf(result)

    def test_remembered(self):
        """A finding lasts its time, one that DNS left open a moment."""
        known = self.made()
        self.find(known, "a", Found())
        self.find(known, "b", Found(lasts=False))
        self.clock.advance(findings.PASSING_SECONDS + 1)
        self.find(known, "a", Found())
        self.find(known, "b", Found())
        self.clock.advance(60)
        self.find(known, "a", Found())
        self.assertEqual(self.asked, ["a", "b", "b", "a"])

    def test_entries(self):
        """The oldest goes when there are too many."""
        known = self.made(entries=2)
        for key in "abcb":
            self.find(known, key, Found())
        self.find(known, "a", Found())
        self.assertEqual(self.asked, ["a", "b", "c", "a"])

    def test_large(self):
        """Findings that tell much are fewer; even one that is larger than all is told."""
        self.patch(findings, "OCTETS", 10 * findings.ENTRY_OCTETS)
        known = self.made(entries=100)
        large = Found(("x" * (4 * findings.ENTRY_OCTETS),))
        for key in "abab":
            self.find(known, key, large)
        self.assertEqual(self.asked, ["a", "b"])
        self.find(known, "c", large)
        self.find(known, "a", large)
        self.assertEqual(self.asked, ["a", "b", "c", "a"])
        huge = Found(("x" * (20 * findings.ENTRY_OCTETS),))
        self.assertIs(self.find(known, "d", huge), huge)
        self.find(known, "e", Found())
        self.find(known, "e", Found())
        self.assertEqual(self.asked[4:], ["d", "e"])
