"""Faults put on a running suite, each with the figures it leaves.

The short profile of ``make test`` and the long one of ``make proof`` call the
same functions with other numbers.
"""

import fcntl
import os
import random
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from attrs import define, field

from tests.support.demo import Demo
from tests.support.ledger import Ledger, Session, message, read, settled
from tests.support.patience import PATIENCE_SECONDS, wait_for

EXT4_IOC_SHUTDOWN = 0x8004587D
DYING_SECONDS = 20
NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH: what was not synced is lost


@define
class Figures:
    """What a fault left behind; ``lost`` and ``torn`` must be 0."""

    acked: int = 0
    lost: int = 0
    torn: int = 0
    doubled: int = 0
    faults: int = 0
    findings: str = ""
    seconds: list[float] = field(factory=list)

    def line(self, what):
        slowest = max(self.seconds, default=0)
        middle = sorted(self.seconds)[len(self.seconds) // 2] if self.seconds else 0
        return (
            f"{what}: {self.faults} faults, {self.acked} acknowledged, {self.lost} lost,"
            f" {self.torn} torn, {self.doubled} doubled, ready again after"
            f" {middle:.2f} s median, {slowest:.2f} s at most; {self.findings}"
        )


def recipients(demo):
    return [account["address"] for account in demo.ready["accounts"]]


def count(figures, demo, ledger, seconds=PATIENCE_SECONDS):
    """Compare the mailboxes with the ledger; then verify the data, stopped."""
    users = range(1, demo.users + 1)
    counts, torn = settled(
        lambda: [path for user in users for path in demo.messages(user)],
        ledger.acked,
        seconds,
    )
    counts.pop(None, None)
    figures.acked = len(ledger.acked)
    figures.lost = len(set(ledger.acked) - set(counts))
    figures.torn = len(torn)
    figures.doubled = sum(number > 1 for number in counts.values())
    if demo.stop() != 0:
        figures.findings = "unclean exit"
        return figures
    figures.findings = demo.command("verify", check=False).strip().splitlines()[-1]
    return figures


def without_sample_mail(demo):
    """Empty the accounts, so that only the ledger's mail is counted."""
    for user in range(1, demo.users + 1):
        client = demo.imap(user)
        client.select("INBOX")
        client.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")
        client.expunge()
        client.logout()


def kills(number, acks_between, settings=None, seed=1):
    """SIGKILL the whole process group at random moments of receiving."""
    rng = random.Random(seed)
    demo = Demo(settings=settings)
    figures = Figures()
    try:
        demo.start()
        without_sample_mail(demo)
        ledger = Ledger(recipients(demo))
        ledger.start(("127.0.0.1", demo.ready["smtp"]))
        for _ in range(number):
            ledger.wait_for(len(ledger.acked) + acks_between)
            time.sleep(rng.random() * 0.05)
            demo.kill()
            figures.faults += 1
            demo.launch()
            figures.seconds.append(demo.wait())
        ledger.wait_for(len(ledger.acked) + acks_between)
        ledger.stop()
        return count(figures, demo, ledger)
    finally:
        demo.remove()


class Image:
    """A loop-mounted ext4 image whose power can be cut."""

    def __init__(self, megabytes=600):
        self.folder = Path(tempfile.mkdtemp(prefix="mailsuite-power-"))
        self.file = self.folder / "image"
        self.mountpoint = self.folder / "mounted"
        self.mountpoint.mkdir()
        with self.file.open("wb") as image:
            image.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", str(self.file)], check=True)
        self.mount()

    def mount(self):
        subprocess.run(
            ["mount", "-o", "loop", str(self.file), str(self.mountpoint)], check=True
        )

    def cut(self):
        """What was written and not synced is gone from here on."""
        handle = os.open(self.mountpoint, os.O_RDONLY)
        try:
            flags = struct.pack("I", NO_LOG_FLUSH)
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, flags)
        finally:
            os.close(handle)

    def unmount(self):
        for _ in range(50):
            done = subprocess.run(
                ["umount", str(self.mountpoint)], capture_output=True, check=False
            )
            if done.returncode == 0:
                self._let_go()
                return
            time.sleep(0.1)
        raise AssertionError(done.stderr.decode())

    def _let_go(self):
        """Wait for the kernel: others may have the mount in namespaces of their own."""
        end = time.monotonic() + PATIENCE_SECONDS
        look = ["losetup", "--associated", str(self.file)]
        while subprocess.run(look, capture_output=True, check=True).stdout:
            if time.monotonic() > end:
                raise AssertionError("somebody holds the image")
            time.sleep(0.05)

    def remove(self):
        subprocess.run(
            ["umount", "-l", str(self.mountpoint)], capture_output=True, check=False
        )
        self.file.unlink(missing_ok=True)
        self.mountpoint.rmdir()
        self.folder.rmdir()


