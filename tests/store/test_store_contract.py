"""Both providers of IAccounts keep the contract."""

import time

from twisted.internet import defer, task
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mailsuite.interfaces.changes import IChanges
from mailsuite.interfaces.journal import IJournalClient
from mailsuite.interfaces.mailboxes import IAccount, IAccounts, IMailbox
from mailsuite.store import memory
from tests.contracts.mailboxes import MailboxContract
from tests.support.store import Directory, House, asleep


class MemoryTests(MailboxContract, SynchronousTestCase):
    """``store.memory``."""

    def setUp(self):
        self.clock = task.Clock()
        self.accounts = memory.Accounts.of(self.clock, time.time, Directory())

    def work(self, coroutine):
        done = defer.Deferred.fromCoroutine(coroutine)
        return self.successResultOf(done)

    async def turn(self):
        self.clock.advance(1)


class MaildirTests(MailboxContract, TestCase):
    """The Maildir store, with real files, threads and databases."""

    def setUp(self):
        from twisted.internet import reactor

        self.reactor = reactor
        self.house = House(reactor, self.mktemp())
        self.jobs = []

    def work(self, coroutine):
        self.jobs.append(coroutine)

    async def turn(self):
        await asleep(self.reactor, 0.01)

    def run_contract(self, name):
        async def go():
            self.accounts = await self.house.start()
            getattr(MailboxContract, name)(self)
            try:
                for job in self.jobs:
                    await job
            finally:
                await self.house.stop()

        return defer.Deferred.fromCoroutine(go())

    def test_interfaces(self):
        """Every provider is what it says."""

        async def go():
            accounts = await self.house.start()
            for interface in (IAccounts, IJournalClient, IChanges):
                verifyObject(interface, accounts)
            account = await accounts.open("alice@example.test")
            verifyObject(IAccount, account)
            verifyObject(IMailbox, await account.mailbox("INBOX"))
            await self.house.stop()

        return defer.Deferred.fromCoroutine(go())


def _wrapped(name):
    def test(self):
        return self.run_contract(name)

    test.__doc__ = getattr(MailboxContract, name).__doc__
    return test


for _name in [n for n in dir(MailboxContract) if n.startswith("test_")]:
    setattr(MaildirTests, _name, _wrapped(_name))
