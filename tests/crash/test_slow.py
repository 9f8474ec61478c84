"""A slow disk and a clock that jumps: slower, never wrong, never stuck."""

import os
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage, faults
from tests.support.demo import Demo
from tests.support.ledger import Ledger, Session

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
NOOP_SECONDS = 0.5
GROWTH_KIB = 60_000
JUMPS = ("+1h", "-1h", "+3650d", "-3000d", "+0")


def resident(pid):
    """KiB of memory in use."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


class SlowDiskTests(SynchronousTestCase):
    def test_slow_barriers(self):
        """Each barrier takes 2 s: the reactor answers at once, memory stays bounded."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        demo.start()
        demo.stalls = None
        faults.without_sample_mail(demo)
        ledger = Ledger(faults.recipients(demo))
        injection = faults.Injection(demo, "fdatasync,fsync:delay_enter=2000000")
        before = resident(demo.ready["pid"])
        ledger.start(("127.0.0.1", demo.ready["smtp"]), sessions=20)
        worst = 0.0
        with Session(("127.0.0.1", demo.ready["smtp"])) as session:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                began = time.monotonic()
                session.command(b"NOOP")
                worst = max(worst, time.monotonic() - began)
                time.sleep(0.05)
        ledger.stop()
        injection.stop()
        self.assertLess(worst, NOOP_SECONDS)
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
        }
        demo = Demo(users=1, settings=settings)
        self.addCleanup(demo.remove)
        demo.stalls = None  # each look at the clock reads a file, as its CPU
        demo.start()
        faults.without_sample_mail(demo)
        client = demo.imap()
        client.select("INBOX")
        for number, jump in enumerate(JUMPS):
            fresh = stamp.with_suffix(".new")
            fresh.write_text(jump)
            os.rename(fresh, stamp)
            took = []
            for n in range(3):
                damage.send(demo, 10 * number + n)
                sent = 10 * number + n
                wait = damage.wait_for(
                    lambda sent=sent: sent in damage.view(demo)[1], 5
                )
                took.append(wait)
            self.assertEqual(client.noop()[0], "OK")
            self.assertLess(max(took), 3)
        self.assertEqual(len(damage.view(demo)[1]), 3 * len(JUMPS))
        client.logout()
        self.assertEqual(demo.stop(), 0)
        self.assertIn(" 0 findings", demo.command("verify", check=False))
