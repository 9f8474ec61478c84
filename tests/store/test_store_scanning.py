"""How much is scanned in one turn of the reactor."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.envelope import Blob
from mailsuite.model.ids import BlobKey
from mailsuite.store.scanning import SLICE_SECONDS, Scanner

LETTER = b"Subject: scanned\r\n\r\nBody\r\n"
EACH = 5  # scans that fill a slice


class Slow(Clock):
    """Time passes whenever it is asked for."""

    def seconds(self):
        self.rightNow += SLICE_SECONDS / EACH
        return self.rightNow


class ScannerTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Slow()
        self.scanner = Scanner(self.clock)

    def scanned(self, count):
        """How many of so many messages are scanned at once, in this turn."""
        blobs = [Blob(BlobKey(""), len(LETTER), LETTER) for _ in range(count)]
        return sum(self.scanner.known(blob) is not None for blob in blobs)

    def test_a_slice(self):
        """A turn scans a slice's worth of messages, and the next another."""
        self.assertLessEqual(self.scanned(3 * EACH), EACH + 1)
        self.clock.advance(0)
        self.assertGreaterEqual(self.scanned(3 * EACH), EACH)

    def test_few(self):
        """A few need no timer, and are scanned at once in any number of turns."""
        self.assertEqual(self.scanned(EACH // 2), EACH // 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for _ in range(4 * EACH):
            self.assertEqual(self.scanned(EACH // 2), EACH // 2)
            self.clock.advance(0)
