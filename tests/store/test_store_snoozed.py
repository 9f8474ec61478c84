"""Snoozed mail in account.db and snoozed.db (:mod:`mailsuite.store.snoozed`)."""

import os
import time

from twisted.internet import defer, task
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mailsuite.house.verify import sound
from mailsuite.interfaces.snoozing import ISnoozed
from mailsuite.net.lanes import Lane
from mailsuite.store import memory
from mailsuite.store.due import Due
from mailsuite.store.snoozed import InMemory, Waiting
from tests.contracts.snoozing import ALICE, BOB, Snoozing, SnoozingContract, at, once
from tests.support.store import Directory, House, ruined


class MemoryTests(SnoozingContract, SynchronousTestCase):
    """``InMemory``."""

    def setUp(self):
        self.accounts = memory.Accounts.of(task.Clock(), time.time, Directory())
        self.snoozed = InMemory(self.accounts)

    def work(self, coroutine):
        return self.successResultOf(defer.Deferred.fromCoroutine(coroutine))


def scribbled(path):
    """Write over a file."""
    with open(path, "wb") as file:
        file.write(os.urandom(8192))


class RealCase(TestCase):
    def setUp(self):
        from twisted.internet import reactor

        self.reactor = reactor
        self.house = House(reactor, self.mktemp())

    async def begin(self):
        self.accounts = await self.house.start()
        self.snoozed = Waiting.of(
            self.accounts,
            self.house.data,
            Lane(self.reactor, "snoozed"),
            time.time,
            self.house.events,
        )
        await self.snoozed.open()

    async def end(self):
        await self.snoozed.close()
        await self.house.stop()

    async def kill(self):
        """Nothing is written any more; the lane's thread ends."""
        await self.house.kill()
        await self.snoozed.close()

    def run_whole(self, coroutine):
        return defer.Deferred.fromCoroutine(coroutine)


class WaitingTests(SnoozingContract, RealCase):
    """``Waiting``, with real files, threads and databases."""

    def setUp(self):
        super().setUp()
        self.jobs = []

    def work(self, coroutine):
        self.jobs.append(coroutine)

    def run_contract(self, name):
        async def go():
            await self.begin()
            verifyObject(ISnoozed, self.snoozed)
            getattr(SnoozingContract, name)(self)
            try:
                for job in self.jobs:
                    await job
            finally:
                await self.end()

        return self.run_whole(go())


def _wrapped(name):
    def test(self):
        return self.run_contract(name)

    test.__doc__ = getattr(SnoozingContract, name).__doc__
    return test


for _name in [n for n in dir(SnoozingContract) if n.startswith("test_")]:
    setattr(WaitingTests, _name, _wrapped(_name))


class DurableTests(Snoozing, RealCase):
    def work(self, coroutine):
        return self.run_whole(coroutine)

    async def killed(self):
        await self.begin()
        await self.added(1, at(5.0))
        await self.added(2, at(3.0), BOB)
        await self.kill()
        await self.begin()
        self.assertEqual(await self.snoozed.next(), 3.0)
        self.assertEqual(self.opened(), 0)
        self.assertEqual(await self.due(), [once(1)])
        self.assertEqual(await self.due(account=BOB), [once(2)])
        await self.end()

    def opened(self):
        """How many accounts are open."""
        return len(self.accounts._shelves._open)

    def test_killed(self):
        """All of it is there after a kill; who is due is known with nobody open."""
        return self.work(self.killed())

    async def index_lost(self):
        await self.begin()
        await self.added(1, at(5.0))
        await self.added(2, at(6.0))
        await self.end()
        for name in ("index.db", "Maildir/.Archive/dovecot-uidlist"):
            (self.house.home() / name).unlink()
        await self.begin()
        self.assertEqual(await self.due(), [once(1), once(2)])
        await self.end()

    def test_index_lost(self):
        """Messages are known when the index and the UID list are made anew."""
        return self.work(self.index_lost())

    async def facts_broken(self):
        await self.begin()
        await self.added(1, at(5.0))
        await self.end()
        ruined(self.house.home() / "account.db", "mailbox")
        await self.begin()
        (row,) = await self.snoozed.due(ALICE, 9.0, 9)
        account = await self.accounts.open(ALICE)
        self.assertEqual(row.mailbox, (await account.mailbox("Archive")).id)
        account.close()
        await self.end()

    def test_facts_broken(self):
        """They outlive an account.db that is set aside, whose mailboxes are renumbered."""
        return self.work(self.facts_broken())

    async def list_broken(self):
        await self.begin()
        await self.added(1, at(5.0))
        await self.stored(2, BOB)
        await self.end()
        path = os.path.join(self.house.data, "snoozed.db")
        scribbled(path)
        self.assertTrue(list(sound(path)))
        await self.begin()
        (event,) = self.house.events.of("store.corrupt")
        self.assertIn("snoozed.db.corrupt", event.fields["path"])
        now = time.time()
        found = await self.snoozed.accounts(now, 9)
        self.assertEqual(sorted(found), [ALICE, BOB])
        self.assertEqual(await self.due(3.0), [])
        self.assertEqual(await self.due(account=BOB), [])
        self.assertEqual(await self.snoozed.next(), 5.0)
        self.assertEqual(await self.snoozed.waiting(), 1)
        await self.end()
        self.assertEqual(list(sound(path)), [])

    def test_list_broken(self):
        """A broken snoozed.db is set aside, and made anew from the accounts."""
        return self.work(self.list_broken())

    async def removed(self):
        await self.begin()
        await self.added(1, at(5.0))
        await self.end()
        home = self.house.home()
        home.rename(home.with_name("away"))
        await self.begin()
        self.assertEqual(await self.snoozed.accounts(9.0, 9), [ALICE])
        self.assertEqual(await self.due(), [])
        self.assertFalse(home.exists())
        self.assertIsNone(await self.snoozed.next())
        await self.end()

    def test_removed(self):
        """An account whose folder somebody removed is not made again."""
        return self.work(self.removed())


class DueTests(SynchronousTestCase):
    def test_earliest(self):
        """An account is looked at no later than for the first that was named."""
        found = Due(self.mktemp())
        self.assertEqual(found.open(0.0), "")
        self.addCleanup(found.close)
        for at_ in (5.0, 3.0, 9.0):
            found.lower(ALICE, at_)
        self.assertEqual(found.next(), 3.0)
        found.put([(ALICE, 7.0), (BOB, 8.0)])
        self.assertEqual((found.next(), found.count()), (7.0, 2))
        found.drop(ALICE)
        self.assertEqual(found.accounts(99.0, 9), [BOB])
