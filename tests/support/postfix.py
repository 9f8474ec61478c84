"""A throw-away Postfix on loopback that can put senders off, and then accept."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.patience import PATIENCE_SECONDS

SCRIPT = Path(__file__).parent.parent.parent / "bench" / "peers" / "postfix.sh"
DOMAIN = "other.test"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def needed():
    """Fail with what to do when it cannot run here."""
    if os.geteuid() != 0:
        raise AssertionError("Postfix needs root: run the tests as root")
    if shutil.which("postfix", path=PATH) is None:
        raise AssertionError("Debian's postfix is not there: run .ci/run")


class Postfix:
    """Serves ``userN@other.test``; relays every other domain to ``sink``."""

    def __init__(self, port, sink, users=2):
        self.port = port
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        os.chmod(self.folder, 0o755)
        self._environ = os.environ | {
            "PATH": PATH,
            "DOMAIN": DOMAIN,
            "USERS": str(users),
            "SMTP_PORT": str(port),
            "SUBMISSION_PORT": str(port + 1),
            "SINK": str(sink),
        }

    def _run(self, *command):
        done = subprocess.run(
            command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{command}: {done.stdout}{self.log()}")

    def start(self):
        """Start it; it answers when this returns."""
        self._run("sh", str(SCRIPT), "start", str(self.folder))
        self.wait(lambda: "daemon started" in self.log())
        self.set("smtp_dns_support_level = disabled", "smtp_host_lookup = native")
        return self

    def set(self, *settings):
        """Change settings of main.cf and let them count."""
        etc = str(self.folder / "etc")
        self._run("postconf", "-c", etc, "-e", *settings)
        self._run("postfix", "-c", etc, "reload")

    def put_off(self):
        """From now on every recipient is answered 450."""
        self.set("smtpd_recipient_restrictions = defer")

    def accept(self):
        """From now on recipients are accepted again."""
        self.set("smtpd_recipient_restrictions =")

    def log(self):
        """All that it logged."""
        path = self.folder / "log" / "mail.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def messages(self, number=1):
        """Paths of what was delivered to a user."""
        new = self.folder / "mail" / DOMAIN / f"user{number}" / "Maildir" / "new"
        return sorted(new.iterdir()) if new.is_dir() else []

    def wait(self, done, seconds=PATIENCE_SECONDS):
        """Wait until ``done()``; what it gave."""
        end = time.monotonic() + seconds
        while not (result := done()):
            if time.monotonic() > end:
                raise AssertionError(
                    f"Postfix: nothing after {seconds} s\n{self.log()}"
                )
            time.sleep(0.05)
        return result

    def stop(self):
        """End it and remove its folder, without the seconds that ``stop`` waits."""
        self._run("postfix", "-c", str(self.folder / "etc"), "abort")
        self.wait(self._removed)

    def _removed(self):
        """Some of it may still run, and make files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return not self.folder.exists()
