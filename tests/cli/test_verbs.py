"""Commands on a stopped suite: users, domains, aliases, configuration."""

import json
import os
import tempfile
from pathlib import Path

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.cli.main import main
from mailsuite.cli.shown import plain

NO_TLS = "".join(
    f"[{section}]\nlisten_tls = []\n" for section in ("submission", "imap", "pop3")
)


class VerbTests(SynchronousTestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.etc = Path(self.folder, "etc")
        (self.etc / "domains.d").mkdir(parents=True)
        os.mkdir(os.path.join(self.folder, "var"), 0o700)
        self.path = self.etc / "mailsuite.toml"
        self.path.write_text(NO_TLS)

    def run_verb(self, *words, status=0, stdin=None):
        done = CliRunner().invoke(main, ["--config", str(self.path), *words], stdin)
        self.assertEqual(done.exit_code, status, done.output)
        return done.output

    def as_json(self, *words):
        return json.loads(self.run_verb(*words, "--json"))

    def test_people(self):
        """A domain, a user, an alias: made, listed, removed while stopped."""
        told = self.run_verb("domain", "add", "Example.Test")
        self.assertIn("mailsuite dns records example.test", told)
        self.run_verb("user", "add", "ann@example.test", "--password", "x")
        self.run_verb("user", "add", "bob@example.test", stdin="secret\n")
        made = self.as_json("user", "add", "eve@example.test", "--generate")
        self.assertGreater(len(made["password"]), 12)
        self.run_verb("alias", "add", "all@example.test", "ann@example.test")
        self.assertEqual(len(self.as_json("user", "list")["users"]), 3)
        self.assertIn("ann@example.test", self.run_verb("user", "list", "example.test"))
        self.assertIn("state.db", self.run_verb("domain", "list"))
        self.assertIn("ann@example.test", self.run_verb("alias", "list"))
        self.run_verb("user", "password", "ann@example.test", "--password", "y")
        said = self.run_verb("user", "quota", "ann@example.test", "1.5M")
        self.assertIn("1572864 octets", said)
        self.run_verb("user", "quota", "ann@example.test", "much", status=2)
        self.assertIn(
            "cannot log in", self.run_verb("user", "disable", "bob@example.test")
        )
        ann, bob, _ = self.as_json("user", "list")["users"]
        self.assertEqual((ann["quota_octets"], ann["disabled"]), (1572864, False))
        self.assertIs(bob["disabled"], True)
        self.assertIn("can log in", self.run_verb("user", "enable", "bob@example.test"))
        self.run_verb("alias", "remove", "all@example.test")
        self.run_verb("user", "remove", "ann@example.test")
        self.assertIn(
            "still has", self.run_verb("domain", "remove", "example.test", status=1)
        )

    def test_keys(self):
        """Keys come with a domain, and change while the suite is stopped."""
        self.run_verb("domain", "add", "example.test")
        keys = self.as_json("dkim", "list")["keys"]
        self.assertEqual(
            [key["algorithm"] for key in keys], ["rsa-sha256", "ed25519-sha256"]
        )
        self.assertNotIn("private", keys[0])
        self.assertIn(
            "_domainkey.example.test. IN TXT",
            self.run_verb("dkim", "show", "example.test"),
        )
        self.assertIn(
            "Records to publish", self.run_verb("dkim", "rotate", "example.test")
        )
        self.assertIn(
            "signs from now on", self.run_verb("dkim", "activate", "example.test")
        )
        self.assertIn("is forgotten", self.run_verb("dkim", "retire", "example.test"))
        self.assertIn("active", self.run_verb("dkim", "list", "example.test"))
        private = self.run_verb("dkim", "show", "example.test", "--private")
        self.assertEqual(private.count("BEGIN PRIVATE KEY"), 2)
        self.assertIn(
            "mailsuite domain add", self.run_verb("dkim", "add", "x.test", status=1)
        )
        self.run_verb("dkim", "show", "x.test", status=1)
        for line in self.run_verb("dkim", "show", "example.test").splitlines():
            for part in line.split('"')[1::2]:
                self.assertLessEqual(len(part), 255)

    def test_refused(self):
        """What cannot be is one sentence and status 1, without a traceback."""
        said = self.run_verb("user", "add", "a@x.test", "--password", "p", status=1)
        self.assertEqual(
            said,
            "Error: x.test is not one of our domains: mailsuite domain add x.test\n",
        )
        said = self.run_verb("user", "add", "nobody", "--password", "p", status=1)
        self.assertIn("write name@example.org", said)

    def test_needs_a_suite(self):
        """The queue belongs to a running suite; the text says so."""
        for words in (("queue", "list"), ("search", "a", "b"), ("reload",)):
            self.assertIn("not running", self.run_verb(*words, status=1))

    def test_queue_needs_ids(self):
        """``remove`` without ids does not mean all."""
        self.assertIn("--all", self.run_verb("queue", "remove", status=1))

    def test_config(self):
        """check, show and explain."""
        self.assertIn("is right", self.run_verb("config", "check"))
        self.path.write_text('[server]\nhostname = "mx.example.test"\n' + NO_TLS)
        rows = self.as_json("config", "show", "server")["settings"]
        named = {row["setting"]: row for row in rows}
        self.assertTrue(named["server.hostname"]["source"].endswith("toml:2"))
        self.assertEqual(named["server.data"]["source"], "default")
        self.assertIn("Own name", self.run_verb("config", "explain", "server.hostname"))
        self.assertIn("MAILSUITE_SERVER_HOSTNAME", self.run_verb("config", "explain"))
        self.assertIn(
            "did you mean", self.run_verb("config", "explain", "serv", status=1)
        )

    def test_config_wrong(self):
        """A wrong key is told with file and line."""
        self.path.write_text("[server]\nhost = 1\n")
        said = self.run_verb("config", "check", status=1)
        self.assertIn("mailsuite.toml:2: unknown key 'host' in [server]", said)

    def test_no_config(self):
        """No configuration at all is a sentence too."""
        self.path.unlink()
        self.assertIn("No such file", self.run_verb("user", "list", status=1))

    def test_file_of_another(self):
        """What the system refuses is a sentence with the file's name."""
        os.mkdir(os.path.join(self.folder, "var", "lock"))
        said = self.run_verb("verify", status=1)
        lock = os.path.join(self.folder, "var", "lock")
        self.assertEqual(said, f"Error: {lock}: Is a directory\n")

    def test_cells(self):
        """What a peer sent cannot write to the terminal."""
        self.assertEqual(plain("a\x1b[2Jb"), "a\N{REPLACEMENT CHARACTER}[2Jb")
