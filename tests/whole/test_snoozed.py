"""Snoozed mail in a whole suite: it awakens once, whatever is killed in between."""

import contextlib
import smtplib
import time
from threading import Timer

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo

SOON = [*range(0, 60, 2), *range(60, 400, 5), 900, 1_800]  # seconds; mail awakens then
TO = "user1@example.test"
BY_SUBJECT = """
require ["snooze", "variables", "imap4flags"];
if header :matches "subject" "until *" {
    snooze :tzid "UTC" :addflags "Awake" "${1}";
}
"""
NAMED = 'require "snooze"; snooze :mailbox "{}" :tzid "UTC" [{}];'


def clock(seconds):
    return time.strftime("%H:%M:%S", time.gmtime(seconds))


class SnoozedCase(SynchronousTestCase):
    def start(self, script):
        self.demo = Demo(users=2)
        self.addCleanup(self.demo.remove)
        path = self.demo.folder / "before.sieve"
        path.write_text(script, "utf-8")
        self.demo.settings["MAILSUITE_SIEVE_BEFORE"] = str(path)
        self.demo.start()

    def tags(self, folder=""):
        """The tags of every message in a folder of the account."""
        found = []
        for sub in ("new", "cur"):
            place = self.demo.maildir() / folder / sub
            for path in place.iterdir() if place.is_dir() else ():
                with contextlib.suppress(FileNotFoundError):
                    found.append(path.read_bytes().rpartition(b"\r\n\r\n")[2].strip())
        return [one for one in found if one.startswith(b"tag")]

    def send(self, client, tag, subject="x"):
        text = f"Subject: {subject}\r\nTo: {TO}\r\n\r\n".encode() + tag + b"\r\n"
        client.sendmail("a@far.test", [TO], text)

    def until(self, true):
        end = time.monotonic() + 60
        while not true():
            self.assertLess(time.monotonic(), end, self.demo.output())
            time.sleep(0.1)


class OverdueTests(SnoozedCase):
    def asleep(self, tag):
        """Have a message that sleeps; gives until when."""
        for number, margin in enumerate((4, 8, 16, 32)):
            due = int(time.time()) + margin
            with self.demo.smtp() as client:
                self.send(client, tag, f"until {clock(due)}")
            self.until(lambda: len(self.tags(".Snoozed") + self.tags()) > number)  # noqa: B023 - called at once
            if time.time() < due - 1 and tag in self.tags(".Snoozed"):
                return due
            tag += b"+"
        raise AssertionError("this machine is too slow")

    def test_killed_while_it_sleeps(self):
        """Killed before its time and started after it: it awakens at the start."""
        self.start(BY_SUBJECT)
        due = self.asleep(b"tag")
        self.demo.kill()
        time.sleep(max(0.0, due - time.time()) + 0.5)
        self.demo.start()
        self.until(lambda: any(one.startswith(b"tag") for one in self.tags()))
        self.until(lambda: not self.tags(".Snoozed"))  # its file follows soon
        client = self.demo.imap()
        names = b"\n".join(client.list()[1])
        self.assertIn(b'(\\HasNoChildren \\Snoozed) "/" "Snoozed"', names)
        client.select("INBOX")
        found = client.fetch("1:*", "(FLAGS BODY.PEEK[TEXT])")[1]
        said = b" ".join(part for one in found for part in one if one != b")")
        self.assertIn(b"Awake", said)
        client.logout()
        self.until(lambda: self.demo.logged("sieve.awakened"))
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify"))


class KilledTests(SnoozedCase):
    def test_killed(self):
        """Killed while mail comes and awakens: each is in its mailbox once."""
        now = int(time.time())
        times = ", ".join(f'"{clock(now + seconds)}"' for seconds in SOON)
        self.start(NAMED.format("Archive", times))
        acknowledged, number = [], 0
        for turn in range(5):
            killer = Timer(0.4 + 0.23 * turn, self.demo.kill)
            killer.start()
            with (
                contextlib.suppress(OSError, smtplib.SMTPException),
                self.demo.smtp() as client,
            ):
                while True:
                    number += 1
                    tag = b"tag%d." % number
                    self.send(client, tag)
                    acknowledged.append(tag)
                    time.sleep(0.005)
            killer.join()
            self.demo.start()
        self.assertTrue(acknowledged)
        self.until(lambda: set(acknowledged) <= set(self.tags(".Archive")))
        self.until(lambda: not self.tags(".Snoozed"))
        found = self.tags(".Archive")
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(self.tags(), [])
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify"))
