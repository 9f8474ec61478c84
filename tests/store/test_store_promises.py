"""An APPEND while its record is written: seen by nobody, and undone."""

import os

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from mailsuite.interfaces.journal import Position
from mailsuite.mime.scan import scan
from mailsuite.model.changes import Draft, Need
from mailsuite.model.envelope import Blob
from mailsuite.model.flags import SEEN
from mailsuite.model.ids import BlobKey
from tests.contracts.mailboxes import ALICE
from tests.store.test_store_outside import put
from tests.support.store import House, Journal

LETTER = b"Subject: promised\r\n\r\nBody\r\n"


@define(eq=False)
class Slow(Journal):
    """Its barrier stands when a test says so; ``begun`` fires when it begins."""

    begun: Deferred = field(factory=Deferred)
    held: object = None
    records: object = ()

    def stands(self, records, hearer):
        def stands():
            super(Slow, self).stands(records, hearer)

        self.held, self.records = stands, records
        begun, self.begun = self.begun, Deferred()
        begun.callback(None)


def draft(flags=frozenset(), date=0.0):
    return Draft(Blob(BlobKey("b1"), len(LETTER), LETTER), flags, date)


class PromisesTests(TestCase):
    async def began(self):
        """A store, its INBOX and an APPEND whose barrier runs."""
        from twisted.internet import reactor

        self.house = House(reactor, self.mktemp(), journal=Slow())
        accounts = await self.house.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.house.stop()))
        self.account = await accounts.open(ALICE)
        inbox = await self.account.mailbox("INBOX")
        begun = self.house.journal.begun
        work = Deferred.fromCoroutine(
            self.account.append("INBOX", [draft(frozenset({SEEN}), 1_000.0)])
        )
        await begun
        await self.account.subscribe(
            "INBOX", wanted=True
        )  # the lane prepared it before
        return inbox, work

    def temporary(self):
        return sorted(
            path.read_bytes() for path in (self.house.home() / "Maildir/tmp").iterdir()
        )

    async def test_prepared(self):
        """Before the barrier stands its file lies in ``tmp``, and no row is there."""
        inbox, work = await self.began()
        self.assertEqual((self.temporary(), self.house.files()), ([LETTER], []))
        self.assertEqual(self.account._shelf.index.box("INBOX").messages, 0)
        self.assertFalse(work.called)
        self.house.journal.held()
        done = await work
        self.assertEqual(self.temporary(), [])
        (name,) = self.house.files()
        self.assertTrue(name.startswith("cur/") and name.endswith(":2,S"))
        path = self.house.home() / "Maildir" / name
        self.assertEqual((path.read_bytes(), path.stat().st_mtime), (LETTER, 1_000.0))
        needs = [Need.ENVELOPE]
        (batch,) = [batch async for batch in inbox.read(done.uids, needs)]
        self.assertEqual(list(batch.columns[Need.ENVELOPE]), [scan(LETTER).envelope])

    async def test_refused(self):
        """Where the barrier fails nothing is left, and the next one is stored."""
        _, work = await self.began()
        self.house.journal.failing = True
        self.house.journal.held()
        with self.assertRaises(OSError):
            _ = await work
        self.assertEqual((self.temporary(), self.house.files()), ([], []))
        self.house.journal.failing = False
        begun = self.house.journal.begun
        again = Deferred.fromCoroutine(self.account.append("INBOX", [draft()]))
        await begun
        self.house.journal.held()
        self.assertEqual(len((await again).uids), 1)
        self.assertEqual(len(self.house.files()), 1)

    async def test_cancelled(self):
        """What its caller gives up meanwhile is stored all the same, or nothing is."""
        _, work = await self.began()
        work.addErrback(lambda failure: failure.trap(CancelledError)).cancel()
        self.house.journal.held()
        await self.account.synced()
        await self.account.subscribe("INBOX", wanted=True)
        self.assertEqual((self.temporary(), len(self.house.files())), ([], 1))

    async def test_full_for_a_while(self):
        """What found no room while the barrier ran is written when it stands."""
        real = os.writev

        def full(descriptor, blocks):
            if LETTER not in blocks:
                return real(descriptor, blocks)
            self.patch(os, "writev", real)
            raise OSError(28, "No space left on device")

        self.patch(os, "writev", full)
        _, work = await self.began()
        self.assertEqual((self.temporary(), self.house.files()), ([], []))
        self.house.journal.held()
        self.assertEqual(len((await work).uids), 1)
        self.assertEqual((self.temporary(), len(self.house.files())), ([], 1))

    async def killed(self, *, recorded):
        """Kill the store while a barrier runs, and start it again."""
        _, work = await self.began()
        work.addErrback(lambda failure: failure.trap(CancelledError))
        tmp = self.house.home() / "Maildir/tmp"
        put(tmp / "1.stranger", b"of another program")
        ended, journal = self.house.accounts, self.house.journal
        if recorded:  # and those that wait do not hear of it
            journal.kept += [(Position(0, 1, 0), record) for record in journal.records]
        await self.house.kill()
        put(self.house.home() / "index.db-wal", b"")  # as a real kill leaves it
        _ = await self.house.start(replay=True)
        await self.house.accounts._tasks.settled()
        self.assertEqual(self.temporary(), [b"of another program"])
        work.cancel()
        await ended._tasks.stop()

    async def test_killed(self):
        """A file that a kill left in ``tmp`` goes; those of others stay there."""
        await self.killed(recorded=False)
        self.assertEqual(self.house.files(), [])

    async def test_killed_with_its_record(self):
        """It gets its place if its record stands: the file is as good as none."""
        await self.killed(recorded=True)
        self.assertEqual(len(self.house.files()), 1)

    async def test_scanned(self):
        """It is scanned by then: its row is kept with what the scan found."""
        _, work = await self.began()
        self.house.journal.held()
        _ = await work
        kept = await self.account._shelf.run(
            lambda index: index.rows.execute("SELECT envelope FROM wide").fetchall()
        )
        self.assertEqual(kept, [(scan(LETTER).envelope,)])

    async def test_large_refused(self):
        """Nothing of a large one is left either, which lay in ``tmp`` before."""
        from twisted.internet import reactor

        self.house = House(reactor, self.mktemp())
        accounts = await self.house.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.house.stop()))
        account = await accounts.open(ALICE)
        path = self.mktemp()
        put(path, LETTER)
        blob = Blob(BlobKey("b2"), len(LETTER), None, path=path)
        self.house.journal.failing = True
        with self.assertRaises(OSError):
            _ = await account.append("INBOX", [Draft(blob)])
        self.assertEqual((self.temporary(), self.house.files()), ([], []))
        self.house.journal.failing = False
        _ = await account.append("INBOX", [Draft(blob)])
        self.assertEqual((self.temporary(), len(self.house.files())), ([], 1))
