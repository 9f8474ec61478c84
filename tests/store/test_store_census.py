"""Which accounts there are, and those that a kill left open."""

import os
import sqlite3
from contextlib import closing

from twisted.internet.defer import CancelledError, Deferred, DeferredList

from mailsuite.model.errors import UsageError
from mailsuite.store import append, census
from mailsuite.store import index as indexes
from mailsuite.store.settings import Settings
from tests.contracts.mailboxes import ALICE, draft, once
from tests.store.test_store_outside import StoreCase
from tests.support.store import asleep

BOB = ALICE.replace("alice", "bob")


class CensusTests(StoreCase):
    async def left_open(self, *accounts):
        """Accounts as a kill leaves them: the logs of their databases are there."""
        for name in accounts:
            (await self.house.accounts.open(name)).close()
        await self.house.stop()
        for name in accounts:
            (self.house.home(name) / "index.db-wal").touch(0o600)

    def ready(self, account):
        return self.house.accounts._shelves.ready(account) is not None

    def test_left_open(self):
        """They are opened again at a start; one that cannot be stops no other."""

        async def go(account, _):
            await self.left_open(ALICE, BOB)
            with closing(sqlite3.connect(self.house.home(ALICE) / "index.db")) as rows:
                rows.execute("PRAGMA user_version = 99")
            (self.house.home(ALICE) / "index.db-wal").touch(0o600)
            accounts = await self.house.start(replay=True)
            while not self.ready(BOB):
                _ = await asleep(self.reactor, 0.01)
            self.assertFalse(self.ready(ALICE))
            self.assertEqual(len(self.flushLoggedErrors(UsageError)), 1)
            self.assertEqual(await accounts.accounts(), [ALICE, BOB])

        return self.run_with_store(go)

    def test_left_open_at_the_end(self):
        """Nobody waits for them when the suite stops meanwhile."""

        async def go(account, _):
            await self.left_open(ALICE, BOB)
            accounts = await self.house.start(replay=True)
            shelves = accounts._shelves
            await self.house.stop()
            self.assertEqual(shelves._open, {})
            self.assertTrue((self.house.home(BOB) / "index.db-wal").exists())

        return self.run_with_store(go)

    def test_not_ours(self):
        """A directory that we may not read, as ``lost+found``, hides no account."""
        real = os.listdir

        def listdir(path):
            if path.endswith("lost+found"):
                raise PermissionError(13, "denied", path)
            return real(path)

        async def go(account, _):
            os.mkdir(self.house.home().parent.parent / "lost+found")
            self.patch(census.os, "listdir", listdir)
            self.assertEqual(await self.house.accounts.accounts(), [ALICE])

        return self.run_with_store(go)


class OpenedTests(StoreCase):
    """Who asks for an account and leaves before it is open."""

    async def cancelled(self):
        """Of an account that is closed."""
        await self.house.stop()
        accounts = await self.house.start()
        work = Deferred.fromCoroutine(accounts.open(ALICE))
        _ = work.addErrback(lambda failure: failure.trap(CancelledError))
        work.cancel()
        return accounts

    def test_cancelled(self):
        """Others have it all the same."""

        async def go(account, _):
            _ = await account.append("INBOX", [draft()])
            account = await (await self.cancelled()).open(ALICE)
            inbox = await account.mailbox("INBOX")
            self.assertEqual(len((await inbox.snapshot()).uid), 1)

        return self.run_with_store(go)

    def test_first(self):
        """Who asked first goes on first, though others waited for it with them."""
        order = []

        async def asked(accounts, number):
            (await accounts.open(ALICE)).close()
            order.append(number)

        async def go(_account, _inbox):
            await self.house.stop()
            accounts = await self.house.start()
            work = [Deferred.fromCoroutine(asked(accounts, n)) for n in range(4)]
            for each in work:
                await each
            self.assertEqual(order, [0, 1, 2, 3])

        return self.run_with_store(go)

    def test_cancelled_at_the_end(self):
        """It is closed as every other when the suite stops."""

        async def go(_account, _inbox):
            _ = await self.cancelled()
            await self.house.stop()
            self.assertFalse((self.house.home() / "index.db-wal").exists())
            await self.inbox()
            shelf = self.house.accounts._shelves.ready(ALICE)
            self.assertFalse(shelf.index.unclean)

        return self.run_with_store(go)


class TogetherTests(StoreCase):
    """Deliveries to several accounts that go to the lane together."""

    def test_one_fails(self):
        """An account whose directory cannot be read keeps no mail of others out."""
        self.house.settings = Settings(names=0.05, lanes=1)
        real = indexes._times

        def times(box, *, arriving):
            if "/bob/" in box.path:
                raise OSError(5, "EIO", box.path)
            return real(box, arriving=arriving)

        async def go(account, inbox):
            bob = await self.house.accounts.open(BOB)
            sizes = []
            keep = append.keep

            def counted(groups, shared):
                sizes.append(len(groups))
                return keep(groups, shared)

            self.patch(append, "keep", counted)
            patched = self.patch(indexes, "_times", times)
            both = [
                Deferred.fromCoroutine(one.append("INBOX", [draft()], once(9)))
                for one in (account, bob)
            ]
            told = await DeferredList(both, consumeErrors=True)
            patched.restore()
            self.assertEqual([done for done, _ in told], [True, False])
            self.assertEqual(sizes, [2])
            again = await bob.append("INBOX", [draft()], once(9))
            self.assertEqual(again.uids, (1,))

        return self.run_with_store(go)
