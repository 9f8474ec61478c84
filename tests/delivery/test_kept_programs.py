"""Programs are kept for the next message, as many as memory may hold."""

from twisted.internet.defer import Deferred as Pending
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.delivery import programs
from tests.support.filing import Now


class KeptTests(SynchronousTestCase):
    def setUp(self):
        self.patch(programs, "KEPT_NODES", 100)
        self.programs = programs.Programs(Now())

    def program(self, text):
        return self.successResultOf(
            Pending.fromCoroutine(self.programs.program(text.encode()))
        )

    def test_kept(self):
        """The same text has the same program."""
        self.assertIs(self.program("keep;"), self.program("keep;"))

    def test_nodes(self):
        """Commands and tests are counted."""
        self.assertEqual(self.program("if not true { keep; } stop;").nodes, 5)

    def test_bound(self):
        """Those that were not used for longest go, however small their texts are."""
        first = self.program("keep;")
        for number in range(12):
            self.program("keep;" * 20 + f"#{number}\r\n")
            self.assertIs(self.program("keep;"), first)
        self.program("stop;" * 99)
        self.assertIsNot(self.program("keep;"), first)

    def test_one_that_is_large(self):
        """The last one is kept, whatever its size."""
        text = "keep;" * 500
        self.assertIs(self.program(text), self.program(text))
