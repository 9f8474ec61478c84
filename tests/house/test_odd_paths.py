"""Databases of a data folder whose path means something in a URI."""

import os
import sqlite3
import tempfile
from contextlib import closing

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.house.verify import sound
from mailsuite.queue import verify
from mailsuite.reports import schema


class OddPathTests(SynchronousTestCase):
    def setUp(self):
        self.folder = os.path.join(tempfile.mkdtemp(), "100%25 a?b#c")
        os.mkdir(self.folder)

    def made(self, name, *statements):
        path = os.path.join(self.folder, name)
        with closing(sqlite3.connect(path)) as database, database:
            for statement in ("CREATE TABLE one (n)", *statements):
                database.execute(statement)
        return path

    def test_verified(self):
        """They are what is looked at, and no other file is made."""
        queue = self.made(
            "queue.db",
            "CREATE TABLE job (id, crc, path)",
            "CREATE TABLE recipient (job)",
            "INSERT INTO recipient VALUES ('x')",
        )
        paths = [self.made("snoozed.db"), self.made("reports.db")]
        self.assertEqual(
            list(sound(queue, lambda rows: verify.findings(rows, self.folder))),
            [f"{queue}: recipients of x, which is no job"],
        )
        self.assertEqual(list(sound(paths[0])), [])
        self.assertEqual(list(sound(paths[1], schema.findings)), [])
        above = os.path.dirname(self.folder)
        self.assertEqual(os.listdir(above), [os.path.basename(self.folder)])
        self.assertEqual(len(os.listdir(self.folder)), 3)

    def test_absent(self):
        """What is not there is not wrong."""
        self.assertEqual(list(sound(os.path.join(self.folder, "snoozed.db"))), [])

    def test_cannot_be_opened(self):
        """It is a finding with its path, and no traceback."""
        [found] = sound(self.folder)
        self.assertTrue(found.startswith(f"{self.folder}: "))
