"""Configuration: errors that help, overrides, samples that are up to date."""

import os
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.house import config, domains, manual, sample
from mailsuite.house.keylines import KeyLines
from mailsuite.house.tree import SECTIONS, Tree
from mailsuite.model.errors import UsageError
from mailsuite.model.settings import described

ROOT = Path(__file__).parent.parent.parent


class Written(SynchronousTestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()

    def write(self, text, name="mailsuite.toml"):
        path = os.path.join(self.folder, name)
        Path(path).write_text(text, "utf-8")
        return path


class LoadTests(Written):
    def load(self, text, **environ):
        return config.load(self.write(text), environ)

    def wrong(self, text, **environ):
        error = self.assertRaises(UsageError, self.load, text, **environ)
        return str(error).replace(self.folder + "/", "")

    def test_empty(self):
        """An empty file means defaults."""
        self.assertEqual(self.load("").tree, Tree())

    def test_value(self):
        """A value is taken, and its line is known."""
        loaded = self.load('[server]\n\nhostname = "mx.example.test"\n')
        self.assertEqual(loaded.tree.server.hostname, "mx.example.test")
        self.assertTrue(loaded.sources["server", "hostname"].endswith(".toml:3"))

    def test_unknown_key(self):
        """An unknown key: file, line and the nearest known one."""
        self.assertEqual(
            self.wrong('[server]\n# x\nhostnam = "a"\n'),
            "mailsuite.toml:3: unknown key 'hostnam' in [server];"
            " did you mean 'hostname'?",
        )

    def test_unknown_section(self):
        """An unknown section likewise."""
        self.assertEqual(
            self.wrong("\n[serve]\n"),
            "mailsuite.toml:2: unknown section [serve]; did you mean 'server'?",
        )

    def test_types(self):
        """Wrong types are told with what was expected; true is no number."""
        text = '[server]\ndescriptors = true\nhostname = 5\n[directory]\nliterals="x"'
        self.assertEqual(
            self.wrong(text).splitlines(),
            [
                "mailsuite.toml:2: 'descriptors' in [server] must be a whole number",
                "mailsuite.toml:3: 'hostname' in [server] must be a text such as \"a\"",
                'mailsuite.toml:5: \'literals\' in [directory] must be a list of texts such as ["a", "b"]',
            ],
        )

    def test_syntax(self):
        """A syntax error has its line."""
        self.assertIn("mailsuite.toml:2:", self.wrong("[server]\nx = = 1\n"))

    def test_not_a_section(self):
        """A key where a section belongs."""
        self.assertIn("must be a section", self.wrong("server = 1\n"))

    def test_not_text(self):
        """Octets that are no UTF-8 are an error with the file's name."""
        path = os.path.join(self.folder, "x.toml")
        Path(path).write_bytes(b"\xff\xfe")
        self.assertIn(
            "not UTF-8", str(self.assertRaises(UsageError, config.load, path, {}))
        )

    def test_missing(self):
        """A missing file is named, and what makes it."""
        error = self.assertRaises(UsageError, config.load, "/no/such.toml", {})
        self.assertTrue(str(error).startswith("/no/such.toml: No such file"))
        self.assertIn("mailsuite init ADDRESS", str(error))

    def test_out_of_reach(self):
        """A file that cannot be looked at is not taken for a missing one."""
        above = self.write("")
        error = self.assertRaises(UsageError, config.load, f"{above}/a.toml", {})
        self.assertEqual(str(error), f"{above}/a.toml: Not a directory")

    def test_environment(self):
        """The environment wins, whatever the type."""
        loaded = self.load(
            '[server]\nhostname = "a"\n',
            MAILSUITE_SERVER_HOSTNAME="b",
            MAILSUITE_SERVER_DESCRIPTORS="99",
            MAILSUITE_DIRECTORY_LITERALS="192.0.2.1, 192.0.2.2",
        )
        self.assertEqual(loaded.tree.server.hostname, "b")
        self.assertEqual(loaded.tree.server.descriptors, 99)
        self.assertEqual(loaded.tree.directory.literals, ("192.0.2.1", "192.0.2.2"))
        self.assertIn("environment", loaded.sources["server", "hostname"])

    def test_environment_wrong(self):
        """A wrong override names the variable."""
        self.assertIn(
            "MAILSUITE_SERVER_DESCRIPTORS: 'descriptors'",
            self.wrong("", MAILSUITE_SERVER_DESCRIPTORS="many"),
        )

    def test_secret_from_file(self):
        """``file:`` gives the file's content without its last line end."""
        path = self.write("mx.example.test\n", "secret")
        loaded = self.load(f'[server]\nhostname = "file:{path}"\n')
        self.assertEqual(loaded.tree.server.hostname, "mx.example.test")

    def test_secret_missing(self):
        """A missing secret stops the start."""
        self.assertIn("No such file", self.wrong('[server]\nhostname = "file:/no"\n'))


class SampleTests(Written):
    def test_up_to_date(self):
        """The sample of the repository is what the settings classes say."""
        text = (ROOT / "etc" / "mailsuite.toml").read_text("utf-8")
        self.assertEqual(text, sample.main(), "run: mailsuite config sample")

    def test_domain_up_to_date(self):
        """So is the sample of a domain."""
        path = ROOT / "etc" / "domains.d" / "example.test.toml"
        self.assertEqual(path.read_text("utf-8"), sample.DOMAIN)

    def test_manual_up_to_date(self):
        """So is the manual."""
        text = (ROOT / "docs" / "configuration.rst").read_text("utf-8")
        self.assertEqual(text, manual.main(), "run: mailsuite config manual")

    def test_means_defaults(self):
        """The sample, read, is the default."""
        self.assertEqual(config.load(self.write(sample.main()), {}).tree, Tree())

    def test_uncommented(self):
        """Every key, its comment sign removed, reads as its default."""
        lines = [
            line[2:] if line.startswith("# ") and " = " in line else line
            for line in sample.main().splitlines()
            if not line.startswith("# ") or line[2:].partition(" = ")[0].isidentifier()
        ]
        loaded = config.load(self.write("\n".join(lines)), {})
        self.assertEqual(loaded.tree, Tree())
        known = sum(len(list(described(kind))) for kind in SECTIONS.values())
        self.assertEqual(len(loaded.sources), known)

    def test_values(self):
        """Given values stand uncommented."""
        text = sample.main({"server": {"hostname": 'a"\\b'}})
        loaded = config.load(self.write(text), {})
        self.assertEqual(loaded.tree.server.hostname, 'a"\\b')


class DomainTests(Written):
    def test_read(self):
        """Catch-all and aliases; bare names belong to the domain."""
        self.write(
            'catch_all = "ann"\n[aliases]\ninfo = ["ann", "Bob@else.test"]\n',
            "example.test.toml",
        )
        listing = domains.load(self.folder)
        self.assertEqual(listing.domains[0].name, "example.test")
        self.assertEqual(listing.domains[0].catch_all, "ann@example.test")
        self.assertEqual(listing.aliases[0].address, "info@example.test")
        self.assertEqual(
            listing.aliases[0].targets, ("ann@example.test", "Bob@else.test")
        )

    def test_wrong(self):
        """Every error has file and line."""
        self.write('catch = "x"\n[aliases]\ninfo = "ann"\n"a b c@" = ["x"]\n', "a.toml")
        error = str(self.assertRaises(UsageError, domains.load, self.folder))
        self.assertIn("a.toml:1: unknown key 'catch'; did you mean 'catch_all'?", error)
        self.assertIn("a.toml:3: 'info' must be a list of addresses", error)
        self.assertIn("a.toml:4:", error)

    def test_no_folder(self):
        """No folder means no domains."""
        self.assertEqual(domains.load("/no/such").domains, ())


class LineTests(SynchronousTestCase):
    def test_lines(self):
        """Keys within long texts and arrays are not taken for keys of the file."""
        text = 'a = 1\n[x]\nb = """\nc = 2\n"""\n  "d e" = [\n 1,\n]\n[y.z]\nb = 3\n'
        lines = KeyLines.of(text)
        self.assertEqual(lines.line("", "a"), 1)
        self.assertEqual(lines.line("x", "b"), 3)
        self.assertEqual(lines.line("x", "c"), 2)
        self.assertEqual(lines.line("x", "d e"), 6)
        self.assertEqual(lines.line("y.z", "b"), 10)
