"""``[sieve] events``: the operator's scripts for IMAP events."""

import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory.state import Listing
from mailsuite.house import sieves
from mailsuite.house.tree import Tree
from mailsuite.model.errors import UsageError
from mailsuite.sieve.settings import Sieve


class RuleTests(SynchronousTestCase):
    def setUp(self):
        self.etc = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.etc)
        (self.etc / "spam.sieve").write_text("keep;", "utf-8")
        (self.etc / "wrong.sieve").write_text("kep;", "utf-8")

    def system(self, *rows):
        return sieves.load(Tree(sieve=Sieve(events=rows)), Listing(), str(self.etc))

    def ran(self, row, *event):
        return [one.name for one in self.system(row).at(*event)]

    def test_fits(self):
        """Causes, the mailbox, and the one a message came from decide."""
        row = "INBOX > Junk* copy,APPEND spam.sieve"
        self.assertEqual(self.ran(row, "COPY", "INBOX", "Junk"), ["spam"])
        self.assertEqual(self.ran(row, "COPY", "INBOX", "Junk/old"), ["spam"])
        self.assertEqual(self.ran(row, "APPEND", "INBOX", "Junk"), ["spam"])
        self.assertEqual(self.ran(row, "FLAG", "INBOX", "Junk"), [])
        self.assertEqual(self.ran(row, "COPY", "Sent", "Junk"), [])
        self.assertEqual(self.ran(row, "COPY", "INBOX", "Sent"), [])

    def test_without_source(self):
        """A row without one fits wherever a message came from; INBOX in any case."""
        row = "inbox FLAG spam.sieve"
        self.assertEqual(self.ran(row, "FLAG", "", "INBOX"), ["spam"])
        self.assertEqual(
            self.ran("My Box COPY spam.sieve", "COPY", "a", "My Box"), ["spam"]
        )

    def test_wrong(self):
        """What is wrong with a row or its script stops the start, and says why."""
        for row, why in (
            ("Junk spam.sieve", "write MAILBOX CAUSES SCRIPT"),
            ("Junk MOVE spam.sieve", "causes are APPEND, COPY and FLAG"),
            ("Junk COPY none.sieve", "No such file"),
            ("Junk COPY wrong.sieve", "line 1"),
        ):
            error = self.assertRaises(UsageError, self.system, row)
            self.assertIn(why, str(error))
