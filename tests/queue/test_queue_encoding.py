"""How messages lie in the journal (:mod:`mailsuite.queue.encoding`)."""

from hypothesis import given
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Once, Recipient, Submission
from mailsuite.queue.encoding import blocks, head, job, opened

TEXT = some.text(max_size=20)
ADDRESSES = some.builds(Address, TEXT, TEXT.map(str.lower))
MARKS = some.dictionaries(TEXT, TEXT, max_size=3)
RECIPIENTS = some.lists(
    some.builds(
        Recipient,
        some.integers(0, 9),
        ADDRESSES,
        some.none() | ADDRESSES,
        some.none() | ADDRESSES,
        TEXT,
        TEXT,
        MARKS,
    ),
    max_size=3,
    unique_by=lambda each: each.n,
).map(tuple)
SECONDS = some.floats(0, allow_nan=False)


class HeadTests(SynchronousTestCase):
    @given(
        some.builds(
            Submission,
            some.builds(Envelope, some.none() | ADDRESSES, RECIPIENTS, MARKS),
            some.builds(Blob, TEXT, some.integers(0), some.none(), some.binary()),
            some.none() | some.builds(Once, TEXT, some.integers(0), some.integers(0)),
            SECONDS,
        ),
        SECONDS,
        SECONDS,
        TEXT,
    )
    def test_round_trip(self, submission, accepted, expires, path):
        """What was written is read again, whatever the values are."""
        made = blocks(head(submission, accepted, expires, path), submission.blob)
        found = job("Q", opened(b"".join(made)), "folder")
        self.assertEqual(found.envelope, submission.envelope)
        self.assertEqual((found.accepted, found.expires), (accepted, expires))
        self.assertEqual(found.once, submission.once)
        self.assertEqual(found.blob.key, submission.blob.key)
        self.assertEqual(found.blob.size, submission.blob.size)
        self.assertEqual(found.blob.prefix, submission.blob.prefix)
        self.assertEqual(found.blob.path, f"folder/{path}" if path else "")
        due = max(accepted, submission.after)
        self.assertEqual({slot.due for slot in found.slots.values()} - {due}, set())