def power_cuts(number, acks_between, settings=None):
    """Cut the power of the disk below a running suite, and boot again."""
    image = Image()
    demo = Demo(image.mountpoint / "demo", settings=settings)
    demo.folder.mkdir()
    figures = Figures()
    ledger = None
    try:
        demo.start()
        without_sample_mail(demo)
        ledger = Ledger(recipients(demo))
        for _ in range(number):
            ledger.start(("127.0.0.1", demo.ready["smtp"]))
            ledger.wait_for(len(ledger.acked) + acks_between)
            before = dict(ledger.acked)
            image.cut()
            demo.kill()
            ledger.stop()
            ledger.acked = before
            image.unmount()
            image.mount()
            figures.faults += 1
            demo.launch()
            figures.seconds.append(demo.wait())
        return count(figures, demo, ledger)
    finally:
        if ledger is not None:
            ledger.halt.set()
        demo.remove()
        image.remove()


class Injection:
    """strace attached to a running suite, failing or killing at system calls."""

    def __init__(self, demo, rule, path=None):
        self.log = Path(tempfile.mkdtemp(prefix="mailsuite-strace-")) / "log"
        self.process = subprocess.Popen(
            [
                *("strace", "-f", "-qq", "-o", str(self.log)),
                *("-e", "inject=" + rule),
                *(("-P", str(path)) if path else ()),
                *("-p", str(demo.ready["pid"])),
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_attached(demo.ready["pid"])

    def _wait_until_attached(self, pid):
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            tracers = [
                line.split()[1]
                for task in Path(f"/proc/{pid}/task").iterdir()
                for line in (task / "status").read_text("ascii").splitlines()
                if line.startswith("TracerPid")
            ]
            if tracers and all(tracer != "0" for tracer in tracers):
                return
            time.sleep(0.01)
        raise AssertionError("strace did not attach")

    def stop(self):
        """Let the suite go on untraced."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.log.unlink(missing_ok=True)
        self.log.parent.rmdir()


def failing_barriers(seconds=2.0):
    """Let every fdatasync and fsync fail; gives (figures, acks while failing)."""
    demo = Demo()
    figures = Figures()
    try:
        demo.start()
        without_sample_mail(demo)
        ledger = Ledger(recipients(demo))
        ledger.start(("127.0.0.1", demo.ready["smtp"]), sessions=4)
        ledger.wait_for(50)
        injection = Injection(demo, "fdatasync,fsync:error=EIO")
        wait_for(lambda: refusals(ledger, "451"))
        time.sleep(0.5)
        before = len(ledger.acked)
        time.sleep(seconds)
        during = len(ledger.acked) - before
        injection.stop()
        figures.faults = 1
        began = time.monotonic()
        ledger.wait_for(len(ledger.acked) + 20)
        figures.seconds.append(time.monotonic() - began)
        ledger.stop()
        demo.kill()
        demo.start()
        return count(figures, demo, ledger), during, dict(ledger.refused)
    finally:
        demo.remove()


def refusals(ledger, code):
    """How many messages were refused with such a code."""
    with ledger.lock:
        refused = dict(ledger.refused)
    return sum(n for why, n in refused.items() if why.startswith(code))


def send_one(demo, number):
    """Send one message; whether it was acknowledged."""
    try:
        with Session(("127.0.0.1", demo.ready["smtp"])) as session:
            session.command(b"EHLO one.example")
            session.command(b"MAIL FROM:<sender@example.org>")
            session.command(b"RCPT TO:<" + demo.address().encode() + b">")
            session.command(b"DATA", b"354")
            session.socket.sendall(message(number) + b".\r\n")
            session.expect(b"250")
    except OSError:
        return False
    else:
        return True


STEPS = (
    *(
        "pwritev,pwritev2",
        "pwrite64",
        "write",
        "writev",
        "fdatasync",
        "fsync",
        "ftruncate",
    ),
    *(
        "openat",
        "link",
        "linkat",
        "rename",
        "renameat2",
        "unlink",
        "mkdir",
        "utimensat",
    ),
    *("sendto", "sendmsg"),
)


def kill_at_steps(steps, numbers):
    """SIGKILL at the n-th of each system call while one message comes in.

    A call that did not happen so often is done. Gives the figures, and lines that say
    at which point a promise broke: none is the aim.
    """
    broken, figures = [], Figures()
    demo = Demo(users=1)
    try:
        demo.start()
        without_sample_mail(demo)
        number, acked = 0, set()
        for step in steps:
            for when in numbers:
                number += 1
                injection = Injection(demo, f"{step}:signal=KILL:when={when}")
                taken = send_one(demo, number)
                if taken:
                    acked.add(number)
                survived = outlived(demo, number if taken else None)
                injection.stop()
                if survived:
                    break
                figures.faults += 1
                demo.kill()
                demo.launch()
                figures.seconds.append(demo.wait())
                counts, torn = settled(demo.messages, acked)
                figures.lost = len(acked - set(counts))
                figures.torn = len(torn)
                figures.doubled = sum(count > 1 for count in counts.values())
                if figures.lost or figures.torn or figures.doubled:
                    broken.append(f"{step} {when}: {counts} {torn}")
        figures.acked = len(acked)
        if demo.stop() != 0:
            broken.append("unclean exit")
        found = demo.command("verify", check=False).strip().splitlines()
        figures.findings = found[-1]
        return figures, broken
    finally:
        demo.remove()


def outlived(demo, number):
    """Whether it still runs a while after the message lies where it belongs.

    ``number`` is None where the message was not taken: then it should be dying.
    """
    end = time.monotonic() + (PATIENCE_SECONDS if number is not None else DYING_SECONDS)
    while demo.process.poll() is None and time.monotonic() < end:
        if number is not None and number in map(numbered, demo.messages()):
            break
        time.sleep(0.02)
    try:
        demo.process.wait(0.5)
    except subprocess.TimeoutExpired:
        return True
    return False


def numbered(path):
    """The number of a stored message; None: it has none, or has just moved."""
    try:
        return read(path)[0]
    except FileNotFoundError:
        return None


def full_disk(rounds):
    """Fill the disk below a running suite and make room again."""
    image = Image(400)
    demo = Demo(image.mountpoint / "demo", users=1)
    demo.folder.mkdir()
    figures, during = Figures(), []
    try:
        demo.start()
        without_sample_mail(demo)
        ledger = Ledger(recipients(demo))
        for _ in range(rounds):
            ledger.start(("127.0.0.1", demo.ready["smtp"]), sessions=4)
            ledger.wait_for(len(ledger.acked) + 50)
            filler = fill(image.mountpoint / "filler")
            told = refusals(ledger, "452")
            wait_for(lambda told=told: refusals(ledger, "452") > told)
            time.sleep(0.5)
            before = len(ledger.acked)
            time.sleep(0.5)
            during.append(len(ledger.acked) - before)
            during.append(reads_still_work(demo))
            filler.unlink()
            began = time.monotonic()
            ledger.wait_for(len(ledger.acked) + 10)
            figures.seconds.append(time.monotonic() - began)
            figures.faults += 1
            ledger.stop()
        return count(figures, demo, ledger), during, dict(ledger.refused)
    finally:
        demo.remove()
        image.remove()


def fill(path):
    """Write until nothing more goes onto the disk."""
    block = b"\0" * (1 << 20)
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(block)
        except OSError:
            block = block[:1024]
        try:
            while True:
                file.write(block)
        except OSError:
            pass
    return path


def reads_still_work(demo):
    """Whether IMAP fetches and expunges while the disk is full."""
    client = demo.imap()
    try:
        client.select("INBOX")
        newest = client.fetch("1", "(BODY.PEEK[])")
        client.store("1", "+FLAGS.SILENT", "(\\Flagged)")
        return newest[0] == "OK"
    finally:
        client.logout()
