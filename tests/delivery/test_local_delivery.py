"""From the queue into mailboxes (:mod:`mailsuite.delivery.local`)."""

from attrs import define, evolve
from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailsuite.delivery.expand import expand
from mailsuite.delivery.local import LocalDelivery, arrived
from mailsuite.delivery.settings import Settings
from mailsuite.directory import memory as directory
from mailsuite.interfaces.directory import AliasRow
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.queueing import IDelivery, Lease
from mailsuite.model.envelope import Blob, Envelope, Recipient, Submission
from mailsuite.model.errors import Damaged, NoSpace, OverQuota
from mailsuite.model.outcomes import Deferred, Delivered, Expanded, Failed
from mailsuite.queue.memory import MemoryQueue
from mailsuite.store import memory as store
from tests.support.queue import address

MAIL = Blob("k", 25, b"Subject: x\r\n\r\nbody\r\n", b"R: x\r\n")


@define(eq=False)
@implementer(IAccounts)
class Broken:
    """Accounts whose appends raise; counts opened and closed handles."""

    error: Exception
    opened: int = 0
    closed: int = 0

    async def open(self, account):
        self.opened += 1
        return self

    async def append(self, mailbox, drafts, once=None):
        raise self.error

    async def mailboxes(self):
        return []

    def close(self):
        self.closed += 1


class LocalCase(SynchronousTestCase):
    def setUp(self):
        names = ["user@example.test", "other@example.test"]
        self.made = made = directory.make(
            dict.fromkeys(names, "secret-word-1"),
            {
                "team@example.test": ["user@example.test", "far@else.example"],
                "b@example.test": ["user@example.test"],
                "a@example.test": ["b@example.test", "user@example.test"],
            },
        )
        self.directory = made.directory
        self.accounts = store.Accounts.of(Clock(), lambda: 1e9, self.directory)
        self.settled = {}

    def run_now(self, work):
        return self.successResultOf(Pending.fromCoroutine(work))

    def deliver(self, *to, accounts=None, name="0G1G200", **settings):
        local = LocalDelivery(
            accounts or self.accounts, self.directory, Settings(**settings)
        )
        verifyObject(IDelivery, local)
        recipients = tuple(Recipient(n, address(each)) for n, each in enumerate(to))
        envelope = Envelope(None, recipients)
        lease = Lease(name, 1, envelope, MAIL, recipients, "local", 1, 0.0)

        async def settle(lease, outcomes):
            self.settled.update(outcomes)
            return True

        self.run_now(local.deliver(lease, settle))
        local.close()
        return self.settled

    def count(self, account="user@example.test", folder="INBOX"):
        async def look():
            opened = await self.accounts.open(account)
            row = await (await opened.mailbox(folder)).row()
            return row.messages

        return self.run_now(look())

    def octets(self, account="user@example.test"):
        async def look():
            box = await (await self.accounts.open(account)).mailbox("INBOX")
            return await (await box.octets(1)).read(0, 1_000)

        return self.run_now(look())

    def folder(self, name):
        async def make():
            await (await self.accounts.open("user@example.test")).create(name)

        self.run_now(make())


