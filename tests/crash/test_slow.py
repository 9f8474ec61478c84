"""A slow disk and a clock that jumps: slower, never wrong, never stuck."""

import os
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage, faults
from tests.support.demo import Demo
from tests.support.ledger import Ledger, Session
from tests.support.patience import timed, within

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
BARRIER_SECONDS = 2
NOOP_SECONDS = 0.5
MOST_SECONDS = 60  # also on a machine that stands for a while
GROWTH_KIB = 60_000
JUMPS = ("+1h", "-1h", "+3650d", "-3000d", "+0")


def resident(pid):
    """KiB of memory in use."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def slowest(session):
    """Seconds of the slowest answer to a NOOP, of all in three barriers' time."""
    worst, end = 0.0, time.monotonic() + 3 * BARRIER_SECONDS
    while time.monotonic() < end:
        worst = max(worst, timed(lambda: session.command(b"NOOP")))
        time.sleep(0.05)
    return worst


class SlowDiskTests(SynchronousTestCase):
    def test_slow_barriers(self):
        """Each barrier takes 2 s: the reactor answers at once, memory stays bounded."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        demo.start()
        demo.stalls = None
        faults.without_sample_mail(demo)
        ledger = Ledger(faults.recipients(demo))
        injection = faults.Injection(
            demo, f"fdatasync,fsync:delay_enter={BARRIER_SECONDS}s"
        )
        before = resident(demo.ready["pid"])
        ledger.start(("127.0.0.1", demo.ready["smtp"]), sessions=20)
        with Session(("127.0.0.1", demo.ready["smtp"])) as session:
            within(NOOP_SECONDS, lambda: slowest(session))
        ledger.stop()
        injection.stop()
        self.assertLess(resident(demo.ready["pid"]) - before, GROWTH_KIB)
        self.assertTrue(ledger.acked)
        figures = faults.count(faults.Figures(), demo, ledger)
        self.assertEqual((figures.lost, figures.torn, figures.doubled), (0, 0, 0))
        self.assertIn(" 0 findings", figures.findings)


class ClockTests(SynchronousTestCase):
    """With libfaketime from Debian, which ``.ci/run`` installs."""

    def test_jumps(self):
        """The wall clock jumps by hours and years: mail comes, names stay unique."""
        self.assertTrue(FAKETIME.exists(), "install Debian's package libfaketime")
        stamp = Path(tempfile.mkdtemp(prefix="mailsuite-clock-")) / "now"
        self.addCleanup(stamp.parent.rmdir)
        self.addCleanup(stamp.unlink)
        stamp.write_text("+0")
        settings = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(stamp),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else who waits for a lock spins
        }
        demo = Demo(users=1, settings=settings)
        self.addCleanup(demo.remove)
        demo.stalls = None  # each look at the clock reads a file, as its CPU
        demo.start()
        faults.without_sample_mail(demo)
        client = demo.imap()
        self.addCleanup(client.sock.close)
        self.addCleanup(client.file.close)
        client.select("INBOX")
        for number, jump in enumerate(JUMPS):
            fresh = stamp.with_suffix(".new")
            fresh.write_text(jump)
            os.rename(fresh, stamp)
            took = []
            for n in range(3):
                sent = 10 * number + n
                damage.send(demo, sent)
                took.append(
                    damage.wait_for(lambda sent=sent: sent in damage.view(demo)[1])
                )
            self.assertLess(min(took), 3)
            self.assertLess(max(took), MOST_SECONDS)
            self.assertEqual(client.noop()[0], "OK")
        self.assertEqual(len(damage.view(demo)[1]), 3 * len(JUMPS))
        client.logout()
        self.assertEqual(demo.stop(), 0)
        self.assertIn(" 0 findings", demo.command("verify", check=False))
