"""The process itself: stopped, frozen, started twice, reloaded, its children killed."""

import os
import signal
import smtplib
import subprocess
import sys
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage, faults
from tests.support.demo import Demo
from tests.support.ledger import Ledger, message
from tests.support.patience import PATIENCE_SECONDS, timed, within
from tests.whole.test_search import alive

TEXT = "Subject: far away\r\n\r\nfar\r\n"


def made(case, **kinds):
    demo = Demo(**kinds)
    case.addCleanup(demo.remove)
    demo.start()
    return demo


class StopTests(SynchronousTestCase):
    """SIGTERM while everything is busy."""

    def test_under_load(self):
        """It exits with 0 within 10 s, and all that was acknowledged is there."""
        within(12, self.stopped)

    def stopped(self):
        """Stop a busy suite; gives the seconds that it took."""
        settings = {"MAILSUITE_RELAY_ROUTES": "far.test [127.0.0.1]:1"}
        demo = made(self, users=2, settings=settings)
        demo.stalls = None
        faults.without_sample_mail(demo)
        ledger = Ledger(faults.recipients(demo))
        ledger.start(("127.0.0.1", demo.ready["smtp"]), sessions=20)
        self.addCleanup(ledger.halt.set)
        deaf = demo.imap(1)
        deaf.select("INBOX")
        idle = demo.imap(2)
        idle.select("INBOX")
        idle.send(b"x IDLE\r\n")
        half = demo.smtp()
        for client in (deaf, idle):
            self.addCleanup(client.shutdown)
        self.addCleanup(half.close)
        half.ehlo()
        half.docmd("MAIL FROM:<a@example.org>")
        half.docmd("RCPT TO:<user1@example.test>")
        half.docmd("DATA")
        half.send(b"Subject: never ends\r\n")
        far = threading.Thread(target=self.submits, args=(demo,), daemon=True)
        far.start()
        ledger.wait_for(800)
        for n in range(200):
            deaf.send(b"d%d FETCH 1:* (BODY.PEEK[])\r\n" % n)
        began = time.monotonic()
        os.kill(demo.ready["pid"], signal.SIGTERM)
        self.assertEqual(demo.process.wait(PATIENCE_SECONDS), 0)
        took = time.monotonic() - began
        ledger.stop()
        demo.start()
        figures = faults.count(faults.Figures(), demo, ledger)
        self.assertEqual((figures.lost, figures.torn, figures.doubled), (0, 0, 0))
        self.assertIn(" 0 findings", figures.findings)
        return took

    def submits(self, demo):
        try:
            with demo.smtp("submission") as client:
                client.login(demo.address(), demo.password())
                for n in range(500):
                    client.sendmail(demo.address(), [f"n{n}@far.test"], TEXT)
        except (OSError, smtplib.SMTPException):
            return


class FrozenTests(SynchronousTestCase):
    def test_stopped_for_a_while(self):
        """SIGSTOP past leases and time-outs: all goes on, nothing comes twice."""
        demo = made(self, users=2, settings={"MAILSUITE_QUEUE_LEASE": "2.0"})
        demo.stalls = None
        faults.without_sample_mail(demo)
        ledger = Ledger(faults.recipients(demo))
        ledger.start(("127.0.0.1", demo.ready["smtp"]), sessions=4)
        self.addCleanup(ledger.halt.set)
        ledger.wait_for(200)
        for _ in range(2):
            os.killpg(demo.process.pid, signal.SIGSTOP)
            time.sleep(3)
            os.killpg(demo.process.pid, signal.SIGCONT)
            ledger.wait_for(len(ledger.acked) + 100)
        ledger.stop()
        figures = faults.count(faults.Figures(), demo, ledger)
        self.assertEqual((figures.lost, figures.torn, figures.doubled), (0, 0, 0))
        self.assertIn(" 0 findings", figures.findings)


class OneDemoTests(SynchronousTestCase):
    """What a running suite shrugs off."""

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(users=1)
        try:
            cls.demo.start()
        except BaseException:
            cls.demo.remove()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.demo.remove()

    def test_second_start(self):
        """A second one on the same data exits within 2 s and changes nothing."""
        within(4, lambda: timed(self.second))
        self.demo.imap().logout()

    def second(self):
        """Start it on the same data."""
        code = "from mailsuite.cli.main import main; main()"
        ready = (self.demo.folder / "ready.json").read_bytes()
        command = ["demo", "--dir", str(self.demo.folder)]
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("runs", done.stderr)
        self.assertEqual((self.demo.folder / "ready.json").read_bytes(), ready)

    def reload(self):
        os.kill(self.demo.ready["pid"], signal.SIGHUP)

    def test_reload_of_what_is_broken(self):
        """A broken file or certificate: the old one stays, and it is told."""
        etc = self.demo.folder / "etc"
        (certificate,) = [
            path for path in etc.rglob("*") if b"BEGIN CERT" in whole(path)
        ]
        for path, broken in (
            (etc / "mailsuite.toml", b"[smtp\nlisten = 3"),
            (etc / "mailsuite.toml", b"[smtp]\nnosuchkey = 3\n"),
            (certificate, b"-----BEGIN CERTIFICATE-----\nAAAA\n"),
        ):
            good = path.read_bytes()
            kept = len(self.demo.logged("event=house.kept"))
            path.write_bytes(broken)
            self.reload()
            damage.wait_for(lambda n=kept: len(self.demo.logged("house.kept")) > n)
            with smtplib.SMTP("127.0.0.1", self.demo.ready["submission"]) as client:
                client.starttls()
                client.login(self.demo.address(), self.demo.password())
            path.write_bytes(good)
        told = len(self.demo.logged("event=house.reloaded"))
        self.reload()
        damage.wait_for(lambda: len(self.demo.logged("house.reloaded")) > told)

    def test_scan_child_killed(self):
        """Kill -9 of the scanning child with a message in its hands."""
        numbers = list(range(1000, 1006))
        killed = set()
        with self.demo.smtp() as client:
            for number in numbers:
                big = message(number, 3_000_000)
                client.sendmail("a@example.org", [self.demo.address()], big)
                for pid in children(self.demo.ready["pid"], b"mailsuite.store"):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
                    damage.wait_for(lambda pid=pid: not alive(pid))
        damage.wait_for(lambda: self.found(numbers))
        self.assertTrue(killed)

    def found(self, numbers):
        heads = [path.read_bytes()[:400] for path in self.demo.messages()]
        return all(
            any(b"X-Number: %d\r" % n in head for head in heads) for n in numbers
        )

    def test_search_child_killed(self):
        """Kill -9 of the indexing child: the search waits, or is told later."""
        damage.send(self.demo, 77)
        for _ in range(2):
            for pid in children(self.demo.ready["pid"], b"mailsuite.search"):
                os.kill(pid, signal.SIGKILL)
            self.demo.command("search", self.demo.address(), "number", check=False)
        damage.wait_for(
            lambda: "77" in self.demo.command("search", self.demo.address(), "77")
        )


def whole(path):
    return path.read_bytes() if path.is_file() else b""


def children(pid, module):
    """Process ids of the children below a process that run a module of ours."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        numbers = [int(word) for word in file.read().split()]
    found = []
    for number in numbers:
        with open(f"/proc/{number}/cmdline", "rb") as file:
            if module in file.read():
                found.append(number)
    return found
