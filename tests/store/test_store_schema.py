"""Databases of an account that an older release wrote."""

import sqlite3
from contextlib import closing

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import UsageError
from mailsuite.store import schema

MORE = "CREATE TABLE more (n INTEGER);"
TORN = f"{MORE} SELECT * FROM nowhere;"


def shape(database):
    rows = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
    return [tuple(row) for row in rows]


class SchemaTests(SynchronousTestCase):
    def opened(self, versions):
        return closing(schema.connect(self.path, versions, "NORMAL"))

    def setUp(self):
        self.path = self.mktemp()

    def test_older(self):
        """Every older schema of both databases becomes ours and keeps its rows."""
        for versions, row in (
            (schema.FACTS, "INSERT INTO fact VALUES ('a', 1)"),
            (schema.INDEX, "INSERT INTO meta VALUES ('a', 1)"),
        ):
            self.path = self.mktemp()
            with self.opened(versions) as fresh:
                ours = shape(fresh)
            for number in range(1, len(versions)):
                self.path = self.mktemp()
                with self.opened(versions[:number]) as older:
                    older.execute(row)
                with self.opened(versions) as newer:
                    self.assertEqual(shape(newer), ours)
                    table = row.split()[2]
                    found = newer.execute(f"SELECT * FROM {table}").fetchall()
                    self.assertEqual(found, [("a", 1)])

    def test_broken_off(self):
        """A step that fails leaves the older schema, and the next start takes it."""
        with self.opened(schema.FACTS):
            pass
        with self.assertRaises(sqlite3.OperationalError):
            schema.connect(self.path, (*schema.FACTS, TORN), "FULL")
        with self.opened((*schema.FACTS, MORE)) as whole:
            self.assertEqual(whole.execute("SELECT * FROM more").fetchall(), [])

    def test_newer(self):
        """A newer one is refused."""
        with self.opened((*schema.FACTS, MORE)):
            pass
        with self.assertRaisesRegex(UsageError, "newer"):
            schema.connect(self.path, schema.FACTS, "FULL")

    def test_damaged_inside(self):
        """Noise in a page that an opening does not read is found by the opening."""
        with self.opened(schema.FACTS) as database:
            many = [(f"k{n}", "v" * 50) for n in range(500)]
            database.execute("BEGIN")
            database.executemany("INSERT INTO fact VALUES (?, ?)", many)
            database.execute("COMMIT")
        with open(self.path, "r+b") as file:
            file.seek(-8192, 2)
            file.write(b"\xa5" * 4096)
        with self.assertRaises(sqlite3.DatabaseError):
            schema.connect(self.path, schema.FACTS, "FULL")
