"""What a store remembers of mail that came and left has a bound, and is small."""

import gc
import os
import tracemalloc
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.flags import DELETED
from mailsuite.store import changes, index
from mailsuite.store.index import ADDED, LOG_ENTRIES, VANISHED, Log
from tests.contracts.mailboxes import draft
from tests.store.test_store_outside import StoreCase

PER_MESSAGE = 60  # octets that may stay; it was some 600


class LogTests(SynchronousTestCase):
    """The last changes of an account."""

    def test_since(self):
        """It gives what happened after a moment, as it was told."""
        log = Log(3)
        one, two = (1, 7, ADDED, 1 << 40), (2, 1 << 31, VANISHED, 8)
        log.add(4, [one, two])
        log.add(5, [])
        log.add(6, [two])
        self.assertEqual(list(log.since(3)), [one, two, two])
        self.assertEqual(list(log.moments(3)), [4, 4, 6])
        self.assertEqual(list(log.since(4)), [two])
        self.assertEqual(list(log.since(6)), [])
        self.assertIsNone(log.since(2))
        log.clear(6)
        self.assertIsNone(log.since(5))
        self.assertEqual((list(log.since(6)), log.floor), ([], 6))

    def test_oldest(self):
        """The older half is forgotten, and never a part of a transaction."""
        self.patch(index, "LOG_ENTRIES", 10)
        log = Log(0)
        for modseq in range(1, 6):
            log.add(modseq, [(1, uid, ADDED, uid) for uid in range(3)])
            self.assertLessEqual(len(log.moments(log.floor)), 10)
        self.assertEqual(log.floor, 2)
        self.assertEqual(list(log.moments(2)), [3] * 3 + [4] * 3 + [5] * 3)
        self.assertEqual(len(list(log.since(2))), 9)

    def test_larger(self):
        """What one transaction has too much of is told by the tables alone."""
        self.patch(index, "LOG_ENTRIES", 10)
        log = Log(0)
        log.add(1, [(1, uid, ADDED, uid) for uid in range(10)])
        log.add(2, [(1, uid, ADDED, uid) for uid in range(11)])
        self.assertIsNone(log.since(1))
        self.assertEqual((list(log.since(2)), log.floor), ([], 2))

    def test_octets(self):
        """A change takes some forty octets."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        log = Log(0)
        for modseq in range(1, LOG_ENTRIES + 1):
            log.add(modseq, [(1, modseq + (1 << 20), ADDED, modseq + (1 << 40))])
        self.assertLess(tracemalloc.get_traced_memory()[0], 50 * LOG_ENTRIES)

    def test_followed(self):
        """Who is far behind is given the first changes without a list of all."""
        log = Log(0)
        log.add(1, [(1, uid, ADDED, uid) for uid in range(50)])
        for modseq in range(2, LOG_ENTRIES - 50):
            log.add(modseq, [(1, modseq + (1 << 20), ADDED, modseq + (1 << 40))])
        behind = SimpleNamespace(log=log, modseq=modseq)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        reached, came, went = changes._from_log(behind, 0, 20)
        self.assertLess(tracemalloc.get_traced_memory()[1], 50 * LOG_ENTRIES)
        self.assertEqual((reached, came, went), (1, set(range(50)), set()))

    def test_far_behind(self):
        """Where tables have to tell of it, only the first rows are read as well."""
        home = self.mktemp()
        os.mkdir(home)
        rows = index.open_rows(home)
        self.addCleanup(rows.close)
        rows.execute("BEGIN")
        rows.executemany(
            "INSERT INTO expunged (modseq, mailbox, uid, email) VALUES (?, 1, ?, ?)",
            [(n // 5, n, n) for n in range(10, 20_000)],
        )
        rows.execute("COMMIT")
        behind = SimpleNamespace(rows=rows, modseq=5_000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        reached, came, went = changes._from_tables(behind, 2, 100)
        self.assertLess(tracemalloc.get_traced_memory()[1], 100_000)
        self.assertEqual((reached, came, went), (22, set(), set(range(15, 115))))


class GoneTests(StoreCase):
    """An account through which mail goes."""

    def test_gone(self):
        """Mail that was appended, read, flagged and expunged leaves nothing."""
        self.patch(index, "LOG_ENTRIES", 300)

        async def through(account, inbox, times):
            for _ in range(times):
                done = await account.append("INBOX", [draft() for _ in range(20)])
                for uid in done.uids:
                    octets = await inbox.octets(uid)
                    _ = await octets.read(0, 10**6)
                    octets.close()
                _ = await inbox.store(done.uids, frozenset([DELETED]), frozenset())
                _ = await inbox.expunge(done.uids)
                _ = await inbox.snapshot()
            self.house.journal.kept.clear()
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        async def go(account, inbox):
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            before = await through(account, inbox, 20)
            after = await through(account, inbox, 50)
            self.assertLess(after - before, 50 * 20 * PER_MESSAGE)

        return self.run_with_store(go)
