"""Operators' commands for scripts on a whole suite: kept, replayed, on vacation."""

import json
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS
from tests.support.sieveclient import Client

SCRIPT = """\
require ["fileinto", "mailbox"];
if header :contains "subject" "[dev]" {
    fileinto :create "lists/dev";
}
"""


class SieveCommandTests(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = Demo().start()
        cls.user, cls.other = cls.demo.address(1), cls.demo.address(2)
        cls.path = cls.demo.folder / "main.sieve"
        cls.path.write_text(SCRIPT)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.demo.stop()
        finally:
            cls.demo.remove()

    def run_verb(self, *words):
        return self.demo.command(*words)

    def send(self, subject, sender="x@other.test"):
        text = f"From: {sender}\r\nTo: {self.user}\r\nSubject: {subject}\r\n\r\nhi\r\n"
        with self.demo.smtp() as client:
            client.sendmail(sender, [self.user], text)

    def wait_for(self, mailbox, number, count):
        """Wait until a mailbox has so many messages."""
        client = self.demo.imap(number)
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < until:
                status, (found,) = client.select(mailbox)
                if status == "OK" and int(found) >= count:
                    return client.fetch("*", "(BODY.PEEK[])")[1][0][1]
                time.sleep(0.05)
            raise AssertionError(f"{mailbox}: {found}, not {count}")
        finally:
            client.logout()

    def test_lists(self):
        """Own lists by command, the operator's as files; each counts for new mail."""
        user, friends = self.demo.address(3), self.demo.folder / "friends.txt"
        friends.write_text("# mine\nbob@friends.test\n*@club.test\n")
        said = self.run_verb("sieve", "addresses", user, "--put", str(friends))
        self.assertEqual(said, f":addrbook:default of {user} has 2 lines.\n")
        folder = self.demo.folder / "etc" / "sieve" / "lists"
        folder.mkdir(parents=True)
        name = "tag:example.test,2026:partners"
        (folder / f"{name}.list").write_text("carl@partners.test\n")
        script = self.demo.folder / "lists.sieve"
        script.write_text(
            'require ["fileinto", "mailbox", "extlists", "envelope"];\n'
            'if envelope :list "from" ":addrbook:default" {\n'
            '    fileinto :create "Friends";\n'
            f'}} elsif envelope :list "from" "{name}" {{\n'
            '    fileinto :create "Partners";\n}\n'
        )
        self.run_verb("sieve", "put", user, str(script))
        for sender in ("bob@friends.test", "x@club.test", "carl@partners.test"):
            with self.demo.smtp() as client:
                client.sendmail(sender, [user], b"Subject: x\r\n\r\nhi\r\n")
        self.wait_for("Friends", 3, 2)
        self.wait_for("Partners", 3, 1)
        lists = json.loads(self.run_verb("sieve", "addresses", user, "--json"))
        self.assertEqual(lists["lists"], [{"name": "default", "entries": 2}])
        shown = self.run_verb("sieve", "addresses", user, "default")
        self.assertEqual(shown, friends.read_text())
        self.run_verb("sieve", "addresses", user, "--remove")
        told = self.run_verb("sieve", "addresses", user)
        self.assertIn("has no lists", told)
        with Client(self.demo, 3) as client:
            self.assertIn(b'"EXTLISTS" "tag urn"\r\n', client.greeting)

    def test_scripts(self):
        """A script is tried on what came, kept, counts for new mail, and goes."""
        self.send("one [dev]")
        self.wait_for("INBOX", 1, 4)
        words = ("sieve", "replay", self.user, "--file", str(self.path), "--json")
        told = json.loads(self.run_verb(*words))
        (moved,) = [row for row in told["messages"] if row["places"] != ["INBOX"]]
        self.assertEqual((moved["places"], told["changed"]), (["lists/dev"], 1))
        said = self.run_verb("sieve", "put", self.user, str(self.path))
        self.assertIn(f"main counts for new mail of {self.user}.", said)
        self.assertIn("lists/dev", self.run_verb("sieve", "replay", self.user))
        self.assertEqual(self.run_verb("sieve", "get", self.user, "main"), SCRIPT)
        self.send("two [dev]")
        self.assertIn(b"two [dev]", self.wait_for("lists/dev", 1, 1))
        self.assertIn("yes", self.run_verb("sieve", "list", self.user))
        self._vacation()
        self.run_verb("sieve", "activate", self.user, "--none")
        self.run_verb("sieve", "remove", self.user, "main")
        self.assertIn("has no scripts", self.run_verb("sieve", "list", self.user))

    def _vacation(self):
        """Mail is answered, and filed by the owner's script as before."""
        words = ("vacation", "set", self.user, "--text", "I am away.", "--from")
        said = self.run_verb(*words, "2020-01-01", "--until", "2099-01-01")
        self.assertIn("is answered from 2020-01-01 until 2099-01-01", said)
        self.assertIn("Then runs: main", self.run_verb("vacation", "show", self.user))
        self.send("three [dev]", self.other)
        self.wait_for("lists/dev", 1, 2)
        reply = self.wait_for("INBOX", 2, 4)
        self.assertIn(b"I am away.", reply)
        self.assertIn(b"Auto-Submitted: auto-replied", reply)
        said = self.run_verb("vacation", "clear", self.user)
        self.assertEqual(said, "The vacation is over; main is active.\n")

    def test_account(self):
        """A script is tried with the mailboxes of an account."""
        script, message = self.demo.folder / "a.sieve", self.demo.folder / "a.eml"
        script.write_text(
            'require ["mailbox", "include"]; include :personal :optional "none";'
            ' if mailboxexists "Nowhere" { discard; }'
        )
        message.write_text("From: a@b.example\n\nhi\n")
        words = ("sieve", "test", str(script), str(message))
        self.assertIn("keep it", self.run_verb(*words, "--account", self.other))
        script.write_text('require "mailbox"; if mailboxexists "No" { discard; }')
        self.assertIn("discard it", self.run_verb(*words))

    def test_refused(self):
        """What is wrong with a script is told by put, too; nothing is kept."""
        self.path.with_name("bad.sieve").write_text("kep;")
        words = ("sieve", "put", self.other, str(self.path.with_name("bad.sieve")))
        with self.assertRaises(AssertionError) as caught:
            self.run_verb(*words)
        self.assertIn(
            "line 1, column 1: there is no command kep", str(caught.exception)
        )
        self.assertIn("has no scripts", self.run_verb("sieve", "list", self.other))
