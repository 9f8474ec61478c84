"""What an earlier release left when it was killed is finished by this one."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.internet import defer
from twisted.trial.unittest import TestCase

from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob
from mailsuite.model.ids import BlobKey
from tests.contracts.mailboxes import ALICE
from tests.support.store import House
from tests.support.storecrash import verified

OCTETS = b"Subject: moved\r\n\r\nHello\r\n"


class StagedTests(TestCase):
    """Earlier releases linked copies into ``tmp`` before rows changed."""

    def setUp(self):
        from twisted.internet import reactor

        self.house = House(reactor, self.mktemp())
        self.path = self.house.home() / "index.db"

    def stage(self):
        """Put the only message back to where the kill found it."""
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT mailbox, uid, base FROM file").fetchall()
            ((mailbox, uid, base),) = rows
            database.execute("INSERT INTO staged VALUES (?, ?)", (mailbox, uid))
            database.commit()
        (found,) = Path(self.house.home()).parent.rglob(f"{base}*")
        os.rename(found, found.parent.parent / "tmp" / base)

    def named(self, pattern):
        """How many files of the account are named so."""
        return len(list(Path(self.house.home()).parent.rglob(pattern)))

    async def opened(self):
        return await (await self.house.start()).open(ALICE)

    def test_move(self):
        """A message whose rows had moved is read where it was moved to."""

        async def go():
            account = await self.opened()
            inbox = await account.mailbox("INBOX")
            _ = await account.append("INBOX", [Draft(Blob(BlobKey(""), 25, OCTETS))])
            _ = await account.create("Other")
            _ = await account.transfer(inbox.id, [1], "Other", move=True)
            await self.house.stop()
            self.stage()
            account = await self.opened()
            other = await account.mailbox("Other")
            octets = await other.octets(1)
            self.assertEqual(await octets.read(0, 100), OCTETS)
            octets.close()
            await self.house.stop()
            with closing(sqlite3.connect(self.path)) as database:
                left = database.execute("SELECT count(*) FROM staged").fetchone()
            self.assertEqual(left, (0,))
            self.assertEqual(verified(self.house), [])

        return defer.Deferred.fromCoroutine(go())

    def test_without_staged(self):
        """An index from between two releases, which had dropped it, is read as it is."""

        async def go():
            account = await self.opened()
            message = Draft(Blob(BlobKey(""), 25, OCTETS))
            _ = await account.append("INBOX", [message])
            await self.house.stop()
            with closing(sqlite3.connect(self.path)) as database:
                database.executescript(
                    "DROP TABLE staged; DROP TRIGGER flagged;"
                    "DROP INDEX removed_path; PRAGMA user_version = 5;"
                )
            account = await self.opened()
            inbox = await account.mailbox("INBOX")
            _ = await inbox.store([1], frozenset(("\\Flagged",)), frozenset())
            await self.house.stop()
            self.assertEqual(self.named("index.db.corrupt*"), 0)
            self.assertEqual(self.named("*:2,F"), 1)
            self.assertEqual(verified(self.house), [])

        return defer.Deferred.fromCoroutine(go())
