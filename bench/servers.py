"""Start and stop the servers that are compared, each in a folder of its own."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OFFSETS = (24, 25, 110, 143, 465, 587, 993, 995)
READY_SECONDS = 60


def free_base():
    """A port base whose ports are all free now."""
    while True:
        base = random.randrange(20_000, 31_000)
        taken = []
        try:
            for offset in OFFSETS:
                taken.append(socket.create_server(("127.0.0.1", base + offset)))
            return base
        except OSError:
            continue
        finally:
            for server in taken:
                server.close()


class Suite:
    """``mailsuite demo`` in a folder."""

    name = "mailsuite"

    def __init__(self, folder, users=20, settings=None):
        self.folder, self.users, self.base = folder, users, free_base()
        self.settings = dict(settings or {})
        self.ready = os.path.join(folder, "ready.json")
        self.process = None

    def start(self):
        """Start it; gives the seconds until it is ready and SMTP answers."""
        os.makedirs(self.folder, exist_ok=True)
        if os.path.exists(self.ready):
            os.unlink(self.ready)
        began = time.monotonic()
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-c"),
                    "from mailsuite.cli.main import main; main()",
                    *("demo", "--dir", self.folder),
                    *("--port-base", str(self.base), "--users", str(self.users)),
                ],
                env=os.environ | self.settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self._answers():
            if self.process.poll() is not None:
                sys.exit(f"mailsuite demo did not start, see {self.folder}.log")
            if time.monotonic() > began + READY_SECONDS:
                sys.exit(f"mailsuite demo is not ready, see {self.folder}.log")
            time.sleep(0.01)
        return time.monotonic() - began

    def _answers(self):
        if not os.path.exists(self.ready):
            return False
        with open(self.ready) as file:
            ready = json.load(file)
        try:
            with socket.create_connection((ready["host"], ready["smtp"]), 5) as made:
                return made.recv(4).startswith(b"220")
        except OSError:
            return False

    @property
    def target(self):
        return f"name=mailsuite ready={self.ready}"

    def kill(self):
        """SIGKILL to it and its children."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


class Peer:
    """Postfix or Dovecot as Debian packages them."""

    def __init__(self, name, folder, ports):
        self.name, self.folder, self.ports = name, folder, ports
        self.script = os.path.join(HERE, "peers", f"{name}.sh")
        self.running = False

    @classmethod
    def ports_of(cls, name):
        """Variables of the peer's script, key of a target, offset to a base."""
        return {
            "postfix": (("SMTP_PORT", "smtp", 25), ("SUBMISSION_PORT", "", 587)),
            "dovecot": (
                ("IMAP_PORT", "imap", 143),
                ("POP3_PORT", "pop3", 110),
                ("LMTP_PORT", "lmtp", 24),
            ),
        }[name]

    @classmethod
    def start(cls, name, folder):
        """Start it; None where it is not installed or cannot run here."""
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        if os.geteuid() or not shutil.which(name, path=path):
            return None
        base = free_base()
        ports = {env: base + offset for env, _, offset in cls.ports_of(name)}
        peer = cls(name, folder, ports)
        done = subprocess.run(
            ["sh", peer.script, "start", folder],
            env=os.environ | {env: str(port) for env, port in ports.items()},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(f"{name} did not start: {done.stderr[-500:]}", file=sys.stderr)
            return None
        peer.running = True
        return peer

    @property
    def target(self):
        pid = subprocess.run(
            ["sh", self.script, "pid", self.folder], capture_output=True, text=True
        ).stdout.strip()
        ports = " ".join(
            f"{key}={self.ports[env]}"
            for env, key, _ in self.ports_of(self.name)
            if key
        )
        return (
            f"name={self.name} {ports} pid={pid} users=20 password=secret "
            f"maildir={self.folder}/mail/{{domain}}/{{user}}/Maildir"
        )

    def stop(self):
        if self.running:
            subprocess.run(["sh", self.script, "stop", self.folder], check=False)
            self.running = False
