"""``twistd --uid``: ports are bound by root, everything else is another user's."""

import contextlib
import os
import pwd
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.demo import free_port_base
from tests.support.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
TWISTD = "from twisted.scripts.twistd import run; run()"
MAILSUITE = "from mailsuite.cli.main import main; main()"
USER = "nobody"
SHOWN = """
set -e
mount --make-rprivate /
while [ "$1" != -- ]; do
    hold=$(mktemp -d)
    mount --bind "$1" "$hold"
    mount -t tmpfs -o mode=755 none "$2"
    mkdir -p "$1"
    mount --move "$hold" "$1"
    shift 2
done
shift
exec "$@"
"""
"""Runs a command where a folder is seen although what lies above it is private."""


def private_above(path):
    """The highest folder above ``path`` that others may not enter, if any."""
    path = Path(path).resolve()
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


def shown():
    """What to put before a command so that others can read our Python."""
    words = []
    for path in {sys.base_prefix, sys.prefix, str(ROOT)}:
        folder = private_above(path)
        if folder is not None:
            words += [str(Path(path).resolve()), str(folder)]
    if not words:
        return []
    return ["unshare", "--mount", "sh", "-c", SHOWN, "shown", *words, "--"]


class UidTests(SynchronousTestCase):
    def setUp(self):
        if os.getuid():
            raise SkipTest("only root can become somebody else")
        self.user = pwd.getpwnam(USER)
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.config = self.folder / "etc" / "mailsuite.toml"
        self.data = self.folder / "var"
        base = free_port_base()
        self.port = base + 25
        self.environ = os.environ | {
            "MAILSUITE_SMTP_LISTEN": f"127.0.0.1:{self.port}",
            "MAILSUITE_SUBMISSION_LISTEN": f"127.0.0.1:{base + 587}",
            "MAILSUITE_SUBMISSION_LISTEN_TLS": f"127.0.0.1:{base + 465}",
            "MAILSUITE_IMAP_LISTEN": f"127.0.0.1:{base + 143}",
            "MAILSUITE_IMAP_LISTEN_TLS": f"127.0.0.1:{base + 993}",
            "MAILSUITE_POP3_LISTEN": "",
            "MAILSUITE_POP3_LISTEN_TLS": "",
            "MAILSUITE_MANAGESIEVE_LISTEN": f"127.0.0.1:{base + 190}",
            "MAILSUITE_LMTP_LISTEN": "unix:lmtp.sock",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run_code(self, code, *words):
        done = subprocess.run(
            [*shown(), sys.executable, "-c", code, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            cwd=self.folder,
            env=self.environ,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def started(self):
        """Its process id, once it has started as somebody else."""
        init = ("init", "ann@example.test", "--hostname", "mx.test")
        self.run_code(MAILSUITE, "--config", self.config, *init)
        run = self.folder / "run"
        run.mkdir()
        for path in (run, self.data, *self.data.rglob("*")):
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self.pidfile = run / "twistd.pid"
        how = ("--pidfile", self.pidfile, "--uid", USER, "--gid", self.user.pw_gid)
        self.run_code(TWISTD, *how, "mailsuite", "--config", self.config)
        pid = int(self.pidfile.read_text("ascii"))
        self.addCleanup(self.kill, pid)
        self.until(lambda: "house.started" in self.log(), pid)
        return pid

    def log(self):
        path = self.data / "mailsuite.log"
        return path.read_text("utf-8") if path.exists() else ""

    def kill(self, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def until(self, condition, pid, seconds=PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while not condition():
            alive = Path(f"/proc/{pid}").exists()
            self.assertTrue(alive and time.monotonic() < end, self.log())
            time.sleep(0.05)

    def status(self, pid):
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def test_privileges(self):
        """No id, group, capability or file of root is left; mail still comes."""
        pid = self.started()
        status = self.status(pid)
        uid, gid = str(self.user.pw_uid), str(self.user.pw_gid)
        self.assertEqual(status["Uid"].split(), [uid] * 4)
        self.assertEqual(status["Gid"].split(), [gid] * 4)
        groups = {str(number) for number in os.getgrouplist(USER, int(gid))}
        self.assertLessEqual(set(status["Groups"].split()), groups)
        for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status["NoNewPrivs"], "1")
        with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE_SECONDS) as client:
            client.sendmail("a@b.test", ["ann@example.test"], b"Subject: x\r\n\r\nx")
        new = self.data / "mail/example.test/ann/Maildir/new"
        self.until(lambda: new.exists() and list(new.iterdir()), pid)
        for path in (self.data, *self.data.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                found = path.lstat()
                self.assertEqual(found.st_uid, self.user.pw_uid, path)
                self.assertFalse(found.st_mode & 0o007, path)
        self.assertTrue((self.data / "lmtp.sock").is_socket())
        os.kill(pid, signal.SIGTERM)
        self.until(lambda: not self.pidfile.exists(), pid)
        self.assertIn("house.stopped", self.log())
        self.assertFalse((self.data / "lmtp.sock").exists())
