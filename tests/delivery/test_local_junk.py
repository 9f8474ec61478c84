"""Copies whose recipients are marked go into Junk."""

from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.delivery.local import LocalDelivery
from mailsuite.delivery.settings import Settings
from mailsuite.directory import memory as directory
from mailsuite.model.envelope import JUNK, Blob, Envelope, Recipient, Submission
from mailsuite.queue.memory import MemoryQueue
from mailsuite.store import memory as store
from tests.support.queue import address

MAIL = Blob("k", 25, b"Subject: x\r\n\r\nbody\r\n", b"R: x\r\n")


class JunkTests(SynchronousTestCase):
    def setUp(self):
        made = directory.make(
            dict.fromkeys(["user@example.test", "other@example.test"], "secret-1"),
            {"team@example.test": ["user@example.test", "other@example.test"]},
        )
        self.accounts = store.Accounts.of(Clock(), lambda: 1e9, made.directory)
        local = LocalDelivery(self.accounts, made.directory, Settings())
        self.queue = MemoryQueue(made.directory, {"local": local})

    def now(self, work):
        return self.successResultOf(Pending.fromCoroutine(work))

    def send(self, *to):
        recipients = tuple(
            Recipient(n, address(name), marks={JUNK: why} if why else {})
            for n, (name, why) in enumerate(to)
        )
        envelope = Envelope(None, recipients)
        self.now(self.queue.accept([Submission(envelope, MAIL)]))

    def counts(self, name):
        account = self.now(self.accounts.open(name))
        rows = self.now(account.mailboxes())
        return {row.name: row.messages for row in rows if row.messages}

    def test_marked(self):
        """The marked recipient's copy alone."""
        self.send(("user@example.test", "forged"), ("other@example.test", ""))
        self.assertEqual(self.counts("user@example.test"), {"Junk": 1})
        self.assertEqual(self.counts("other@example.test"), {"INBOX": 1})

    def test_no_reason(self):
        """The mark counts, whatever it says; a detail does not."""
        self.send(("user+INBOX@example.test", " "))
        self.assertEqual(self.counts("user@example.test"), {"Junk": 1})

    def test_alias(self):
        """Who stands behind an alias has it in Junk too."""
        self.send(("team@example.test", "forged"))
        self.assertEqual(self.counts("user@example.test"), {"Junk": 1})
        self.assertEqual(self.counts("other@example.test"), {"Junk": 1})

    def test_renamed(self):
        """The folder is found by its use, whatever its name."""
        account = self.now(self.accounts.open("user@example.test"))
        self.now(account.rename("Junk", "Spam"))
        self.send(("user@example.test", "forged"))
        self.assertEqual(self.counts("user@example.test"), {"Spam": 1})

    def test_made_again(self):
        """A folder that is gone is made again."""
        account = self.now(self.accounts.open("user@example.test"))
        self.now(account.remove("Junk"))
        self.send(("user@example.test", "forged"))
        self.assertEqual(self.counts("user@example.test"), {"Junk": 1})
