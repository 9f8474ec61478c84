"""The header fields that clients usually ask for, kept apart from the header."""

import sqlite3
from contextlib import closing

from twisted.internet import defer
from twisted.trial.unittest import TestCase

from mailsuite.mime import headers
from mailsuite.model.changes import Draft, Need
from mailsuite.model.envelope import Blob
from mailsuite.model.ids import BlobKey
from mailsuite.store import schema
from tests.contracts.mailboxes import ALICE
from tests.support.store import House
from tests.support.storecrash import verified

LONG = b"X-Long: " + b"y" * 70_000 + b"\r\n"
HEADERS = (
    b"Received: by x\r\nSUBJECT: one\r\nfrom : a@example.org,\r\n\tb@example.org\r\n",
    b"X-Other: 1\r\n",
    b"Date: Sun, 22 Nov 2026 20:00:00 +0000\r\n" + LONG + b"To: c@example.org\r\n",
    b"To: " + b"d@example.org, " * 5_000 + b"\r\nCc: e@example.org\r\n",
)
USUAL = [headers.usual(header + b"\r\n") for header in HEADERS]
BEFORE = 2  # version of index.db that had no such table


def draft(header):
    octets = header + b"\r\nHello\r\n"
    return Draft(Blob(BlobKey(""), len(octets), octets))


class UsualTests(TestCase):
    """What the table holds, and what is made of it again."""

    def setUp(self):
        from twisted.internet import reactor

        self.house = House(reactor, self.mktemp())
        self.path = self.house.home() / "index.db"

    async def told(self, inbox, need=Need.USUAL):
        return [
            column
            async for batch in inbox.read(range(1, 10), [need])
            for column in batch.columns[need]
        ]

    async def opened(self):
        account = await (await self.house.start()).open(ALICE)
        return account, await account.mailbox("INBOX")

    def rows(self):
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT fields FROM usual ORDER BY email")
            return [fields for (fields,) in rows]

    def work(self, spoil):
        async def go():
            account, inbox = await self.opened()
            _ = await account.append("INBOX", [draft(header) for header in HEADERS])
            self.assertEqual(await self.told(inbox), USUAL)
            await self.house.stop()
            kept = self.rows()
            spoil()
            account, inbox = await self.opened()
            whole = await self.told(inbox, Need.HEADER)
            self.assertEqual(await self.told(inbox), USUAL)
            self.assertEqual([headers.usual(header) for header in whole], USUAL)
            await self.house.stop()
            self.assertEqual(self.rows(), kept)
            self.assertEqual(verified(self.house), [])

        return defer.Deferred.fromCoroutine(go())

    def test_kept(self):
        """Fields told are those of the header, of a long header too."""
        return self.work(lambda: None)

    def test_rebuilt(self):
        """An index that is made again has the same."""
        return self.work(self.path.unlink)

    def test_older(self):
        """To an index of an older release they are added when they are asked for."""

        def older():
            other = self.path.with_name("older.db")
            with (
                closing(
                    schema.connect(str(other), schema.INDEX[:BEFORE], "FULL")
                ) as old,
                closing(sqlite3.connect(self.path)) as ours,
            ):
                for (table,) in old.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                ).fetchall():
                    for row in ours.execute(f"SELECT * FROM {table}"):
                        marks = ", ".join("?" * len(row))
                        old.execute(f"INSERT INTO {table} VALUES ({marks})", row)
            other.replace(self.path)

        return self.work(older)

    def test_expunged(self):
        """They go with the last copy of a message."""

        async def go():
            account, inbox = await self.opened()
            _ = await account.append("INBOX", [draft(header) for header in HEADERS[:2]])
            _ = await account.transfer(inbox.id, [1], "Trash", move=False)
            _ = await inbox.expunge([1, 2])
            await self.house.stop()
            self.assertEqual(self.rows(), USUAL[:1])

        return defer.Deferred.fromCoroutine(go())
