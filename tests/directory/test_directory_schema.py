"""``state.db`` of older releases: brought to ours in one transaction, or not at all."""

import os
import sqlite3
from contextlib import closing

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory import schema
from mailsuite.model.errors import UsageError


class SchemaTests(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()

    def made(self, version):
        """A database as the release with this schema left it."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            for step in schema._STEPS[:version]:
                database.executescript(step)
            database.execute(f"PRAGMA user_version = {version}")
            database.execute("INSERT INTO domain VALUES ('example.test', '')")

    def test_older(self):
        """Every older schema becomes ours and keeps its rows."""
        with closing(schema.connect(self.mktemp())) as fresh:
            ours = shape(fresh)
        for version in range(1, schema.VERSION):
            self.path = self.mktemp()
            self.made(version)
            with closing(schema.connect(self.path)) as database:
                self.assertEqual(shape(database), ours)
                rows = database.execute("SELECT name FROM domain").fetchall()
                self.assertEqual(rows, [("example.test",)])
            self.assertEqual(schema.findings(self.path), [])

    def test_not_opened(self):
        """What cannot be opened is told by its name, and verify goes on."""
        os.mkdir(self.path)
        with self.assertRaisesRegex(UsageError, f"{self.path} cannot be opened"):
            schema.connect(self.path)
        self.assertEqual(len(schema.findings(self.path)), 1)

    def test_broken_off(self):
        """A step that fails leaves the older schema; nothing is half done."""
        self.made(schema.VERSION)
        torn = "CREATE TABLE more (n INTEGER); SELECT * FROM nowhere;"
        self.patch(schema, "_STEPS", (*schema._STEPS, torn))
        self.patch(schema, "VERSION", schema.VERSION + 1)
        with self.assertRaisesRegex(UsageError, "nowhere"):
            schema.connect(self.path)
        with closing(sqlite3.connect(self.path)) as database:
            names = [name for name, _ in shape(database)]
            self.assertNotIn("more", names)
            version = database.execute("PRAGMA user_version").fetchone()
        self.assertEqual(version, (schema.VERSION - 1,))


def shape(database):
    """Names and texts of its tables, without the spaces."""
    rows = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
    return [(name, " ".join((sql or "").split())) for name, sql in rows]
