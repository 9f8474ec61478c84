"""``mailsuite sieve check`` and ``test`` need no suite that runs."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from unittest import SkipTest

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.cli.main import main
from mailsuite.delivery import zones

SCRIPT = """\
require ["fileinto", "mailbox", "vacation", "include"];
if header :contains "subject" "hello" {
    fileinto :create "lists/dev";
}
vacation "I am away.
Really.";
"""
MESSAGE = "Return-Path: <ann@example.org>\nFrom: a@b.example\nSubject: hello\n\nbody\n"


class SieveVerbTests(SynchronousTestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = os.path.join(self.folder, "none.toml")

    def file(self, name, text):
        path = Path(self.folder, name)
        path.write_text(text, "utf-8")
        return str(path)

    def run_verb(self, *words, status=0, stdin=None):
        done = CliRunner().invoke(main, ["--config", self.config, *words], stdin)
        self.assertEqual(done.exit_code, status, done.output)
        return done.output

    def test_check(self):
        """A script that is right is told with what it uses."""
        path = self.file("a.sieve", SCRIPT)
        said = self.run_verb("sieve", "check", path)
        self.assertEqual(
            said, f"{path} is right; it uses fileinto, include, mailbox, vacation.\n"
        )
        self.assertEqual(
            self.run_verb("sieve", "check", "-", stdin="keep;"),
            "standard input is right.\n",
        )
        told = json.loads(self.run_verb("sieve", "check", path, "--json"))
        self.assertIs(told["right"], True)

    def test_check_wrong(self):
        """What is wrong is told with its place, its line, and what to write."""
        path = self.file("a.sieve", 'if header :contain "subject" "x" {\n\tkeep;\n}\n')
        said = self.run_verb("sieve", "check", path, status=1)
        self.assertEqual(
            said.splitlines(),
            [
                f"{path}:1:11: header has no :contain",
                '    if header :contain "subject" "x" {',
                "              ^",
                "  did you mean :contains?",
            ],
        )
        told = json.loads(self.run_verb("sieve", "check", path, "--json", status=1))
        self.assertEqual((told["line"], told["column"], told["right"]), (1, 11, False))

    def test_check_hostile(self):
        """What a script brings along cannot command the terminal."""
        path = self.file("a.sieve", 'keep;\n"\x1b[2J"\x1b[2J;\n')
        self.assertNotIn("\x1b", self.run_verb("sieve", "check", path, status=1))

    def test_check_programs(self):
        """Programs are for operators who allow them."""
        path = self.file("a.sieve", 'require "vnd.dovecot.pipe"; pipe "x";')
        self.run_verb("sieve", "check", path, status=1)
        self.run_verb("sieve", "check", path, "--operator")
        self.config = self.file("etc.toml", "[sieve]\n")
        self.run_verb("sieve", "check", path, "--operator", status=1)
        self.config = self.file("etc.toml", '[sieve]\nprograms = "bin"\n')
        self.run_verb("sieve", "check", path, "--operator")
        self.run_verb("sieve", "check", path, status=1)

    def try_script(self, script, *words, message=MESSAGE, status=0):
        paths = self.file("a.sieve", script), self.file("a.eml", message)
        return self.run_verb("sieve", "test", *paths, *words, status=status)

    def test_test(self):
        """Each decision is told with its line, then what would be done."""
        words = "once in 7 days to each sender"
        self.assertEqual(
            self.try_script(SCRIPT).splitlines(),
            [
                'line 2: header :contains "subject" "hello": yes',
                'line 3: fileinto "lists/dev" create',
                'line 5: vacation "I am away. Really."',
                "",
                "What would be done:",
                "  file it into lists/dev, which is made if it is not there (line 3)",
                f"  reply to the sender, {words}: I am away. Really. (line 5)",
            ],
        )
        message = MESSAGE.replace("hello", "bye")
        said = self.try_script(SCRIPT, message=message)
        self.assertIn('"hello": no', said)
        self.assertIn("keep it, because no rule says otherwise", said)

    def test_snooze(self):
        """When a message would awaken is told, in the time of its zone."""
        script = (
            'require "snooze"; snooze :mailbox "Later" :tzid "Asia/Tokyo" "09:00:00";'
        )
        if not zones.known("Asia/Tokyo"):
            raise SkipTest("there is no tz database here")
        said = self.try_script(script).splitlines()[-1]
        told = r"  snooze it until \d{4}-\d\d-\d\dT09:00:00\+09:00, and then file it into Later"
        self.assertRegex(said, told)
        wrong = script.replace("Tokyo", "Tokio")
        self.assertIn("no time zone Asia/Tokio", self.try_script(wrong, status=1))

    def test_test_json(self):
        """The same for programs."""
        told = json.loads(self.try_script(SCRIPT, "--json"))
        self.assertEqual([one["line"] for one in told["decisions"]], [2, 3, 5])
        actions = [one["action"] for one in told["actions"]]
        self.assertEqual(actions, ["fileinto", "vacation"])

    def test_envelope(self):
        """The envelope is that of the options, else of the message."""
        script = (
            'require "envelope"; if envelope "from" "{}" {{ stop; }}'
            ' if envelope "to" "{}" {{ discard; }}'
        )
        said = self.try_script(
            script.format("x@y.example", "me@here.example"), "--to", "me@here.example"
        )
        self.assertIn('envelope "from" "x@y.example": no', said)
        self.assertIn('envelope "to" "me@here.example": yes', said)
        said = self.try_script(script.format("ann@example.org", ""))
        self.assertIn('envelope "from" "ann@example.org": yes', said)
        said = self.try_script(
            script.format("b@c.example", ""), "--from", "b@c.example"
        )
        self.assertIn('envelope "from" "b@c.example": yes', said)
        self.try_script("keep;", "--from", "nobody", status=1)

    def test_event(self):
        """An IMAP event can be pretended (RFC 6785 §4)."""
        script = (
            'require ["environment", "imapsieve", "imap4flags"];'
            'if allof (environment "imap.cause" "FLAG",'
            ' environment "imap.mailbox" "Junk", hasflag "$a",'
            ' environment :contains "imap.changedflags" "$a") { discard; }'
        )
        words = ("--cause", "FLAG", "--mailbox", "Junk", "--flag", "$a")
        said = self.try_script(script, *words, "--changed", "$a")
        self.assertIn("discard", said.partition("would be done")[2])
        said = self.try_script(script, *words)
        self.assertIn("keep it, with $a", said)

    def test_assumed(self):
        """What only a suite knows is taken for granted, and told."""
        said = self.try_script('require "mailbox"; if mailboxexists "x" { stop; }')
        self.assertIn("taken for granted: mailboxexists x: yes", said)
        said = self.try_script('require "include"; include :personal "x";')
        self.assertIn("The script fails: line 1: name the --account", said)
        self.assertIn("keep it", said)

    def test_wrong(self):
        """A script that is wrong is told as check tells it, in a line."""
        said = self.try_script("kep;", status=1)
        self.assertIn("line 1, column 1: there is no command kep", said)

    def test_needs_a_suite(self):
        """Scripts of accounts belong to a running suite; the text says so."""
        self.config = self.file("etc.toml", "")
        user = "ann@example.test"
        for words in (
            ("sieve", "list", user),
            ("sieve", "get", user, "a"),
            ("sieve", "put", user, self.file("a.sieve", "keep;")),
            ("sieve", "replay", user),
            ("vacation", "show", user),
            ("vacation", "set", user, "--text", "a"),
            ("vacation", "clear", user),
        ):
            self.assertIn("not running", self.run_verb(*words, status=1))

    def test_usage(self):
        """What is missing is told."""
        user = "ann@example.test"
        for words, status, word in (
            (("vacation", "set", user), 1, "--text or with --file"),
            (("vacation", "set", user, "--text", "a", "--from", "soon"), 2, "soon"),
            (("sieve", "activate", user), 1, "--none"),
            (("sieve", "activate", user, "a", "--none"), 1, "--none"),
        ):
            self.assertIn(word, self.run_verb(*words, status=status))
