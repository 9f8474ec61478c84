"""Stored octets that cannot be read, and barriers of the index that fail."""

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage, faults
from tests.support.demo import Demo
from tests.support.mounted import Mounted
from tests.support.patience import timed, within


class StoredTests(SynchronousTestCase):
    def setUp(self):
        self.demo = Demo(users=2)
        self.addCleanup(self.demo.remove)
        self.demo.start()
        faults.without_sample_mail(self.demo)
        for number in range(1, 6):
            damage.send(self.demo, number)
        damage.wait_for(lambda: len(damage.view(self.demo)[1]) == 5)
        self.seen = damage.view(self.demo)[1]

    def file_of(self, number):
        mark = b"X-Number: %d\r" % number
        for path in self.demo.messages():
            if mark in path.read_bytes():
                return path
        raise AssertionError(number)

    def uid(self, number):
        return str(self.seen[number][0])

    def test_unreadable(self):
        """EIO on one file is NO for that message, once the disk reads it again OK."""
        client = self.demo.imap()
        client.select("INBOX")
        calls = "read,pread64,openat,mmap,preadv"
        path = self.file_of(2)
        injection = faults.Injection(self.demo, f"{calls}:error=EIO", path)
        self.assertEqual(client.uid("FETCH", self.uid(2), "(BODY.PEEK[])")[0], "NO")
        for number in (1, 3):
            said, rows = client.uid("FETCH", self.uid(number), "(BODY.PEEK[])")
            self.assertEqual(said, "OK")
            self.assertIn(b"X-Number: %d\r" % number, rows[0][1])
        injection.stop()
        said, rows = client.uid("FETCH", self.uid(2), "(BODY.PEEK[])")
        self.assertIn(b"X-Number: 2\r", rows[0][1])
        client.logout()

    def test_file_lost_or_cut(self):
        """NO, or what is left, for that message only; others are whole."""
        self.file_of(2).unlink()
        os.truncate(self.file_of(3), 20)
        client = self.demo.imap()
        client.select("INBOX")
        for number in (1, 4, 5):
            said, rows = client.uid("FETCH", self.uid(number), "(BODY.PEEK[])")
            self.assertEqual(said, "OK")
            self.assertIn(b"X-Number: %d\r" % number, rows[0][1])
        for number in (2, 3):
            client.uid("FETCH", self.uid(number), "(BODY.PEEK[])")
            self.assertEqual(client.noop()[0], "OK")
        client.logout()

    def test_killed_after_expunge(self):
        """The files leave at the next start, before anybody opens the account."""
        self.demo.kill()
        self.demo.settings = {"MAILSUITE_STORE_NAMES": "3600.0"}
        self.demo.start()
        client = self.demo.imap()
        client.select("INBOX")
        self.assertEqual(client.store("2:3", "+FLAGS", "(\\Deleted)")[0], "OK")
        self.assertEqual(client.expunge()[0], "OK")
        client.shutdown()
        self.demo.kill()
        self.assertEqual(len(self.demo.messages()), 5)
        self.demo.settings = {}
        self.demo.start()
        damage.wait_for(lambda: len(self.demo.messages()) == 3)
        self.assertEqual(set(damage.view(self.demo)[1]), {1, 4, 5})

    def test_failing_index(self):
        """Where no barrier works a change is not answered OK; it heals after."""
        self.demo.stalls = None
        client = self.demo.imap()
        client.select("INBOX")
        calls = "fsync,fdatasync,pwrite64,pwritev"
        injection = faults.Injection(self.demo, f"{calls}:error=EIO")
        said = client.append("INBOX", "", None, b"Subject: no\r\n\r\nno\r\n")[0]
        self.assertEqual(said, "NO")
        said = client.store("1", "+FLAGS", "(\\Flagged)")[0]
        self.assertEqual(client.fetch("1", "(BODY.PEEK[])")[0], "OK")
        injection.stop()
        if said == "OK":
            self.demo.kill()
            client.shutdown()
            self.demo.start()
            self.assertTrue(damage.view(self.demo)[1][1][1])
            client = self.demo.imap()
            client.select("INBOX")
        damage.wait_for(lambda: client.store("2", "+FLAGS", "(\\Flagged)")[0] == "OK")
        said = client.append("INBOX", "", None, b"X-Number: 9\r\n\r\nyes\r\n")[0]
        self.assertEqual(said, "OK")
        client.logout()
        self.assertEqual(len(damage.view(self.demo)[1]), 6)
        self.assertEqual(self.demo.stop(), 0)
        self.assertIn(" 0 findings", self.demo.command("verify", check=False))


MANY = 20_000
SELECT_SECONDS = 1.5


class ManyTests(SynchronousTestCase):
    def test_many_messages(self):
        """A mailbox of 20,000 files that others dropped opens at once, the second time.

        No turn of the reactor takes 50 ms of CPU, the first time either.
        """
        mounted = Mounted()  # on a disk the files take longer to make and to remove
        self.addCleanup(mounted.remove)
        settings = {"MAILSUITE_SEARCH_ENABLED": "false"}
        demo = Demo(mounted.folder, users=1, settings=settings)
        self.addCleanup(demo.remove)
        demo.start()
        self.assertEqual(demo.stop(), 0)
        code = (
            "import sys\n"
            "for n in range(int(sys.argv[2])):\n"
            "    open(f'{sys.argv[1]}/cur/17000{n:06}.M1P1.far:2,S', 'wb').write("
            "b'Subject: %d\\r\\n\\r\\n%d\\r\\n' % (n, n))\n"
        )
        command = [sys.executable, "-c", code, str(demo.maildir()), str(MANY)]
        subprocess.run(command, check=True)
        demo.start()
        client = demo.imap()
        first = int(client.select("INBOX")[1][0])
        self.assertGreaterEqual(first, MANY)
        client.logout()
        self.assertEqual(demo.stop(), 0)

        def opened():
            demo.start()
            client = demo.imap()
            took = timed(
                lambda: self.assertEqual(int(client.select("INBOX")[1][0]), first)
            )
            client.logout()
            self.assertEqual(demo.stop(), 0)
            return took

        within(SELECT_SECONDS, opened)
