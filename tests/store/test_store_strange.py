"""Names that other programs give, and accounts whose files cannot be served."""

import os
import shutil
from typing import ClassVar

from twisted.internet import defer

from mailsuite.model.flags import ANSWERED, FLAGGED, SEEN
from mailsuite.store import maildir, respelling, tidy
from tests.contracts.mailboxes import MESSAGE, draft
from tests.store.test_store_outside import LINES, StoreCase, got, put
from tests.support.storecrash import verified

BOB = "bob@example.test"


class StrangeTests(StoreCase):
    """Whatever a file is called, it is a message, with the flags of its name."""

    async def read(self, inbox):
        """Number, UID and flags of each message."""
        seen = await inbox.snapshot()
        told = {}
        for uid, code in zip(seen.uid, seen.flags, strict=True):
            octets = await (await inbox.octets(uid)).read(0, 10**6)
            told[int(octets[len(MESSAGE) :])] = (uid, seen.table.sets[code])
        self.assertEqual(len(told), len(seen.uid))
        return told

    def put(self, name, number):
        put(self.root / os.fsdecode(name), LINES + b"%d\n" % number)

    def check(self, names):
        """They are read, take flags, and keep their UIDs without the index."""

        async def go(account, inbox):
            for number, name in enumerate(names):
                self.put(name, number)
            told = await self.read(inbox)
            marks = {number: flags for number, (_, flags) in told.items()}
            self.assertEqual(marks, dict(enumerate(map(frozenset, names.values()))))
            uids = sorted(uid for uid, _ in told.values())
            _ = await inbox.store(uids, frozenset([ANSWERED]), frozenset())
            await account._shelf.run(tidy.finish)
            letters = [name.partition(":2,")[2] for name in self.house.files()]
            self.assertTrue(all("R" in some for some in letters), letters)
            after = {n: (uid, flags | {ANSWERED}) for n, (uid, flags) in told.items()}
            self.assertEqual(await self.read(inbox), after)
            await self.house.stop()
            self.assertEqual(verified(self.house), [])
            os.unlink(self.house.home() / "index.db")
            _, inbox = await self.inbox()
            self.assertEqual(await self.read(inbox), after)

        return self.run_with_store(go)

    def test_info(self):
        """An info part that is missing, or one in ``new``, hides no message."""
        return self.check(
            {
                b"cur/1700000001.plain": (),
                b"cur/1700000002.old:1,": (),
                b"new/1700000003.info:2,S": (SEEN,),
                b"cur/:2,F": (FLAGGED,),
            }
        )

    def test_octets(self):
        """Octets that are no text, or no line of a list, hide no message."""
        return self.check(
            {
                b"new/1700000001.bad\xff": (),
                b"cur/1700000002.line\n:2,F": (FLAGGED,),
                b"new/1700000003.caf\xc3\xa9": (),
                b"cur/1700000004.letters:2,\xffS": (SEEN,),
            }
        )

    def test_long(self):
        """A name as long as can be has no room for an info part."""
        return self.check({b"cur/1700000001." + b"x" * 244: ()})

    def test_twins(self):
        """Two files with one base are two messages."""
        return self.check(
            {
                b"new/1700000001.twin": (),
                b"cur/1700000001.twin:2,S": (SEEN,),
                b"cur/1700000001.twin:2,F": (FLAGGED,),
            }
        )

    def test_settled(self):
        """Looking once leaves none out, and takes the base of none that was there."""
        names = {
            b"cur/x:2,S": 0,
            b"cur/x": 1,
            b"new/x:2,F": 2,
            b"cur/y": 3,
            b"new/y": 4,
        }

        async def go(*_):
            for name, number in names.items():
                self.put(name, number)
            found, strange = maildir.look(str(self.root))
            respelling.settle(str(self.root), strange, found)
            self.assertEqual(maildir.look(str(self.root)), (found, []))
            self.assertEqual(len(found), len(names))
            for name in ("cur/x:2,S", "new/y"):
                number = names[os.fsencode(name)]
                self.assertEqual(got(self.root / name), LINES + b"%d\n" % number)

        return self.run_with_store(go)

    def test_linked(self):
        """Who renames a file by a link has one message, while both names are there."""

        async def go(account, inbox):
            self.put(b"cur/1700000001.x", 0)
            os.link(self.root / "cur/1700000001.x", self.root / "cur/1700000001.x:2,S")
            told = {0: (1, frozenset([SEEN]))}
            self.assertEqual(await self.read(inbox), told)
            os.unlink(self.root / "cur/1700000001.x")
            self.assertEqual(await self.read(inbox), told)

        return self.run_with_store(go)

    def test_no_room_for_letters(self):
        """Flags stand, and others' names follow, where a name has no room for letters."""

        async def go(account, inbox):
            self.put(b"new/1700000001." + b"x" * 244, 0)
            self.put(b"new/1700000002.short", 1)
            _ = await self.read(inbox)
            _ = await inbox.store([1, 2], frozenset([SEEN]), frozenset())
            await account._shelf.run(tidy.finish)
            self.assertIn("cur/1700000002.short:2,S", self.house.files())
            told = await self.read(inbox)
            self.assertEqual(told, {n: (n + 1, frozenset([SEEN])) for n in (0, 1)})

        return self.run_with_store(go)

    def test_no_file(self):
        """What is no file stays as it is."""

        async def go(account, inbox):
            os.mkdir(self.root / "cur" / "folder")
            os.symlink("/etc/passwd", self.root / "cur" / "link")
            self.put(b"cur/1700000001.x:2,", 0)
            self.assertEqual(await self.read(inbox), {0: (1, frozenset())})
            names = ["cur/1700000001.x:2,", "cur/folder", "cur/link"]
            self.assertEqual(self.house.files(), names)

        return self.run_with_store(go)


