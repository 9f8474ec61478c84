"""Scripts at IMAP events in a whole suite: ManageSieve, imaplib, and SIGKILL."""

import contextlib
import imaplib
import re
import time
from threading import Timer

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS
from tests.support.sieveclient import Client

ENTRY = "/shared/imapsieve/script"
SCRIPT = """
require ["imapsieve", "environment", "fileinto", "copy", "mailbox", "imap4flags",
         "variables"];
if environment "imap.cause" "COPY" {
    addflag "$copied";
    fileinto :copy :create "Learnt";
} elsif environment "imap.cause" "APPEND" {
    redirect :copy "user2@example.test";
} elsif environment :contains "imap.changedflags" "\\\\Flagged" {
    if hasflag "\\\\Flagged" { addflag "$flagged"; } else { removeflag "$flagged"; }
}
"""
RULE = 'require "imap4flags"; addflag "$op";'
TEXT = "From: a@far.test\r\nTo: b@far.test\r\nSubject: {0}\r\n\r\n{0}\r\n"


class WholeCase(SynchronousTestCase):
    def setUp(self):
        self.demo = Demo(users=2)
        self.addCleanup(self.demo.remove)
        rule = self.demo.folder / "rule.sieve"
        rule.write_text(RULE, "utf-8")
        self.demo.settings["MAILSUITE_SIEVE_EVENTS"] = f"Junk > * COPY {rule}"
        self.demo.settings["MAILSUITE_SIEVE_REDIRECTS"] = "0"
        self.demo.start()
        with Client(self.demo, 1) as sieve:
            self.assertIn(b"imapsieve", b" ".join(sieve.greeting))
            sieve.login()
            reply = sieve.put(b"events", SCRIPT.encode())
            self.assertTrue(reply.startswith(b"OK"), reply)
        self.imap = self.demo.imap()
        self.addCleanup(self.hang_up)
        for box in ("In", "Work"):
            self.imap.create(box)
            self.annotate(box)

    def hang_up(self):
        with contextlib.suppress(OSError):
            self.imap.shutdown()

    def annotate(self, mailbox, script="events", client=None):
        client = client or self.imap
        told = f'({ENTRY} "{script}")'
        status, said = client.xatom("SETMETADATA", mailbox, told)
        self.assertEqual(status, "OK", said)

    def append(self, client, text, mailbox="In", flags=None):
        octets = TEXT.format(text).encode()
        status, said = client.append(mailbox, flags, None, octets)
        self.assertEqual(status, "OK", said)

    def found(self, mailbox, number=1):
        """Flags of each message of a mailbox, by its text."""
        client = self.demo.imap(number)
        try:
            status, _ = client.select(mailbox, readonly=True)
            if status != "OK":
                return []
            _, said = client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[TEXT])")
            rows = []
            for one in said:
                if isinstance(one, tuple):
                    flags = re.search(rb"FLAGS \(([^)]*)\)", one[0])[1].split()
                    rows.append((one[1].strip(), set(flags) - {b"\\Recent"}))
            return [row for row in rows if row[0].isalnum()]  # else it is the demo's
        finally:
            client.logout()

    def told(self):
        """What it said of mail and scripts."""
        lines = self.demo.logged("qid=") + self.demo.logged("event=sieve")
        return "\n".join(lines[-50:])

    def until(self, wanted, *where):
        """Wait until a mailbox holds these texts with these flags."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := sorted(self.found(*where), key=lambda r: r[0])) != wanted:
            if time.monotonic() > end:
                self.assertEqual(found, wanted, self.told())
            time.sleep(0.1)


xatoms = {"SETMETADATA": ("AUTH", "SELECTED")}
imaplib.Commands.update(xatoms)


class EventTests(WholeCase):
    def test_all(self):
        """Each cause has its script run; nothing stalls, and it ends well."""
        capabilities = self.imap.capability()[1][0]
        self.assertRegex(capabilities, rb"IMAPSIEVE=sieve://mx\.example\.test:\d+")
        self.append(self.imap, "one")
        self.until([(b"one", set())], "INBOX", 2)
        self.imap.select("In")
        self.imap.copy("1", "Work")
        self.until([(b"one", {b"$copied"})], "Work")
        self.until([(b"one", {b"$copied"})], "Learnt")
        self.imap.store("1", "+FLAGS", "(\\Flagged)")
        self.until([(b"one", {b"\\Flagged", b"$flagged"})], "In")
        self.imap.store("1", "-FLAGS", "(\\Flagged)")
        self.until([(b"one", set())], "In")
        self.append(self.imap, "two", "Junk")
        self.imap.select("Junk")
        self.imap._simple_command("MOVE", "1", "Work")
        self.until([(b"one", {b"$copied"}), (b"two", {b"$copied", b"$op"})], "Work")
        self.imap.logout()
        self.assertEqual(self.demo.stop(), 0)

    def count(self, mailbox):
        status, said = self.imap.select(mailbox)
        return int(said[0]) if status == "OK" else 0

    def test_many(self):
        """Thousands at once: the command is answered, all have their run."""
        for n in range(40):
            self.append(self.imap, f"m{n:04}", "Junk")
        self.imap.select("Junk")
        for _ in range(5):
            self.imap.copy("1:*", "Junk")
            self.imap.noop()
        count = self.count("Junk")
        self.assertEqual(count, 40 * 32)
        began = time.monotonic()
        status, _ = self.imap.copy("1:*", "Work")
        self.assertEqual(status, "OK")
        took = time.monotonic() - began
        end = time.monotonic() + PATIENCE_SECONDS
        while self.count("Learnt") < count:
            self.assertLess(time.monotonic(), end, self.demo.output())
            time.sleep(0.5)
        self.assertLess(took, 30)
        self.imap.logout()
        self.assertEqual(self.demo.stop(), 0)


class KilledTests(WholeCase):
    def test_killed(self):
        """Whenever it is killed, what was answered has its run, once."""
        done, number = [], 0
        for turn in range(3):
            killer = Timer(0.4 + 0.23 * turn, self.demo.kill)
            client = self.demo.imap()
            killer.start()
            with contextlib.suppress(OSError, imaplib.IMAP4.abort):
                while True:
                    number += 1
                    text = f"tag{number:04}"
                    self.append(client, text)
                    done.append(text.encode())
            with contextlib.suppress(OSError):
                client.shutdown()
            killer.join()
            self.demo.start()
        self.assertTrue(done)
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            there = [text for text, _ in self.found("INBOX", 2)]
            if set(done) <= set(there):
                break
            self.assertLess(time.monotonic(), end, self.demo.output())
            time.sleep(0.3)
        self.assertEqual(len(there), len(set(there)))
        self.copied()
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify"))

    def copied(self):
        """Copies that were answered are filed once, though it is killed at once."""
        client = self.demo.imap()
        with contextlib.suppress(OSError):
            client.select("In")
            self.assertEqual(client.copy("1:*", "Work")[0], "OK")
            self.demo.kill()
            client.shutdown()
        self.demo.start()
        work, end = self.found("Work"), time.monotonic() + PATIENCE_SECONDS
        while len(learnt := self.found("Learnt")) < len(work):
            self.assertLess(time.monotonic(), end, self.told())
            time.sleep(0.2)
        wanted = sorted(text for text, _ in work)
        self.assertEqual(sorted(text for text, _ in learnt), wanted)
        while {frozenset(flags) for _, flags in work} != {frozenset({b"$copied"})}:
            self.assertLess(time.monotonic(), end, self.told())
            work = self.found("Work")
