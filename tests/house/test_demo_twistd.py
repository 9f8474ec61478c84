"""``init`` and ``twistd``: from nothing to a suite in daemon mode, and back."""

import contextlib
import json
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import free_port_base
from tests.support.patience import PATIENCE_SECONDS
from tests.support.warm import WARM

ROOT = Path(__file__).parent.parent.parent
TWISTD = "from twisted.scripts.twistd import run; run()"


class TwistdTests(SynchronousTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.config = self.folder / "etc" / "mailsuite.toml"
        base = free_port_base()
        self.environ = os.environ | {
            "MAILSUITE_SMTP_LISTEN": f"127.0.0.1:{base + 25}",
            "MAILSUITE_SUBMISSION_LISTEN": f"127.0.0.1:{base + 587}",
            "MAILSUITE_SUBMISSION_LISTEN_TLS": f"127.0.0.1:{base + 465}",
            "MAILSUITE_IMAP_LISTEN": f"127.0.0.1:{base + 143}",
            "MAILSUITE_IMAP_LISTEN_TLS": f"127.0.0.1:{base + 993}",
            "MAILSUITE_POP3_LISTEN": "",
            "MAILSUITE_POP3_LISTEN_TLS": "",
            "MAILSUITE_MANAGESIEVE_LISTEN": f"127.0.0.1:{base + 190}",
            "PYTHONPATH": str(ROOT),
        }

    def run_code(self, code, *words, status=0):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            cwd=self.folder,
            env=self.environ,
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def mailsuite(self, *words, status=0):
        words = [str(word) for word in ("--config", self.config, *words)]
        found, stdout, stderr = WARM.run(words, self.environ, self.folder)
        self.assertEqual(found, status, stdout + stderr)
        return stdout + stderr

    def twistd(self, *words, status=0):
        return self.run_code(
            TWISTD, *words, "mailsuite", "--config", self.config, status=status
        )

    def init(self):
        said = self.mailsuite(
            "init", "ann@example.test", "--hostname", "mx.test", "--json"
        )
        return json.loads(said)

    def test_init(self):
        """Made once; again, nothing is overwritten; a dry run makes nothing."""
        said = self.mailsuite("init", "ann@example.test", "--dry-run")
        self.assertIn("would be made", said)
        self.assertEqual(list(self.folder.iterdir()), [])
        made = self.init()
        self.assertGreater(len(made["password"]), 12)
        self.assertIn("MX", {row["type"] for row in made["dns"]})
        before = self.config.read_text("utf-8")
        again = self.init()
        self.assertEqual(again["password"], "")
        self.assertEqual(self.config.read_text("utf-8"), before)
        (key,) = self.folder.rglob("*.key")
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)

    def test_daemon(self):
        """Twistd starts it in the background; SIGTERM ends it and its pid file."""
        self.init()
        pidfile = self.folder / "twistd.pid"
        self.twistd("--pidfile", pidfile)
        pid = int(pidfile.read_text("ascii"))
        self.addCleanup(self.kill, pid)
        self.assertTrue((self.folder / "var" / "ctl.sock").exists())
        self.assertIn("ann@example.test", self.mailsuite("user", "list"))
        said = self.twistd("-n", "--pidfile", "", status=1)
        self.assertTrue(said.startswith("Error: another instance runs on"), said)
        os.kill(pid, signal.SIGTERM)
        self.until(lambda: not pidfile.exists())
        self.assertIn("event=house.stopped", self.log())
        self.assertIn("clean", (self.folder / "var" / "generation").read_text("ascii"))

    def log(self):
        path = self.folder / "var" / "mailsuite.log"
        return path.read_text("utf-8") if path.exists() else ""

    def test_start_that_fails(self):
        """What fails after the fork: status 1, a reason, no pid file, an event."""
        self.init()
        pidfile = self.folder / "twistd.pid"
        (self.folder / "var" / "state.db").write_bytes(b"no database" * 100)
        said = self.twistd("--pidfile", pidfile, status=1)
        self.assertIn("state.db", said)
        self.until(lambda: not pidfile.exists())
        self.until(lambda: "event=house.failed" in self.log())
        self.assertIn("restore it from a backup", self.log())

    def test_file_that_cannot_be_opened(self):
        """What fails as everything opens is told too, in the foreground as well."""
        self.init()
        data = self.folder / "var"
        (data / "generation").mkdir()
        said = self.twistd("-n", "--pidfile", "", status=1)
        self.assertIn("event=house.failed", said)
        self.assertIn(f"Error: {data / 'generation'}: Is a directory\n", said)

    def test_signal(self):
        """SIGTERM is a clean stop with status 0, and no death by the signal."""
        self.init()
        running = subprocess.Popen(
            [
                *(sys.executable, "-c", TWISTD, "-n", "--pidfile", "", "mailsuite"),
                *("--config", str(self.config)),
            ],
            stdout=subprocess.PIPE,
            cwd=self.folder,
            env=self.environ,
        )
        self.addCleanup(self.kill, running.pid)
        self.until(lambda: b"event=house.started" in running.stdout.readline())
        running.terminate()
        running.stdout.read()
        self.assertEqual(running.wait(PATIENCE_SECONDS), 0)
        running.stdout.close()

    def test_unknown_key(self):
        """An unknown key stops twistd with file and line, before any fork."""
        self.init()
        self.config.write_text("[smtp]\nlissen = []\n", "utf-8")
        said = self.twistd("--pidfile", self.folder / "pid", status=1)
        self.assertIn("mailsuite.toml:2: unknown key 'lissen'", said)
        self.assertFalse((self.folder / "pid").exists())

    def kill(self, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def until(self, condition, seconds=PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_memory(self):
        """The assembly ``memory`` serves like any other and keeps nothing."""
        self.init()
        self.environ["MAILSUITE_SERVER_ASSEMBLY"] = "memory"
        pidfile = self.folder / "twistd.pid"
        self.twistd("--pidfile", pidfile)
        pid = int(pidfile.read_text("ascii"))
        self.addCleanup(self.kill, pid)
        self.until((self.folder / "var" / "ctl.sock").exists)
        self.mailsuite("domain", "add", "memory.test")
        self.mailsuite("user", "add", "bob@memory.test", "--password", "x")
        host, port = self.environ["MAILSUITE_SMTP_LISTEN"].split(":")
        with smtplib.SMTP(host, int(port), timeout=PATIENCE_SECONDS) as client:
            client.sendmail("a@else.test", ["bob@memory.test"], b"Subject: x\r\n\r\nx")
        os.kill(pid, signal.SIGTERM)
        self.until(lambda: not pidfile.exists())
        self.assertFalse((self.folder / "var" / "mail").exists())
        self.assertNotIn("memory.test", self.mailsuite("domain", "list"))

    def test_init_in_a_checkout(self):
        """The untouched sample is filled in; an edited one is kept."""
        self.config.parent.mkdir()
        shutil.copy(ROOT / "etc" / "mailsuite.toml", self.config)
        self.init()
        self.assertIn('hostname = "mx.test"', self.config.read_text("utf-8"))
        self.config.write_text("[server]\n", "utf-8")
        self.init()
        self.assertEqual(self.config.read_text("utf-8"), "[server]\n")
