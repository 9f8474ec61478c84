"""The queue's database as a file."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import UsageError
from mailsuite.queue.rows import Rows


class RowsTests(SynchronousTestCase):
    def test_another_release(self):
        """What another release wrote is refused; it is not taken for damage."""
        path = Path(self.mktemp())
        rows = Rows(str(path))
        self.assertTrue(rows.open())
        rows.db.execute("PRAGMA user_version = 99")
        rows.close()
        before = path.read_bytes()
        with self.assertRaisesRegex(UsageError, "version 99"):
            Rows(str(path)).open()
        self.assertEqual(path.read_bytes(), before)
