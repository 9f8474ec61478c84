"""The mail programs of Debian send and read their mail through the suite."""

import os
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.demo import Demo
from tests.support.patience import PATIENCE_SECONDS

SCRIPT = Path(__file__).parent / "real-clients.sh"


class ClientsTests(SynchronousTestCase):
    """One method a client; a client that is not installed fails its test."""

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(users=2)
        try:
            cls.demo.start()
        except BaseException:
            cls.demo.remove()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            status = cls.demo.stop()
            assert status == 0, (status, cls.demo.output())
        finally:
            cls.demo.remove()

    def client(self, name):
        ready, demo = self.demo.ready, self.demo
        names = ("imap", "pop3", "smtp", "submission")
        done = subprocess.run(
            [
                *("bash", str(SCRIPT), ready["host"]),
                *(str(ready[port]) for port in names),
                *(demo.address(1), demo.password(1)),
            ],
            env=os.environ
            | {"ONLY": name, "USER2": demo.address(2), "PASS2": demo.password(2)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        self.assertIn(f"PASS {name} ", done.stdout, done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0)

    def test_swaks(self):
        """Swaks submits a message with an attachment."""
        self.client("swaks")

    def test_msmtp(self):
        """Msmtp submits to To and Bcc, and Bcc is not in the message."""
        self.client("msmtp")

    def test_python(self):
        """smtplib, poplib and imaplib send, find, fetch and delete."""
        self.client("python-stdlib")

    def test_curl(self):
        """Curl lists, appends, searches and fetches; reads POP3; sends."""
        self.client("curl")

    def test_mbsync(self):
        """Mbsync pulls, pushes flags and mail, expunges; a third run does nothing."""
        self.client("mbsync")

    def test_offlineimap(self):
        """Offlineimap pulls, pushes flags and mail; a third run does nothing."""
        self.client("offlineimap")

    def test_neomutt(self):
        """Neomutt sends, reads, flags and deletes."""
        self.client("neomutt")

    def test_getmail(self):
        """Getmail tells old from new by UIDL, and deletes at QUIT."""
        self.client("getmail")

    def test_fetchmail(self):
        """Fetchmail takes everything over POP3 and leaves nothing."""
        self.client("fetchmail")

    def test_fetchmail_imap(self):
        """Fetchmail does the same over IMAP."""
        self.client("fetchmail-imap")
