"""Something runs out: descriptors, inodes, a writable disk, quota, the log's disk.

Mail is refused for a while at most, reading goes on, and all heals by itself.
"""

import contextlib
import smtplib
import socket
import subprocess
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage, faults
from tests.support.demo import Demo
from tests.support.mounted import Mounted
from tests.support.patience import timed, within

CHANGES = "pwritev,pwrite64,fdatasync,fsync,rename,link,unlink,mkdir,ftruncate"
MOUNT = ("-o", "size=200m,nr_inodes=1200")


def code(demo, user=1, number=1):
    """What SMTP answers to one message, or to its recipient."""
    try:
        damage.send(demo, number, user, 3000)
    except smtplib.SMTPRecipientsRefused as error:
        ((said, _),) = error.recipients.values()
        return said
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    return 250


def cpu_seconds(pid):
    stat = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / 100


class InodesTests(SynchronousTestCase):
    def test_inodes(self):
        """Without inodes 452 within a second; reading works; healed in 10 s."""
        mounted = Mounted(*MOUNT)
        self.addCleanup(mounted.remove)
        demo = Demo(mounted.folder / "demo", users=1)
        demo.folder.mkdir()
        self.addCleanup(demo.remove)
        demo.start()
        faults.without_sample_mail(demo)
        damage.send(demo, 1)
        damage.wait_for(lambda: len(demo.messages()) == 1)
        fillers = mounted.folder / "fillers"
        fillers.mkdir()
        with contextlib.suppress(OSError):
            for number in range(2000):
                (fillers / str(number)).touch()
        damage.wait_for(lambda: code(demo, number=1) == 452)
        within(1, lambda: timed(lambda: self.assertEqual(code(demo, number=2), 452)))
        self.assertEqual(set(damage.view(demo)[1]), {1})
        with demo.imap() as client:
            client.select("INBOX")
            client.store("1:*", "+FLAGS", "(\\Flagged)")
        for path in fillers.iterdir():
            path.unlink()
        damage.wait_for(lambda: code(demo, number=3) == 250)
        damage.wait_for(lambda: set(damage.view(demo)[1]) >= {1, 3})
        self.assertTrue(damage.view(demo)[1][1][1])
        self.assertEqual(demo.stop(), 0)
        self.assertIn(" 0 findings", demo.command("verify", check=False))


class ReadOnlyTests(SynchronousTestCase):
    def test_read_only(self):
        """Where nothing can be changed mail is refused with 4xx, reading works.

        The system calls that change something answer EROFS: Linux does not remount
        a file system read-only below a process that holds files open for writing.
        """
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        demo.start()
        faults.without_sample_mail(demo)
        damage.send(demo, 1)
        damage.wait_for(lambda: len(damage.view(demo)[1]) == 1)
        injection = faults.Injection(demo, f"{CHANGES}:error=EROFS")
        refused = (451, 452)
        within(5, lambda: timed(lambda: self.assertIn(code(demo, number=2), refused)))
        self.assertEqual(set(damage.view(demo)[1]), {1})
        injection.stop()
        damage.wait_for(lambda: code(demo, number=3) == 250)
        damage.wait_for(lambda: set(damage.view(demo)[1]) == {1, 3})
        self.assertEqual(demo.stop(), 0)
        self.assertIn(" 0 findings", demo.command("verify", check=False))


class QuotaTests(SynchronousTestCase):
    def test_quota(self):
        """Who is full is refused, nobody else."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        demo.start()
        secret = ("--password", "secret", "--quota", "20000")
        demo.command("user", "add", "full@example.test", *secret)
        account = {"address": "full@example.test", "password": "secret"}
        demo.ready["accounts"].append(account)
        said = [code(demo, 2, number) for number in range(12)]
        self.assertIn(set(said[8:]), ({452}, {552}), said)
        self.assertEqual(code(demo, 1, 100), 250)
        damage.wait_for(lambda: len(damage.view(demo, 2)[1]) == said.count(250))
        with demo.imap(2) as client:
            client.select("INBOX")
            self.assertEqual(client.fetch("1", "(BODY.PEEK[])")[0], "OK")
            client.store("1:*", "+FLAGS", "(\\Deleted)")
            client.expunge()
        self.assertEqual(code(demo, 2, 101), 250)
        self.assertEqual(demo.stop(), 0)
        self.assertIn(" 0 findings", demo.command("verify", check=False))


class DescriptorsTests(SynchronousTestCase):
    def test_flood(self):
        """Without descriptors accept rests; sessions live on; it heals."""
        demo = Demo(users=1)
        self.addCleanup(demo.remove)
        demo.start()
        damage.send(demo, 1)
        client = demo.imap()
        client.select("INBOX")
        pid = demo.ready["pid"]
        limit = len(list(Path(f"/proc/{pid}/fd").iterdir())) + 10
        command = ["prlimit", f"--nofile={limit}:{limit}", "--pid", str(pid)]
        subprocess.run(command, check=True)
        flood = []
        for _ in range(60):
            one = socket.create_connection(("127.0.0.1", demo.ready["smtp"]))
            self.addCleanup(one.close)
            flood.append(one)
        time.sleep(0.5)
        before = cpu_seconds(pid)
        for _ in range(20):
            self.assertEqual(client.noop()[0], "OK")
            time.sleep(0.1)
        self.assertLess(cpu_seconds(pid) - before, 0.6)
        self.assertEqual(client.fetch("1", "(BODY.PEEK[])")[0], "OK")
        for one in flood:
            one.close()
        damage.wait_for(lambda: code(demo, number=2) == 250)
        client.logout()
        self.assertEqual(demo.stop(), 0)


class LogTests(SynchronousTestCase):
    def test_log_disk_full(self):
        """The log's disk is full: mail goes on."""
        mounted = Mounted("-o", "size=16k")
        self.addCleanup(mounted.remove)
        target = mounted.folder / "log"
        demo = Demo(users=1, settings={"MAILSUITE_LOG_TARGET": str(target)})
        self.addCleanup(demo.remove)
        demo.start()
        faults.without_sample_mail(demo)
        for number in range(60):
            self.assertEqual(code(demo, number=number + 1), 250)
        damage.wait_for(lambda: len(damage.view(demo)[1]) == 60)
        damage.wait_for(lambda: target.stat().st_size >= 12 << 10)
        self.assertEqual(demo.stop(), 0)
