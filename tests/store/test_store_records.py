"""Records of APPEND are read back as they were meant."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob
from mailsuite.model.ids import AccountName, BlobKey, MailboxId
from mailsuite.store import records
from mailsuite.store.pieces import Piece

dates = st.floats(allow_nan=False, allow_infinity=False)
flags = st.frozensets(st.text(max_size=8), max_size=4)


@st.composite
def made(draw):
    """A message, in memory or in a file."""
    octets = draw(st.none() | st.binary(max_size=20))
    size = draw(st.integers(0, 99)) if octets is None else len(octets)
    draft = Draft(Blob(BlobKey(""), size, octets), draw(flags), draw(dates))
    uid = draw(st.integers(1, 2**32 - 1))
    return Piece(draft, draw(st.text(max_size=20)), draw(dates), None, uid)


class RecordTests(SynchronousTestCase):
    @given(st.text(max_size=20), st.integers(1), st.lists(made(), max_size=3))
    def test_read_back(self, account, mailbox, pieces):
        """Whatever names, flags and dates are, they come back, and the octets too."""
        name = AccountName(account)
        told = records.record(name, MailboxId(mailbox), pieces, 7)
        kept = records.read(told)
        self.assertEqual((kept.account, kept.mailbox), (account, mailbox))
        self.assertEqual(list(kept.pieces), pieces)
        line = told.body[0]
        self.assertEqual(json.dumps(json.loads(line)).encode() + b"\n", line)
