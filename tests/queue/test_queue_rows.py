"""The queue's database as a file."""

import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import UsageError
from mailsuite.queue import rows as rows_module
from mailsuite.queue.rows import Rows
from mailsuite.queue.tables import STEPS, Destination


class RowsTests(SynchronousTestCase):
    def test_older_release(self):
        """An older schema is brought to ours and keeps what it holds."""
        path = str(Path(self.mktemp()))
        rows = Rows(path)
        self.assertTrue(rows.open())
        rows.put_destinations([Destination("relay", "far.test", 2, 9.0)])
        rows.close()
        more = "ALTER TABLE job ADD COLUMN colour TEXT NOT NULL DEFAULT '';"
        self.patch(rows_module, "STEPS", (*STEPS, more))
        rows = Rows(path)
        self.assertFalse(rows.open())
        self.addCleanup(rows.close)
        self.assertEqual(rows.db.execute("SELECT colour FROM job").fetchall(), [])
        version = rows.db.execute("PRAGMA user_version").fetchone()
        self.assertEqual(version, (len(STEPS) + 1,))
        self.assertEqual(rows.destinations()[0].domain, "far.test")

    def test_broken_off(self):
        """A step that fails leaves the schema as it was; the next start takes it."""
        path = str(Path(self.mktemp()))
        rows = Rows(path)
        rows.open()
        rows.close()
        torn = "CREATE TABLE more (n INTEGER); SELECT * FROM nowhere;"
        whole = "CREATE TABLE more (n INTEGER);"
        for step, failing in ((torn, True), (whole, False)):
            self.patch(rows_module, "STEPS", (*STEPS, step))
            rows = Rows(path)
            if failing:
                self.assertRaises(sqlite3.Error, rows.open)
            else:
                self.assertFalse(rows.open())
                self.assertEqual(rows.db.execute("SELECT * FROM more").fetchall(), [])
            rows.close()

    def test_newer_release(self):
        """What a newer release wrote is refused; it is not taken for damage."""
        path = Path(self.mktemp())
        rows = Rows(str(path))
        self.assertTrue(rows.open())
        rows.db.execute("PRAGMA user_version = 99")
        rows.close()
        before = path.read_bytes()
        with self.assertRaisesRegex(UsageError, "newer release .schema 99"):
            Rows(str(path)).open()
        self.assertEqual(path.read_bytes(), before)
