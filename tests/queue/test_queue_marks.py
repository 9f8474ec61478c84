"""Marks that people are shown, also of jobs that rest on the disk."""

import tempfile

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.envelope import Blob, Envelope, Recipient, Submission
from mailsuite.queue import encoding
from mailsuite.queue.files import Files, Sheet
from tests.support.queue import address


class MarkTests(SynchronousTestCase):
    def setUp(self):
        self.files = Files(tempfile.mkdtemp(), None)

    def test_read(self):
        """Marks of the message and of each recipient that has some."""
        to = (
            Recipient(0, address("a@example.test"), marks={"junk": "forged"}),
            Recipient(1, address("b@example.test")),
        )
        envelope = Envelope(None, to, {"dmarc": "fail"})
        blob = Blob("k", 4, b"x\r\n\r\n")
        head = encoding.head(Submission(envelope, blob), 1.0, 2.0)
        self.files.write(Sheet("0G1G200", encoding.blocks(head, blob)))
        marks, each = self.files.marks("0G1G200")
        self.assertEqual(marks, {"dmarc": "fail"})
        self.assertEqual(each, {0: {"junk": "forged"}, 1: {}})

    def test_unreadable(self):
        """What cannot be read has none."""
        self.assertEqual(self.files.marks("0G1G201"), ({}, {}))
        self.files.write(Sheet("0G1G202", (b"noise",)))
        self.assertEqual(self.files.marks("0G1G202"), ({}, {}))
