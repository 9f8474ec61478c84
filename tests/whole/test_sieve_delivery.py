"""Scripts in a whole suite: folders, refusals, redirects, and SIGKILL between them."""

import contextlib
import smtplib
import socket
import time
from threading import Timer

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS

SCRIPT = """
require ["fileinto", "copy", "mailbox", "envelope", "ereject", "vacation"];
if envelope "to" "user1@example.test" {
    fileinto :copy :create "A";
    fileinto :copy :create "B/C";
    redirect :copy "user2@example.test";
} elsif header :contains "subject" "unwanted" {
    ereject "No, thank you";
} elsif header "subject" "hello" {
    vacation "I am away";
}
"""


HEAVY = (
    """
require ["body", "regex", "variables", "foreverypart", "mime", "extracttext"];
foreverypart { extracttext "a"; set "b" "${b}${a}"; }
"""
    + 'if body :contains "nothing" { discard; }\n' * 200
)
"""Does as much as it may with a message of many parts."""


class WholeCase(SynchronousTestCase):
    script = SCRIPT

    def setUp(self):
        self.demo = Demo(users=3)
        self.addCleanup(self.demo.remove)
        path = self.demo.folder / "before.sieve"
        path.write_text(self.script, "utf-8")
        self.demo.settings["MAILSUITE_SIEVE_BEFORE"] = str(path)
        self.demo.settings["MAILSUITE_SIEVE_REDIRECTS"] = "0"  # as many as there are
        self.demo.start()

    def tags(self, number, folder=""):
        """The tags of every message in a folder of an account."""
        root = self.demo.maildir(number) / folder
        found = []
        for sub in ("new", "cur"):
            for path in (root / sub).iterdir() if (root / sub).is_dir() else ():
                with contextlib.suppress(FileNotFoundError):
                    found.append(path.read_bytes().rpartition(b"\r\n\r\n")[2].strip())
        return [one for one in found if one.startswith(b"tag")]

    def settled(self, *wanted):
        """Wait until these messages are where the script puts them."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not all(
            set(wanted) <= set(self.tags(*where)) for where in PLACES
        ) or "user" in self.demo.command("queue", "list"):
            self.assertLess(time.monotonic(), end, self.demo.output())
            time.sleep(0.2)

    def send(self, client, tag, to="user1@example.test", subject="x"):
        text = f"Subject: {subject}\r\nTo: {to}\r\n\r\n".encode() + tag + b"\r\n"
        client.sendmail("a@far.test", [to], text)


PLACES = ((1, ""), (1, ".A"), (1, ".B.C"), (2, ""))


class KilledTests(WholeCase):
    def test_killed(self):
        """Whenever it is killed, each message is in each place once in the end."""
        acknowledged, number = [], 0
        for turn in range(5):
            killer = Timer(0.15 + 0.17 * turn, self.demo.kill)
            with (
                contextlib.suppress(OSError, smtplib.SMTPException),
                self.demo.smtp() as client,
            ):
                killer.start()
                while True:
                    number += 1
                    tag = b"tag%d." % number
                    self.send(client, tag)
                    acknowledged.append(tag)
            killer.join()
            self.demo.start()
        self.assertTrue(acknowledged)
        self.settled(*acknowledged)
        for where in PLACES:
            found = self.tags(*where)
            self.assertEqual(len(found), len(set(found)), where)
            self.assertEqual(set(acknowledged) - set(found), set(), where)
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify"))


class RefusedTests(WholeCase):
    def lmtp(self):
        client = smtplib.LMTP(self.demo.ready["host"], self.demo.ready["lmtp"])
        self.addCleanup(client.close)
        return client

    def test_in_the_dialogue(self):
        """LMTP tells each recipient's refusal; the others have the message."""
        client = self.lmtp()
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            self.send(client, b"tag1", "user3@example.test", "unwanted mail")
        self.assertEqual(caught.exception.smtp_code, 550)
        self.assertIn(b"5.7.1 No, thank you", caught.exception.smtp_error)
        self.send(client, b"tag2", "user3@example.test", "other mail")
        self.assertEqual(self.tags(3), [b"tag2"])

    def test_loop(self):
        """A user whose mail goes to another, and back, has it once."""
        self.demo.command("queue", "list")
        with self.demo.smtp() as client:
            self.send(client, b"tag1")
        self.settled(b"tag1")
        self.assertEqual([len(self.tags(*where)) for where in PLACES], [1] * 4)

    def test_stops_cleanly(self):
        """With scripts under way it ends with 0, and no turn took too long."""
        with self.demo.smtp() as client:
            for n in range(50):
                self.send(client, b"tag%d" % n)
        self.assertEqual(self.demo.stop(), 0)
        with (
            contextlib.suppress(OSError),
            socket.create_connection(
                (self.demo.ready["host"], self.demo.ready["smtp"]), 1
            ),
        ):
            self.fail("it still answers")


class HeavyTests(WholeCase):
    script = HEAVY

    def test_no_stall(self):
        """A script that does all it can holds the reactor up at no time."""
        part = b"--b\r\nContent-Type: text/html\r\n\r\n<p>hello</p>\r\n"
        for n, count in enumerate((100, 2_000, 14_000)):
            head = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            text = head + part * count + b"--b--\r\n\r\ntag%d\r\n" % n
            with self.demo.smtp() as client:
                client.sendmail("a@far.test", ["user1@example.test"], text)
        end = time.monotonic() + PATIENCE_SECONDS
        while len(self.tags(1)) < 3:
            self.assertLess(time.monotonic(), end, self.demo.output())
            time.sleep(0.1)
        self.assertEqual(self.demo.stop(), 0)  # which looks for stalls
