"""``mailsuite demo`` as a stranger meets it: start, send, read, stop, go on."""

import imaplib
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.cli import demo as made
from tests.support.demo import Demo, free_port_base
from tests.support.patience import PATIENCE_SECONDS

KEYS = {
    *("host", "smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s"),
    *("managesieve", "lmtp", "lmtp_socket", "maildir", "accounts", "pid"),
}
ROOT = Path(__file__).parent.parent.parent


def wait_for(condition, seconds=PATIENCE_SECONDS):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.05)
    return found


class DemoTests(SynchronousTestCase):
    def setUp(self):
        self.demo = Demo()
        self.addCleanup(self.demo.remove)

    def test_a_day(self):
        """Mail comes in and is read; a clean stop; the next start goes on."""
        self.demo.fresh = True
        demo = self.demo.start()
        self.assertEqual(set(demo.ready), KEYS)
        self.assertEqual(demo.ready["pid"], demo.process.pid)
        self.assertEqual(len(demo.ready["accounts"]), demo.users)
        with demo.smtp() as client:
            client.sendmail(
                "a@elsewhere.test", [demo.address()], b"Subject: one\r\n\r\n1"
            )
        with demo.smtp("submission") as client:
            client.login(demo.address(2), demo.password(2))
            client.sendmail(demo.address(2), [demo.address()], b"Subject: two\r\n\r\n2")
        wait_for(lambda: len(demo.messages()) == 5)
        with demo.imap() as imap:
            self.assertEqual(imap.select("INBOX")[1], [b"5"])
            found = imap.search(None, "SUBJECT", "two")[1]
            self.assertEqual(len(found[0].split()), 1)
        self.assertEqual(demo.stop(), 0)
        demo.start()
        with demo.imap() as imap:
            self.assertEqual(imap.select("INBOX")[1], [b"5"])
        self.assertEqual(demo.stop(), 0)
        self.assertEqual(demo.logged("event=log.critical"), [])
        self.assertIn(" 0 findings", demo.command("verify"))

    def test_not_ready_yet(self):
        """What an earlier run left says nothing of this one, and goes."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "ready.json").write_text("{}")
        made.Demo(str(folder), free_port_base(), 1).prepare()
        self.assertFalse((folder / "ready.json").exists())

    def test_commands(self):
        """Commands of a running suite count at once, without a restart."""
        demo = self.demo.start()
        demo.command("user", "add", "new@example.test", "--password", "fresh")
        demo.command("alias", "add", "team@example.test", "new@example.test")
        with demo.smtp() as client:
            client.sendmail(
                "a@else.test", ["team@example.test"], b"Subject: x\r\n\r\nx"
            )
        address = (demo.ready["host"], demo.ready["imap"], 30)
        with imaplib.IMAP4(*address) as client:
            client.login("new@example.test", "fresh")
            wait_for(lambda: client.select("INBOX")[1] == [b"1"])
        demo.command("user", "password", "new@example.test", "--password", "other")
        refused = self.assertRaises(imaplib.IMAP4.error)
        with imaplib.IMAP4(*address) as client, refused:
            client.login("new@example.test", "fresh")
        answer = json.loads(demo.command("queue", "list", "--json"))
        self.assertEqual(answer, {"jobs": []})
        with self.assertRaises(smtplib.SMTPRecipientsRefused), demo.smtp() as client:
            client.sendmail("a@else.test", ["nobody@example.test"], b"x")
        self.assertEqual(demo.logged("event=log.critical"), [])

    def test_metrics(self):
        """A scrape shows levels of now beside the counts of events."""
        demo = self.demo.start()
        with demo.imap(), socket.socket(socket.AF_UNIX) as scrape:
            scrape.connect(str(demo.folder / "data" / "ctl.sock"))
            scrape.sendall(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n")
            text = scrape.makefile().read()
        for line in (
            'connections_open{role="imap"} 1.0',
            'queue_recipients{state="deferred"} 0.0',
            "queue_oldest_seconds 0.0",
            "reactor_lag_seconds ",
            'certificate_seconds{use="doors"} ',
        ):
            self.assertIn(f"\nmailsuite_{line}", text)

    def test_reload(self):
        """A broken file changes nothing; a good one counts; SIGHUP works too."""
        demo = self.demo.start()
        path = demo.folder / "etc" / "mailsuite.toml"
        good = path.read_text("utf-8")
        path.write_text(good + "\n[nonsense]\n", "utf-8")
        with self.assertRaisesRegex(AssertionError, "unknown section"):
            demo.command("reload")
        path.write_text(good, "utf-8")
        listed = path.parent / "domains.d" / "other.test.toml"
        listed.write_text('[aliases]\nall = ["user1@example.test"]\n', "utf-8")
        os.kill(demo.ready["pid"], signal.SIGHUP)
        wait_for(lambda: demo.logged("event=house.reloaded"))
        self.assertIn("other.test", demo.command("domain", "list"))
        with demo.smtp() as client:
            client.sendmail("a@else.test", ["all@other.test"], b"Subject: x\r\n\r\nx")
        wait_for(lambda: len(demo.messages()) == 4)

    def test_second_instance(self):
        """A second one on the same folder gives up at once and touches nothing."""
        demo = self.demo.start()
        before = (demo.folder / "ready.json").stat().st_mtime_ns
        words = [sys.executable, "-c", "from mailsuite.cli.main import main; main()"]
        words += ["demo", "--dir", str(demo.folder), "--port-base"]
        both = [
            subprocess.Popen(
                [*words, str(base)], stderr=subprocess.PIPE, text=True, cwd=ROOT
            )
            for base in (demo.base, free_port_base())
        ]
        for one in both:
            _, told = one.communicate(timeout=PATIENCE_SECONDS)
            self.assertEqual(one.returncode, 1)
            self.assertIn("another instance", told)
        after = (demo.folder / "ready.json").stat().st_mtime_ns
        self.assertEqual(before, after)
        with demo.imap() as imap:
            self.assertEqual(imap.select("INBOX")[1], [b"3"])