class FolderTests(StoreCase):
    """Directories that other programs named by rules of their own."""

    names: ClassVar = {
        b".caf\xc3\xa9": "café",
        b".bad\xff": "bad=FF",
        b".&AOQ-": "ä",
        b".\xc3\xa4": "ä-2",
        b".Inbox.one": "INBOX/one",
        b".inbox.one": "INBOX/one-2",
        b".plain.below": "plain/below",
    }

    def make(self):
        for number, name in enumerate(self.names):
            folder = self.root / os.fsdecode(name)
            for place in ("new", "cur", "tmp"):
                (folder / place).mkdir(parents=True)
            put(folder / "new" / "1700000000.x", LINES + b"%d\n" % number)

    async def check(self, account):
        """Each is a mailbox with its mail."""
        told = {}
        for row in await account.mailboxes():
            box = await account.mailbox(row.name)
            for uid in (await box.snapshot()).uid:
                octets = await (await box.octets(uid)).read(0, 10**6)
                told[row.name] = int(octets[len(MESSAGE) :])
        self.assertEqual(told, {n: i for i, n in enumerate(self.names.values())})

    def test_first(self):
        """They are mailboxes of an account that is new to us, and stay the same."""

        async def go():
            self.make()
            account, _ = await self.inbox()
            await self.check(account)
            await self.house.stop()
            self.assertEqual(verified(self.house), [])
            os.unlink(self.house.home() / "account.db")
            account, _ = await self.inbox()
            await self.check(account)
            await self.house.stop()

        return defer.Deferred.fromCoroutine(go())

    def test_left(self):
        """What cannot be renamed, or is a link, is no mailbox, and hides none."""
        long = "x" * 248

        def make():
            for name in (".Inbox." + long, ".inbox." + long, ".plain", "else"):
                (self.root / name / "cur").mkdir(parents=True)
            os.symlink("else", self.root / ".link")
            (self.root / ".part" / "cur").mkdir(parents=True)
            os.symlink("cur", self.root / ".part" / "new")

        async def names(account):
            found = [row.name for row in await account.mailboxes()]
            self.assertLessEqual({"plain", f"INBOX/{long}"}, set(found))
            self.assertTrue({"link", "part"}.isdisjoint(found))

        async def go():
            make()
            account, _ = await self.inbox()
            await names(account)
            await self.house.stop()
            shutil.rmtree(self.house.home())
            account, _ = await self.inbox()
            _ = await account.mailboxes()
            make()
            await names(account)
            await self.house.stop()

        return defer.Deferred.fromCoroutine(go())

    def test_later(self):
        """They become mailboxes while the account is open."""

        async def go(account, _):
            _ = await account.mailboxes()
            self.make()
            await self.check(account)

        return self.run_with_store(go)


class BrokenTests(StoreCase):
    """One account's trouble."""

    def test_checkpoint(self):
        """An account whose files cannot be renamed holds up no checkpoint."""

        async def go(account, inbox):
            other = await self.house.accounts.open(BOB)
            theirs = await other.mailbox("INBOX")
            for one in (account, other):
                _ = await one.append("INBOX", [draft()])
            shutil.rmtree(self.root / "cur")
            put(self.root / "cur", b"")
            for box in (inbox, theirs):
                _ = await box.store([1], frozenset([SEEN]), frozenset())
            await self.house.accounts.evacuate(1)
            [name] = self.house.files(account=BOB)
            self.assertTrue(name.endswith(":2,S"))
            os.unlink(self.root / "cur")
            os.mkdir(self.root / "cur")
            await self.house.accounts.evacuate(1)
            [name] = self.house.files()
            self.assertTrue(name.endswith(":2,S"))
            _ = self.flushLoggedErrors(OSError)

        return self.run_with_store(go)
