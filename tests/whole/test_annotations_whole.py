"""Annotations and ids over a running suite: kept through SIGKILL, asked by scripts."""

import contextlib
import imaplib
import re
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS

for _name in ("GETMETADATA", "SETMETADATA"):
    imaplib.Commands[_name] = ("AUTH", "SELECTED")

SCRIPT = """
require ["fileinto", "mboxmetadata", "servermetadata", "mailboxid", "variables"];
if metadata :is "INBOX" "/private/vendor/vendor.isode/auto-replies" "on" {
    if servermetadata :matches "/private/vendor/example/id" "*" {
        fileinto :mailboxid "${1}" "Nowhere";
    }
}
"""
REPLIES = "/private/vendor/vendor.isode/auto-replies"


class AnnotationTests(SynchronousTestCase):
    def setUp(self):
        settings = {"MAILSUITE_DIRECTORY_POSTMASTER": "user2@example.test"}
        self.demo = Demo(users=2, settings=settings)
        self.addCleanup(self.demo.remove)
        self.demo.start()

    @contextlib.contextmanager
    def imap(self, number=1):
        client = self.demo.imap(number)
        try:
            yield client
        finally:
            with contextlib.suppress(imaplib.IMAP4.abort):  # the suite was killed
                client.logout()
            with contextlib.suppress(OSError):
                client.shutdown()

    def set(self, client, mailbox, *pairs):
        text = "(" + " ".join(pairs) + ")"
        return client._simple_command("SETMETADATA", mailbox, text)

    def get(self, client, mailbox, what, number="METADATA"):
        status, _ = client._simple_command("GETMETADATA", mailbox, what)
        self.assertEqual(status, "OK")
        return client._untagged_response(status, [], number)[1]

    def identity(self, client, mailbox):
        status, (told,) = client.status(mailbox, "(MAILBOXID)")
        self.assertEqual(status, "OK")
        return re.search(rb"MAILBOXID \((F[^)]+)\)", told)[1]

    def test_kept(self):
        """What was answered OK is there after SIGKILL; so are ids and the rest."""
        with self.imap() as client:
            self.assertIn("METADATA", client.capabilities)
            self.assertIn("OBJECTID", client.capabilities)
            client.create("Lists")
            told = self.identity(client, "Lists")
            self.assertEqual(self.set(client, "Lists", "/shared/a", '"x"')[0], "OK")
            self.assertEqual(self.set(client, '""', "/shared/a", '"server"')[0], "OK")
            client.append("Lists", None, None, b"Subject: x\r\n\r\ny\r\n")
            client.select("Lists")
            email = client.fetch("1", "(EMAILID)")[1]
            self.demo.kill()
        self.demo.start()
        with self.imap() as client:
            client.rename("Lists", "Kept")
            self.assertEqual(self.identity(client, "Kept"), told)
            found = self.get(client, "Kept", "(/shared/a /shared/b)")
            self.assertEqual(found, [b'"Kept" (/shared/a "x" /shared/b NIL)'])
            found = self.get(client, '""', "(/shared/a /shared/admin)")
            admin = b'/shared/admin "mailto:user2@example.test"'
            self.assertEqual(found, [b'"" (/shared/a "server" %b)' % admin])
            client.select("Kept")
            self.assertEqual(client.fetch("1", "(EMAILID)")[1], email)
        with self.imap(2) as client:
            found = self.get(client, '""', "/shared/a")
            self.assertEqual(found, [b'"" (/shared/a NIL)'])
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify", check=False))

    def send(self, subject):
        to = self.demo.address()
        text = f"From: a@other.test\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nhi\r\n"
        with self.demo.smtp() as client:
            client.sendmail("a@other.test", [to], text)

    def wait_for(self, client, mailbox, count):
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            client.noop()
            _, (found,) = client.status(mailbox, "(MESSAGES)")
            if b"MESSAGES %d)" % count in found:
                return
            self.assertLess(time.monotonic(), until, found)
            time.sleep(0.05)

    def test_script(self):
        """A script files by an id that IMAP told, if annotations say so."""
        path = self.demo.folder / "main.sieve"
        path.write_text(SCRIPT)
        user = self.demo.address()
        self.demo.command("sieve", "put", user, str(path), "--activate")
        with self.imap() as client:
            client.create("Target")
            told = self.identity(client, "Target").decode()
            client.rename("Target", "Elsewhere")
            _, (found,) = client.select("INBOX")
            before = int(found)
            self.send("nothing is annotated")
            self.wait_for(client, "INBOX", before + 1)
            done = self.set(client, "INBOX", REPLIES, '"on"')
            self.assertEqual(done[0], "OK")
            self.set(client, '""', "/private/vendor/example/id", f'"{told}"')
            self.send("filed by its id")
            self.wait_for(client, "Elsewhere", 1)
            self.set(client, "INBOX", REPLIES, "NIL")
            self.send("not any more")
            self.wait_for(client, "INBOX", before + 2)
            self.wait_for(client, "Elsewhere", 1)