class LocalTests(LocalCase):
    def test_stored(self):
        """A message for an account lies in its INBOX."""
        (outcome,) = self.deliver("user@example.test").values()
        self.assertIsInstance(outcome, Delivered)
        self.assertEqual(self.count(), 1)

    def test_once(self):
        """A repeated delivery of the same job stores nothing more."""
        self.deliver("user@example.test")
        self.deliver("user@example.test")
        self.assertEqual(self.count(), 1)
        self.deliver("user@example.test", name="0G1G300")
        self.assertEqual(self.count(), 2)

    def test_return_path(self):
        """Return-Path comes first, once, also where reception could not know."""
        self.deliver("user@example.test")
        self.assertEqual(self.octets(), b"Return-Path: <>\r\nR: x\r\n" + MAIL.octets)
        there = evolve(MAIL, prefix=b"Return-Path: <>\r\nR: x\r\n", size=43)
        self.assertIs(arrived(there, None), there)
        fresh = arrived(MAIL, address("a@far.test"))
        self.assertEqual(fresh.prefix, b"Return-Path: <a@far.test>\r\nR: x\r\n")
        self.assertEqual(fresh.size, MAIL.size + 27)

    def test_own_copy(self):
        """A user whose own alias names others too has a copy, however often."""
        admin = self.made.admin
        targets = [address("user@example.test"), address("far@else.example")]
        self.run_now(admin.add_alias(targets[0], targets))
        for _ in range(2):
            (outcome,) = self.deliver("user@example.test").values()
            (other,) = outcome.recipients
            self.assertEqual(other.address, targets[1])
            self.assertEqual(self.count(), 1)

    def test_circle(self):
        """Aliases that only lead to each other fail: nobody would have the mail."""
        book = self.made.directory._state.book
        for name, target in ("l1", "l2"), ("l2", "l1"):
            row = AliasRow(f"{name}@example.test", (f"{target}@example.test",), "")
            book.aliases[row.address] = row
        (outcome,) = self.deliver("l1@example.test").values()
        self.assertEqual(outcome.status, "5.4.6")

    def test_several(self):
        """Each recipient of a job gets its own outcome."""
        outcomes = self.deliver(
            "user@example.test", "nobody@example.test", "team@example.test"
        )
        self.assertIsInstance(outcomes[0], Delivered)
        self.assertEqual(outcomes[1].status, "5.1.1")
        self.assertIsInstance(outcomes[2], Expanded)

    def test_foreign(self):
        """A domain that is no longer ours is tried again, by another way."""
        outcomes = self.deliver("far@else.example")
        self.assertIsInstance(outcomes[0], Deferred)

    def test_detail(self):
        """user+folder goes into that folder, in any case."""
        self.folder("Lists")
        self.deliver("user+lists@example.test")
        self.assertEqual((self.count(), self.count(folder="Lists")), (0, 1))

    def test_no_folder(self):
        """A detail without a folder goes into INBOX; no folder is made."""
        self.deliver("user+secret@example.test")
        self.deliver("user+../../etc@example.test", name="0G1G300")
        self.deliver(f"user+{'x' * 300}@example.test", name="0G1G400")
        self.assertEqual(self.count(), 3)

    def test_detail_off(self):
        """The folders of details can be turned off."""
        self.folder("Lists")
        self.deliver("user+Lists@example.test", detail_folders=False)
        self.assertEqual(self.count(), 1)

    def broken(self, error):
        accounts = Broken(error)
        (outcome,) = self.deliver("user@example.test", accounts=accounts).values()
        self.assertEqual(accounts.opened, accounts.closed)
        self.assertIsInstance(outcome, Deferred)
        return outcome.status

    def test_over_quota(self):
        """No room in the mailbox defers."""
        self.assertEqual(self.broken(OverQuota()), "4.2.2")

    def test_no_space(self):
        """No room on the disk defers."""
        self.assertEqual(self.broken(NoSpace()), "4.3.1")

    def test_trouble(self):
        """A failing disk defers."""
        self.assertEqual(self.broken(OSError()), "4.3.0")

    def test_unreadable(self):
        """A message that cannot be read defers."""
        self.assertEqual(self.broken(Damaged()), "4.3.0")


class ExpandTests(SynchronousTestCase):
    def test_targets(self):
        """Each target once, with the address first asked for as ORCPT."""
        to = Recipient(3, address("te+am@example.test"), notify="NEVER")
        targets = [address("a@x.example"), address("a@x.example")]
        outcome = expand(to, targets, 10)
        (one,) = outcome.recipients
        self.assertEqual(str(one.address), "a@x.example")
        self.assertEqual(one.orcpt, "rfc822;te+2Bam@example.test")
        self.assertEqual(one.notify, "NEVER")

    def test_limit(self):
        """An alias with too many targets fails."""
        targets = [address(f"a{n}@x.example") for n in range(5)]
        outcome = expand(Recipient(0, address("t@x.example")), targets, 4)
        self.assertIsInstance(outcome, Failed)


class AliasTests(LocalCase):
    def test_nested(self):
        """Who stands behind several aliases gets the mail once."""
        local = LocalDelivery(self.accounts, self.directory, Settings())
        queue = MemoryQueue(self.directory, {"local": local})
        to = (Recipient(0, address("a@example.test")),)
        self.run_now(queue.accept([Submission(Envelope(None, to), MAIL)]))
        self.assertEqual(queue.jobs, {})
        self.assertEqual(self.count(), 1)

    def test_handles(self):
        """Only so many accounts stay open."""
        local = LocalDelivery(self.accounts, self.directory, Settings(open_accounts=1))
        queue = MemoryQueue(self.directory, {"local": local})
        to = tuple(
            Recipient(n, address(f"{name}@example.test"))
            for n, name in enumerate(("user", "other"))
        )
        self.run_now(queue.accept([Submission(Envelope(None, to), MAIL)]))
        self.assertEqual(len(local._handles._held), 1)
        local.close()
        self.assertEqual(len(local._handles._held), 0)
