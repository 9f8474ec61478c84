"""Annotations of the Maildir store, over restarts and damage."""

import os
import sqlite3
from contextlib import closing

from twisted.internet import defer
from twisted.trial.unittest import TestCase

from mailsuite.interfaces.mailboxes import AnnotationTooLong, TooManyAnnotations
from mailsuite.model.changes import Need
from mailsuite.store import annotations
from mailsuite.store.settings import Settings
from tests.contracts.mailboxes import draft
from tests.support.store import House

ALICE = "alice@example.test"
ODD = "\xe5lice@example.test"  # its directory has a name with %C3%A5
COMMENT = "/shared/comment"


def scribble(path, table):
    """Make noise of the page where a table begins."""
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        ((page,),) = database.execute(query, (table,)).fetchall()
        ((size,),) = database.execute("PRAGMA page_size").fetchall()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


class AnnotationTests(TestCase):
    def setUp(self):
        from twisted.internet import reactor

        self.reactor = reactor
        self.data = self.mktemp()

    async def with_alice(self, work, settings=None, name=ALICE):
        house = House(self.reactor, self.data, settings or Settings(names=0.05))
        accounts = await house.start()
        try:
            return await work(await accounts.open(name))
        finally:
            await house.stop()

    @staticmethod
    async def write(account):
        _ = await account.create("Old")
        _ = await account.create("Lists/a")
        await account.remove("Old")
        await account.annotate("", {COMMENT: b"account"})
        await account.annotate(
            "INBOX", {COMMENT: b"inbox", "/private/a": bytes(range(256))}
        )
        await account.annotate("Lists/a", {COMMENT: b"a"})

    async def check(self, account):
        self.assertEqual(await account.annotations(""), {COMMENT: b"account"})
        self.assertEqual(
            await account.annotations("INBOX"),
            {COMMENT: b"inbox", "/private/a": bytes(range(256))},
        )
        self.assertEqual(await account.annotations("Lists/a"), {COMMENT: b"a"})
        self.assertEqual(await account.annotations("Lists"), {})

    def test_reopened(self):
        """They outlive the process."""

        async def go():
            await self.with_alice(self.write)
            await self.with_alice(self.check)

        return defer.Deferred.fromCoroutine(go())

    def test_not_there(self):
        """To learn that an annotation is not there no database is asked."""

        async def ask(account):
            await self.write(account)
            asked = []
            self.patch(annotations, "read", lambda *what: asked.append(what) or {})
            for mailbox in ("", "INBOX", "Drafts"):
                found = await account.annotations(mailbox, ["/shared/none"])
                self.assertEqual(found, {})
            self.assertEqual(asked, [])
            _ = await account.annotations("INBOX", ["/shared/none", COMMENT.upper()])
            self.assertEqual(len(asked), 1)

        return defer.Deferred.fromCoroutine(self.with_alice(ask))

    def test_damaged(self):
        """A database that lost its ids gives them back to mailboxes of their names."""

        async def go():
            await self.with_alice(self.write)
            path = os.path.join(self.data, "mail/example.test/alice/account.db")
            scribble(path, "subscription")
            await self.with_alice(self.check)

        return defer.Deferred.fromCoroutine(go())

    def test_damaged_odd_name(self):
        """So does one of an account whose directory is spelled with escapes."""

        async def go():
            await self.with_alice(self.write, name=ODD)
            path = os.path.join(self.data, "mail/example.test/%C3%A5lice/account.db")
            scribble(path, "subscription")
            await self.with_alice(self.check, name=ODD)

        return defer.Deferred.fromCoroutine(go())

    def test_objectids(self):
        """Ids of mailboxes are told again by UID lists when the database is lost."""
        told = []

        async def look(account):
            rows = await account.mailboxes()
            told.append({row.name: row.objectid for row in rows})

        async def go():
            await self.with_alice(self.write)
            await self.with_alice(look)
            path = os.path.join(self.data, "mail/example.test/alice/account.db")
            scribble(path, "subscription")
            await self.with_alice(look)

        def check(_):
            self.assertEqual(told[0], told[1])

        return defer.Deferred.fromCoroutine(go()).addCallback(check)

    def test_copied_folders(self):
        """Folders that were copied with their lists get ids of their own."""
        told = []

        async def look(account):
            rows = await account.mailboxes()
            told.append([row.objectid for row in rows])

        root = os.path.join(self.data, "mail/example.test/alice/Maildir")
        for folder, guid in ((".a", b"abc"), (".b", b"abc"), (".c", b"a/\xff")):
            for name in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(root, folder, name))
            with open(os.path.join(root, folder, "dovecot-uidlist"), "wb") as file:
                file.write(b"3 V1000 N1 G%b\n" % guid)

        def check(_):
            self.assertEqual(len(set(told[0])), len(told[0]))
            self.assertIn("Fabc", told[0])

        work = defer.Deferred.fromCoroutine(self.with_alice(look))
        return work.addCallback(check)

    def test_foreign_folder(self):
        """A folder of another account brings no ids of other messages (RFC 8474 §5.1)."""
        home = os.path.join(self.data, "mail/example.test/alice")
        told = {}

        async def first(account):
            for text in (b"mine", b"more"):
                await account.append("INBOX", [draft(b"Subject: %b\r\n\r\n" % text)])
            inbox = await account.mailbox("INBOX")
            await account.transfer(inbox.id, [1], "Sent", move=False)

        def bring():
            folder = os.path.join(home, "Maildir", ".Foreign")
            for name in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(folder, name))
            lines = b""
            for uid, email in enumerate((1, 2, 90_001, 90_001), 1):
                with open(os.path.join(folder, f"cur/{uid}.far:2,S"), "wb") as file:
                    file.write(b"Subject: far%d\r\n\r\n" % uid)
                lines += b"%d E%d :%d.far\n" % (uid, email, uid)
            with open(os.path.join(folder, "dovecot-uidlist"), "wb") as file:
                file.write(b"3 V1000 N0000000005 Gabc\n" + lines)
            os.unlink(os.path.join(home, "index.db"))

        async def look(account):
            _ = await account.mailboxes()
            for name in ("INBOX", "Sent", "Foreign"):
                box = await account.mailbox(name)
                seen = await box.snapshot()
                told[name] = list(seen.email)
                async for batch in box.read(list(seen.uid), [Need.ENVELOPE]):
                    subjects = [
                        one.split(b'"')[1] for one in batch.columns[Need.ENVELOPE]
                    ]
                    told[name].append(subjects)

        async def go():
            await self.with_alice(first)
            bring()
            await self.with_alice(look)

        def check(_):
            self.assertEqual(told["INBOX"], [1, 2, [b"mine", b"more"]])
            self.assertEqual(told["Sent"], [1, [b"mine"]])
            *emails, subjects = told["Foreign"]
            self.assertEqual(subjects, [b"far1", b"far2", b"far3", b"far4"])
            self.assertEqual(len({1, 2, *emails}), 6)
            self.assertEqual(emails[2], 90_001)

        return defer.Deferred.fromCoroutine(go()).addCallback(check)

    def test_limits(self):
        """Entries, octets of one and octets of all; less is always taken."""
        small = Settings(
            annotations=10, annotation_octets=1024, annotations_octets=2_100
        )

        async def go():
            await self.with_alice(self.write)
            await self.with_alice(self.limited, small)

        return defer.Deferred.fromCoroutine(go())

    async def limited(self, account):
        with self.assertRaises(AnnotationTooLong):
            await account.annotate("INBOX", {COMMENT: bytes(1025)})
        await account.annotate("INBOX", {COMMENT: bytes(1024)})
        with self.assertRaisesRegex(TooManyAnnotations, "2100 octets in all"):
            await account.annotate("Sent", {COMMENT: bytes(1024)})
        with self.assertRaisesRegex(TooManyAnnotations, "2100 octets in all"):
            await account.annotate("", {COMMENT: bytes(1024)})
        await account.annotate("INBOX", {COMMENT: b"", "/private/a": None})
        await account.annotate("Sent", {COMMENT: bytes(1024)})
        self.assertEqual(await account.annotations("Sent"), {COMMENT: bytes(1024)})

    def test_lowered(self):
        """Who holds more than a limit lowered since may replace and remove."""

        async def many(account):
            wanted = {f"/shared/{n}": b"12345" for n in range(50)}
            await account.annotate("INBOX", wanted)

        async def fewer(account):
            with self.assertRaises(TooManyAnnotations):
                await account.annotate("INBOX", {"/shared/x": b""})
            await account.annotate("INBOX", {"/shared/1": b"1234"})
            await account.annotate("INBOX", {"/shared/2": None, "/shared/x": b""})

        async def go():
            await self.with_alice(many)
            small = Settings(annotations=10, annotations_octets=100)
            await self.with_alice(fewer, small)

        return defer.Deferred.fromCoroutine(go())
