"""Damaged files: who owns them is served again, all others never notice."""

import random

from twisted.trial.unittest import SynchronousTestCase

from tests.support import damage, faults
from tests.support.demo import Demo
from tests.support.profile import PROOF, share

HELD = 8


class Ground(SynchronousTestCase):
    """One demo with two accounts, numbered mail in both."""

    settings = ()

    def setUp(self):
        self.rng = random.Random(self.id())
        self.demo = Demo(users=2, settings=self.settings)
        self.addCleanup(self.demo.remove)
        self.demo.start()
        faults.without_sample_mail(self.demo)
        for user in (1, 2):
            for number in range(1, 9):
                damage.send(self.demo, number, user)
            damage.wait_for(lambda user=user: len(self.demo.messages(user)) == 8)
            with self.demo.imap(user) as client:
                client.select("INBOX")
                client.store("2:4", "+FLAGS", "(\\Flagged $Label1)")
        self.next = 100
        self.faults = 0
        self.home = self.demo.maildir(1).parent
        self.data = self.demo.folder / "data"

    def serves(self, before, what):
        """Both see what they saw, and new mail comes."""
        self.faults += 1
        self.assertEqual(damage.view(self.demo, 1), before[0], what)
        self.assertEqual(damage.view(self.demo, 2), before[1], what)
        self.next += 1
        damage.send(self.demo, self.next)
        damage.wait_for(lambda: self.next in damage.view(self.demo, 1)[1])

    def views(self):
        return damage.view(self.demo, 1), damage.view(self.demo, 2)

    def ends_well(self):
        self.assertEqual(self.demo.stop(), 0)
        findings = self.demo.command("verify", check=False)
        if PROOF:
            what = self.id().partition("test_damage.")[2]
            last = findings.strip().splitlines()[-1]
            print(
                f"\ndamage, {what}: {self.faults} faults, 0 lost, 0 torn, 0 doubled,"
                f" UIDs and flags kept; {last}"
            )
        self.assertIn(" 0 findings", findings)


class StoppedTests(Ground):
    """Harm done while the suite was stopped."""

    def harmed(self, path, harms):
        for harm in harms:
            before = self.views()
            self.assertEqual(self.demo.stop(), 0)
            harm(path, self.rng)
            self.demo.start()
            self.serves(before, f"{path.name} {harm.__name__}")

    def some(self):
        if PROOF:
            return damage.HARMS[: share(len(damage.HARMS))]
        return [self.rng.choice(damage.HARMS)]

    def test_files_of_an_account(self):
        """Index, facts and UID list are made again with the same UIDs and flags."""
        for name in ("index.db", "account.db", "Maildir/dovecot-uidlist"):
            self.harmed(self.home / name, self.some())
        self.ends_well()

    def test_schedule(self):
        """queue.db is made again from the spool."""
        self.harmed(self.data / "queue.db", self.some())
        self.ends_well()

    def test_directory(self):
        """state.db cannot be guessed: the start says so, and touches nothing."""
        self.assertEqual(self.demo.stop(), 0)
        damage.behead(self.data / "state.db", self.rng)
        harmed = (self.data / "state.db").read_bytes()
        with self.assertRaisesRegex(AssertionError, "restore it from a backup"):
            self.demo.start()
        self.assertEqual((self.data / "state.db").read_bytes(), harmed)


class RunningTests(Ground):
    """Harm done below the running suite."""

    def test_files_of_an_account(self):
        """Others go on; after a restart at the latest all is as it was."""
        self.demo.stalls = None
        for name in ("index.db", "account.db", "Maildir/dovecot-uidlist"):
            path = self.home / name
            before = self.views()
            if path.exists() and path.stat().st_size:
                damage.scribble(path, self.rng)
            self.assertEqual(damage.view(self.demo, 2), before[1], name)
            self.demo.kill()
            self.demo.start()
            self.serves(before, name)
        self.ends_well()


class QueuedTests(Ground):
    """Mail that waits for a server that refuses connections."""

    settings = (
        ("MAILSUITE_RELAY_ROUTES", "far.test [127.0.0.1]:1"),
        ("MAILSUITE_JOURNAL_CHECKPOINT_SECONDS", "2.0"),
    )

    def setUp(self):
        super().setUp()
        with self.demo.smtp("submission") as client:
            client.login(self.demo.address(), self.demo.password())
            for number in range(HELD):
                text = f"Subject: held {number}\r\n\r\nheld\r\n"
                to = f"n{number}@far.test"
                client.sendmail(self.demo.address(), [to], text)
        damage.wait_for(lambda: len(self.queued()) == HELD)
        damage.wait_for(lambda: len(self.spooled()) == HELD)

    def queued(self):
        lines = self.demo.command("queue", "list").splitlines()
        return [line for line in lines if "@far.test" in line]

    def spooled(self):
        folder = self.data / "spool"
        return sorted(path for path in folder.rglob("*") if path.is_file())

    def test_spool_file(self):
        """A damaged job is set aside, every other one stays queued."""
        before = self.views()
        self.assertEqual(self.demo.stop(), 0)
        files = self.spooled()
        self.assertEqual(len(files), HELD)
        damage.flip(files[0], self.rng)
        damage.cut(files[1], self.rng)
        (self.data / "queue.db").unlink()
        self.demo.start()
        damage.wait_for(lambda: len(self.queued()) == HELD - 2)
        aside = [path.name for path in (self.data / "corrupt").rglob("*")]
        self.assertEqual(sum(name.endswith(".why") for name in aside), 2, aside)
        self.serves(before, "spool")
        self.ends_well()

    def test_lost_schedule(self):
        """queue.db is gone, or empty: what the spool holds stays queued."""
        for harm in (damage.gone, damage.empty):
            self.assertEqual(self.demo.stop(), 0)
            harm(self.data / "queue.db", self.rng)
            self.demo.start()
            self.faults += 1
            damage.wait_for(lambda: len(self.queued()) == HELD)
        self.ends_well()


class JournalTests(Ground):
    def test_journal(self):
        """A damaged record stops no other, before or after it."""
        before = self.views()
        for number in range(20, 30):
            damage.send(self.demo, number)
        self.demo.kill()
        for segment in sorted((self.data / "journal").rglob("*.segment")):
            octets = segment.read_bytes()
            at = octets.find(b"X-Number: 25")
            if at >= 0:
                with segment.open("r+b") as file:
                    file.seek(at)
                    file.write(b"X-Damage: 99")
        self.demo.start()
        damage.wait_for(lambda: len(damage.view(self.demo)[1]) >= 8 + 9)
        numbers = set(damage.view(self.demo)[1])
        self.assertLessEqual({*range(1, 9), *range(20, 30)} - {25}, numbers)
        self.assertEqual(damage.view(self.demo, 2), before[1])
        damage.wait_for(lambda: self.demo.logged("event=journal.corrupt"))
        damage.send(self.demo, 50)
        damage.wait_for(lambda: 50 in damage.view(self.demo)[1])
        self.assertEqual(self.demo.stop(), 0)
