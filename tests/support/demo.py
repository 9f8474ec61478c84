"""A whole suite in a process of its own: what tests of behaviour run against."""

import imaplib
import json
import os
import random
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.support.patience import PATIENCE_SECONDS, TRIES
from tests.support.profile import PROOF
from tests.support.warm import WARM

imaplib._MAXLINE = 100_000_000

BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""As on any machine, a start reads compiled modules."""
OFFSETS = (24, 25, 110, 143, 190, 465, 587, 993, 995)
MAILSUITE = (sys.executable, "-c", "from mailsuite.cli.main import main; main()")
TAKEN = "it is in use; stop the program that holds it"
OURS = re.compile("MAILSUITE_[A-Z_]+")
"""Settings of the environment that are read when a configuration is."""


def free_port_base():
    """A port base whose ports are all free now."""
    while True:
        base = random.randrange(20_000, 31_000)
        taken = []
        try:
            taken.extend(
                socket.create_server(("127.0.0.1", base + offset)) for offset in OFFSETS
            )
        except OSError:
            continue
        else:
            return base
        finally:
            for server in taken:
                server.close()


class Demo:
    """``mailsuite demo`` in a folder; started, killed, stopped and looked into.

    ``settings`` are environment overrides such as ``MAILSUITE_QUEUE_...``;
    ``fresh``: every process begins with the interpreter, as an operator's does, and
    is no fork of a warm one. The folder is removed at ``remove`` unless it was given.
    ``stalls`` is how many turns of the reactor may have taken too long when it stops;
    None: any number.
    """

    stalls = 0

    def __init__(self, folder=None, users=3, settings=None, fresh=PROOF):
        self.own = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="mailsuite-"))
        self.users = users
        self.settings = dict(settings or {})
        self.fresh = fresh or not all(map(OURS.fullmatch, self.settings))
        self.base = free_port_base()
        self.process = None
        self.ready = {}

    def launch(self):
        """Start the process without waiting for it."""
        (self.folder / "ready.json").unlink(missing_ok=True)
        words = (
            "demo",
            *("--dir", str(self.folder)),
            *("--port-base", str(self.base)),
            *("--users", str(self.users)),
        )
        with open(self.folder / "output.log", "ab") as log:
            if not self.fresh:
                self.process = WARM.start(words, self.environ(), log, log)
                return
            self.process = subprocess.Popen(
                [*MAILSUITE, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environ(),
                start_new_session=True,
            )

    def environ(self):
        """What its processes find in their environment."""
        return os.environ | BYTECODE | self.settings

    def wait(self, seconds=PATIENCE_SECONDS):
        """Wait until it is ready; gives the seconds that took."""
        began = time.monotonic()
        path = self.folder / "ready.json"
        while not path.exists():
            if self.process.poll() is not None:
                raise AssertionError(
                    f"demo exited with {self.process.returncode}:\n{self.output()}"
                )
            if time.monotonic() > began + seconds:
                raise AssertionError(f"demo is not ready:\n{self.output()}")
            time.sleep(0.02)
        self.ready = json.loads(path.read_text("utf-8"))
        return time.monotonic() - began

    def start(self):
        """Start and wait until it is ready; on other ports if someone took these."""
        for _ in range(TRIES):
            told = len(self.logged(TAKEN))
            self.launch()
            try:
                self.wait()
            except AssertionError:
                if len(self.logged(TAKEN)) == told:
                    raise
                self.base = free_port_base()
            else:
                return self
        raise AssertionError(f"no free ports:\n{self.output()}")

    def output(self):
        """The end of what it printed."""
        path = self.folder / "output.log"
        return path.read_text("utf-8", "replace")[-6000:] if path.exists() else ""

    def logged(self, word):
        """Lines of its output that hold a word."""
        path = self.folder / "output.log"
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        return [line for line in text.splitlines() if word in line]

    def kill(self):
        """SIGKILL to the whole process group."""
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """SIGTERM; gives the exit status."""
        pid = self.ready.get("pid", self.process.pid)
        os.kill(pid, signal.SIGTERM)
        status = self.process.wait(PATIENCE_SECONDS)
        if status == 0 and (self.folder / "ready.json").exists():
            raise AssertionError("ready.json outlives a clean stop")
        stalled = self.logged("event=reactor.stalled")
        if self.stalls is not None and len(stalled) > self.stalls:
            raise AssertionError("the reactor stalled:\n" + "\n".join(stalled))
        return status

    def remove(self):
        """End it if it runs, and remove its folder."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, number=1):
        return self.ready["accounts"][number - 1]["address"]

    def password(self, number=1):
        return self.ready["accounts"][number - 1]["password"]

    def imap(self, number=1):
        """A logged-in IMAP client of an account."""
        client = imaplib.IMAP4(
            self.ready["host"], self.ready["imap"], timeout=PATIENCE_SECONDS
        )
        client.login(self.address(number), self.password(number))
        return client

    def smtp(self, service="smtp"):
        return smtplib.SMTP(
            self.ready["host"], self.ready[service], timeout=PATIENCE_SECONDS
        )

    def maildir(self, number=1):
        user, domain = self.address(number).split("@")
        return Path(self.ready["maildir"].format(user=user, domain=domain))

    def messages(self, number=1):
        """Paths of the messages in an account's INBOX."""
        root = self.maildir(number)
        return [
            path
            for sub in ("new", "cur")
            if (root / sub).is_dir()
            for path in sorted((root / sub).iterdir())
        ]

    def command(self, *arguments, check=True):
        """Run ``mailsuite`` with the demo's configuration; gives its output."""
        config = str(self.folder / "etc" / "mailsuite.toml")
        words = ("--config", config, *arguments)
        if not self.fresh:
            status, stdout, stderr = WARM.run(words, self.environ())
        else:
            done = subprocess.run(
                [*MAILSUITE, *words],
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
                env=self.environ(),
            )
            status, stdout, stderr = done.returncode, done.stdout, done.stderr
        if status and (check or not stdout):
            raise AssertionError(f"{arguments}: {stdout}{stderr}")
        return stdout
