"""What a domain's own file says of mail that fails: read, or told with its line."""

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.house import domains
from mailsuite.model.errors import UsageError


class RuleTests(SynchronousTestCase):
    def load(self, text):
        folder = Path(tempfile.mkdtemp())
        (folder / "example.test.toml").write_text(text)
        return domains.load(str(folder)).authentication

    def wrong(self, text):
        with self.assertRaises(UsageError) as caught:
            self.load(text)
        return str(caught.exception).rpartition("/")[2]

    def test_read(self):
        """Keys of the section are the domain's own."""
        found = self.load('[authentication]\ndmarc = "reject"\ndry_run = true\n')
        self.assertEqual(found, {"example.test": {"dmarc": "reject", "dry_run": True}})

    def test_none(self):
        """A domain without the section has nothing of its own."""
        self.assertEqual(self.load(""), {})

    def test_unknown(self):
        """An unknown key is told with its line and the nearest one."""
        said = self.wrong('[authentication]\n\ndmarcs = "reject"\n')
        self.assertIn("example.test.toml:3: unknown key 'dmarcs'", said)
        self.assertIn("did you mean 'dmarc'?", said)

    def test_not_for_domains(self):
        """What counts for the whole suite cannot stand there."""
        self.assertIn("'seconds'", self.wrong("[authentication]\nseconds = 1.0\n"))

    def test_wrong(self):
        """Wrong values are told."""
        self.assertIn("dmarc", self.wrong('[authentication]\ndmarc = "no"\n'))
        self.assertIn("true or false", self.wrong("[authentication]\ndry_run = 1\n"))
        self.assertIn("section", self.wrong("authentication = 1\n"))
