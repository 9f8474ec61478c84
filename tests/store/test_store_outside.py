"""What other programs do to a Maildir, and what is rebuilt from it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.internet import defer
from twisted.internet.inotify import INotifyError
from twisted.trial.unittest import TestCase

from mailsuite.mime.scan import scan
from mailsuite.model.changes import Draft, Need
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import Damaged, NoSpace, OverQuota, UsageError
from mailsuite.model.flags import ANSWERED, FLAGGED, SEEN
from mailsuite.model.ids import BlobKey
from mailsuite.store import expunge, flags, opening, outside, schema, tidy
from mailsuite.store.settings import Settings
from tests.contracts.mailboxes import ALICE, MESSAGE, draft, once
from tests.support.patience import PATIENCE_SECONDS
from tests.support.store import SMALL, House, asleep
from tests.support.storecrash import verified

LINES = MESSAGE.replace(b"\r\n", b"\n")


def put(path, content):
    Path(path).write_bytes(content)


def got(path):
    return Path(path).read_bytes()


class StoreCase(TestCase):
    """A store on disk."""

    def setUp(self):
        from twisted.internet import reactor

        self.reactor = reactor
        self.house = House(reactor, self.mktemp())
        self.root = self.house.home() / "Maildir"

    async def inbox(self, **how):
        accounts = await self.house.start(**how)
        account = await accounts.open(ALICE)
        return account, await account.mailbox("INBOX")

    def run_with_store(self, work):
        async def go():
            try:
                await work(*(await self.inbox()))
            finally:
                await self.house.stop()

        return defer.Deferred.fromCoroutine(go())


class OutsideTests(StoreCase):
    """New, renamed and missing files."""

    def test_dropped(self):
        """A file in new/ becomes a message; its lines end with CRLF for clients."""

        async def go(account, inbox):
            (self.root / "new" / "1700000000.x.y").write_bytes(LINES)
            seen = await inbox.snapshot()
            self.assertEqual((list(seen.uid), list(seen.size)), ([1], [len(MESSAGE)]))
            octets = await inbox.octets(1)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)
            [batch] = [b async for b in inbox.read([1], [Need.ENVELOPE, Need.HEADER])]
            self.assertIn(b'"First"', batch.columns[Need.ENVELOPE][0])
            self.assertTrue(MESSAGE.startswith(batch.columns[Need.HEADER][0]))

        return self.run_with_store(go)

    def test_renamed(self):
        """Flags merge: what others added and dropped, and what we changed meanwhile."""

        async def go(account, inbox):
            path = self.root / "cur" / "1700000000.x.y:2,F"
            path.write_bytes(MESSAGE)
            before = await inbox.snapshot()
            flags = before.table.sets[before.flags[0]]
            self.assertEqual(flags, {FLAGGED})
            _ = await inbox.store([1], frozenset([ANSWERED]), frozenset())
            os.rename(path, self.root / "cur" / "1700000000.x.y:2,S")
            delta = await inbox.delta(before.modseq)
            [(uid, code, _)] = delta.changed
            self.assertEqual(uid, 1)
            self.assertEqual(before.table.sets[code], {ANSWERED, SEEN})
            await self.house.stop()
            self.assertEqual(self.house.files(), ["cur/1700000000.x.y:2,RS"])

        return self.run_with_store(go)

    def test_renamed_in_vain(self):
        """Flags that could not be written are not counted either."""
        broken = sqlite3.OperationalError("disk I/O error")
        broken.sqlite_errorcode = sqlite3.SQLITE_IOERR

        def failing(*_):
            raise broken

        async def go(account, inbox):
            path = self.root / "cur" / "1700000000.x.y:2,"
            path.write_bytes(MESSAGE)
            _ = await inbox.snapshot()
            os.rename(path, self.root / "cur" / "1700000000.x.y:2,S")
            patched = self.patch(flags, "mark", failing)
            with self.assertRaises(sqlite3.OperationalError):
                _ = await inbox.snapshot()
            patched.restore()
            row = await inbox.row()
            self.assertEqual((row.messages, row.unseen), (1, 0))
            await self.house.stop()
            self.assertEqual(verified(self.house), [])

        return self.run_with_store(go)

    def test_missing(self):
        """A file that is gone is a message that is gone; others stay."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft() for _ in range(3)])
            before = await inbox.snapshot()
            names = self.house.files()
            (self.root / names[1]).unlink()
            delta = await inbox.delta(before.modseq)
            self.assertEqual(list(delta.vanished), [2])
            self.assertEqual((await inbox.row()).messages, 2)

        return self.run_with_store(go)

    def test_moved_by_others(self):
        """A file that others moved to cur/ is found by its base name."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            [name] = self.house.files()
            os.rename(self.root / name, self.root / "cur" / f"{name[4:]}:2,")
            octets = await inbox.octets(1)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)

        return self.run_with_store(go)

    def test_watched(self):
        """A session that watches is told of what others drop."""

        async def go(account, inbox):
            _ = await inbox.snapshot()
            told = defer.Deferred()
            end = account.watch(lambda mailbox: told.called or told.callback(mailbox))
            seen = await inbox.snapshot()
            (self.root / "new" / "1700000000.x.y").write_bytes(LINES)
            self.assertEqual(await told.addTimeout(10, self.reactor), inbox.id)
            delta = await inbox.delta(seen.modseq)
            self.assertEqual(list(delta.added.uid), [1])
            end()

        return self.run_with_store(go)

    def test_many_events(self):
        """Whoever makes hundreds of them is not listened to for long, and is seen."""

        async def go(account, inbox):
            end = account.watch(lambda _: None)
            _ = await inbox.snapshot()
            await self.crowded(inbox, self.root, 200)
            put(self.root / "new" / "1700000001.late.y", LINES)
            told = defer.Deferred()
            _ = account.watch(lambda mailbox: told.called or told.callback(mailbox))
            self.assertEqual(
                await told.addTimeout(PATIENCE_SECONDS, self.reactor), inbox.id
            )
            end()

        return self.run_with_store(go)

    def test_many_events_elsewhere(self):
        """Those of a folder that was renamed are heard where it lies now."""

        async def go(account, told):
            folder = await self.made_folder(account, "Old")
            await account.rename("Old", "New")
            await self.crowded(folder, self.root / ".New", 40)
            await self.heard(folder, told, "New")

        return self.run_watched(go)

    def test_name_given_again(self):
        """A folder is watched whose name another had that was renamed or deleted."""

        async def go(account, told):
            renamed = await self.made_folder(account, "Old")
            await account.rename("Old", "New")
            _ = await self.made_folder(account, "Old")
            await account.remove("Old")
            folder = await self.made_folder(account, "Old")
            await self.heard(folder, told, "Old")
            await self.heard(renamed, told, "New")

        return self.run_watched(go)

    def test_no_more_watches(self):
        """Where the kernel has no more watches to give, mailboxes are polled."""

        def refused(*_, **__):
            raise INotifyError("no space")

        async def go(account, told):
            self.patch(self.house.accounts._desk.watching.notify, "watch", refused)
            folder = await self.made_folder(account, "Old")
            await self.heard(folder, told, "Old")

        return self.run_watched(go)

    def run_watched(self, work):
        """Run it with an account and a list of what a session is told that watches."""

        async def go(account, inbox):
            told = []
            end = account.watch(told.append)
            await work(account, told)
            end()

        return self.run_with_store(go)

    async def crowded(self, folder, place, number):
        """Others drop so many messages into it; all are seen."""
        for n in range(number):
            put(place / "new" / f"1700000000.{n}.y", LINES)
        while len((await folder.snapshot()).uid) < number:
            _ = await asleep(self.reactor, 0.05)

    async def made_folder(self, account, name):
        """A new folder at which a session looks."""
        row = await account.create(name)
        folder = await account.mailbox(row.id)
        _ = await folder.snapshot()
        return folder

    async def heard(self, folder, told, name):
        """What others drop into it is told, without anybody who asks."""
        _ = await asleep(self.reactor, 0.5)  # what was under way is told
        told.clear()
        put(self.root / f".{name}" / "new" / "1700000001.late.y", LINES)
        while folder.id not in told:
            _ = await asleep(self.reactor, 0.05)

    def test_names_follow_later(self):
        """What kept files from leaving is no reason to leave them for ever."""
        broken = sqlite3.OperationalError("disk I/O error")
        broken.sqlite_errorcode = sqlite3.SQLITE_IOERR
        real, errors = expunge.leave, [OSError(5, "EIO"), broken]

        def failing(index, rows):
            if errors:
                raise errors.pop()
            real(index, rows)

        async def go(account, inbox):
            self.patch(expunge, "leave", failing)
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([1])
            while len(self.house.files()) > 1:
                _ = await asleep(self.reactor, 0.05)
            self.assertEqual(errors, [])
            self.flushLoggedErrors(OSError, sqlite3.OperationalError)

        return self.run_with_store(go)

    def test_names_follow_flags(self):
        """They follow when flags are all that changed, and expunged mail leaves."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await account._shelf.run(tidy.finish)
            _ = await inbox.store([1], frozenset([SEEN]), frozenset())
            while not any(name.endswith(":2,S") for name in self.house.files()):
                _ = await asleep(self.reactor, 0.05)
            _ = await inbox.expunge([2])
            while len(self.house.files()) > 1:
                _ = await asleep(self.reactor, 0.05)

        return self.run_with_store(go)

    def test_names_follow(self):
        """Names of files get the letters of flags, within moments and at stop."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft(MESSAGE, "$Junk")])
            _ = await inbox.store([1], frozenset([SEEN, "$Junk"]), frozenset())
            _ = await account.append("INBOX", [draft()])
            _ = await asleep(self.reactor, 0.3)
            files = self.house.files()
            self.assertTrue(any(name.endswith(":2,Sa") for name in files), files)
            self.assertTrue(any(name.endswith(":2,a") for name in files), files)
            keywords = (self.root / "dovecot-keywords").read_text()
            self.assertEqual(keywords, "0 $Junk\n")
            _ = await inbox.claim_recent()
            await self.house.stop()
            self.assertEqual(list((self.root / "new").iterdir()), [])

        return self.run_with_store(go)

    def test_uidlist(self):
        """The UID list is that of Dovecot's version 3, each UID once, rising."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            row = await inbox.row()
            await self.house.stop()
            first, *lines = (self.root / "dovecot-uidlist").read_text().splitlines()
            self.assertRegex(
                first, rf"^3 V{row.uidvalidity} N\d{{10}} G[0-9a-f]{{32}}$"
            )
            self.assertEqual([line.split()[0] for line in lines], ["1", "2"])
            bases = [line.partition(" :")[2] for line in lines]
            self.assertEqual(bases, [name[4:] for name in self.house.files()])

        return self.run_with_store(go)

    def test_folder_of_others(self):
        """A folder that another program made is listed, with its mail."""

        async def go(account, inbox):
            for name in ("new", "cur", "tmp"):
                (self.root / ".Lists.twisted" / name).mkdir(parents=True)
            (self.root / ".Lists.twisted" / "new" / "1.x").write_bytes(LINES)
            rows = {row.name: row for row in await account.mailboxes()}
            self.assertEqual(rows["Lists/twisted"].messages, 1)

        return self.run_with_store(go)

    def test_large(self):
        """A message in a file of its own is linked or copied, and read in ranges."""

        async def go(account, inbox):
            content = MESSAGE + b"0123456789abcde\r\n" * 100_000
            path = self.mktemp()
            put(path, content)
            os.chmod(path, 0o600)
            whole = Draft(Blob(BlobKey("b"), len(content), None, path=path))
            prefix = b"Return-Path: <>\r\n"
            size = len(content) + len(prefix)
            longer = Draft(Blob(BlobKey("c"), size, None, prefix, path))
            _ = await account.append("INBOX", [whole, longer])
            _ = await account.append("INBOX", [whole], once(4))
            os.unlink(path)
            for uid, expected in ((1, content), (2, prefix + content), (3, content)):
                octets = await inbox.octets(uid)
                self.assertEqual(octets.size, len(expected))
                self.assertEqual(await octets.read(0, octets.size), expected)
                self.assertEqual(await octets.read(70_000, 5), expected[70_000:70_005])
                octets.close()
            [batch] = [b async for b in inbox.read([1, 2, 3], [Need.ENVELOPE])]
            for envelope in batch.columns[Need.ENVELOPE]:
                self.assertIn(b'"First"', envelope)
            self.assertEqual(list((self.root / "tmp").iterdir()), [])

        return self.run_with_store(go)

    def test_disk_full(self):
        """A full disk is NoSpace; nothing stays behind, and it heals."""

        async def go(account, inbox):
            real = os.writev

            def full(descriptor, blocks):
                if b"Hello" in b"".join(blocks):
                    raise OSError(28, "No space left on device")
                return real(descriptor, blocks)

            self.patch(os, "writev", full)
            for action in (None, once(6)):
                with self.assertRaises(NoSpace):
                    await account.append("INBOX", [draft(), draft()], action)
            self.patch(os, "writev", real)
            self.assertEqual(self.house.files(), [])
            self.assertEqual(list((self.root / "tmp").iterdir()), [])
            _ = await account.append("INBOX", [draft()], once(6))
            self.assertEqual((await inbox.row()).messages, 1)

        return self.run_with_store(go)

    def test_disk_full_read(self):
        """On a full disk what is known can be read; the rest comes later."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            merge = outside.merge

            def full(index, box):
                raise OSError(28, "No space left on device")

            self.patch(outside, "merge", full)
            put(self.root / "new" / "2.stranger", MESSAGE)
            os.utime(self.root / "new", ns=(1, 1))
            self.assertEqual(len((await inbox.snapshot()).uid), 1)
            self.assertEqual((await inbox.row()).messages, 1)
            self.assertEqual((await account.mailboxes())[0].messages, 1)
            self.patch(outside, "merge", merge)
            self.assertEqual(len((await inbox.snapshot()).uid), 2)

        return self.run_with_store(go)

    def test_room_made(self):
        """On a full disk removed files are given back, and work is tried again."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([1])
            _ = await account._shelf.run(tidy.tidy)
            removed = self.house.home() / "removed"
            self.assertEqual(len(list(removed.iterdir())), 1)
            await self.made(inbox, lambda: list(removed.iterdir()))

        return self.late(go)

    async def made(self, inbox, full):
        """EXPUNGE finds a full disk as long as ``full`` says so."""
        real = expunge.expunge

        def tried(index, box, uids):
            if full():
                raise OSError(28, "No space left on device")
            return real(index, box, uids)

        self.patch(expunge, "expunge", tried)
        self.assertEqual((await inbox.expunge([2])).uids, [2])

    def test_room_made_at_once(self):
        """So are those of mail expunged just now, which lie where they lay."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([1])
            self.assertEqual(len(self.house.files()), 2)
            await self.made(inbox, lambda: len(self.house.files()) > 1)

        return self.late(go)

    def test_left_behind(self):
        """A file that is not moved yet, and that others renamed, is not new."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([1])
            first, second = self.house.files()
            renamed = self.root / "cur" / f"{Path(first).name}:2,S"
            os.rename(self.root / first, renamed)
            self.assertEqual(list((await inbox.snapshot()).uid), [2])
            _ = await account._shelf.run(tidy.finish)
            self.assertEqual(self.house.files(), [second])

        return self.late(go)

    def test_left_by_others(self):
        """One that others took away first is nobody's any more."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([1])
            (self.root / self.house.files()[0]).unlink()
            _ = await account._shelf.run(tidy.finish)
            self.assertEqual(list((await inbox.snapshot()).uid), [2])
            self.assertEqual(list((self.house.home() / "removed").iterdir()), [])

        return self.late(go)

    def test_left_at_stop(self):
        """A stop leaves no file of expunged mail in the Maildir."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft() for _ in range(3)])
            _ = await inbox.expunge([1])
            await self.house.stop()
            self.assertEqual(len(self.house.files()), 2)

        return self.late(go)

    def test_left_by_a_kill(self):
        """After a kill it is not new, and is moved away or unlinked in time."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft() for _ in range(3)])
            _ = await inbox.expunge([1])
            await self.house.kill()
            self.assertEqual(len(self.house.files()), 3)
            account, inbox = await self.inbox()
            _ = await account._shelf.run(expunge.clean, 0.0)
            self.assertEqual(len(self.house.files()), 2)
            self.assertEqual(list((await inbox.snapshot()).uid), [2, 3])
            _ = await inbox.expunge([2])
            await self.house.kill()
            account, inbox = await self.inbox()
            self.assertEqual(list((await inbox.snapshot()).uid), [3])
            await self.house.stop()
            self.assertEqual(len(self.house.files()), 1)

        return self.late(go)

    def test_left_with_its_folder(self):
        """A folder that is deleted takes them with it."""

        async def go(account, inbox):
            row = await account.create("Old")
            _ = await account.append("Old", [draft(), draft()])
            _ = await (await account.mailbox(row.id)).expunge([1])
            await account.rename("Old", "Older")
            await account.remove("Older")
            _ = await account._shelf.run(tidy.finish)
            _ = await account._shelf.run(expunge.clean, 0.0)
            self.assertEqual(list((self.house.home() / "removed").iterdir()), [])
            [grave] = (self.house.home() / "deleted").iterdir()
            self.assertTrue(grave.name.endswith(".Older"))
            await account._shelf.run(opening.clean, 3600.0)
            self.assertTrue(grave.exists())
            await account._shelf.run(opening.clean, 0.0)
            self.assertFalse(grave.exists())

        return self.late(go)

    def late(self, work):
        """Run ``work`` with a store whose files follow when they are told to."""
        self.house.settings = Settings(names=600.0)
        return self.run_with_store(work)

    def test_idle_accounts_close(self):
        """More accounts than may stay open: the idle ones are closed, and found."""

        async def go(account, inbox):
            await self.house.stop()
            self.house.settings = Settings(open_accounts=2)
            accounts = await self.house.start()
            for _ in range(2):
                for number in range(6):
                    one = await accounts.open(f"u{number}@example.test")
                    _ = await one.append("INBOX", [draft()], once(7 + number))
                    one.close()
            self.assertLessEqual(len(accounts._shelves._open), 3)
            one = await accounts.open("u0@example.test")
            self.assertEqual((await one.mailboxes())[0].messages, 1)
            names = await accounts.accounts()
            self.assertEqual(len(names), 7)

        return self.run_with_store(go)

    def test_changes(self):
        """Followers read what came and what is gone, from memory or from tables."""

        async def go(account, inbox):
            accounts = self.house.accounts
            told = []
            end = accounts.follow(told.append)
            done = await account.append("INBOX", [draft(), draft(), draft()])
            _ = await inbox.expunge([2])
            _ = await asleep(self.reactor, 0.01)
            self.assertEqual(set(told), {ALICE})
            end()
            reached, added, gone = await accounts.since(ALICE, 0, 100)
            one, two, three = done.emails
            self.assertEqual([email for email, _ in added], [one, three])
            self.assertEqual(list(gone), [two])
            for _, path in added:
                self.assertEqual(got(path), MESSAGE)
            self.assertEqual(await accounts.since(ALICE, reached, 9), (reached, [], []))
            [place] = await accounts.located(ALICE, [three, two])
            self.assertEqual(place, (three, inbox.id, "INBOX", 3))
            await self.house.stop()
            accounts = await self.house.start()
            again = await accounts.since(ALICE, 0, 100)
            self.assertEqual([email for email, _ in again[1]], [one, three])

        return self.run_with_store(go)

    def test_verified(self):
        """A sound account has no findings; damage is named."""

        async def go(account, inbox):
            some = [draft(MESSAGE + b"%d\r\n" % n) for n in range(3)]
            _ = await account.append("INBOX", some)
            _ = await inbox.store([2], frozenset([SEEN]), frozenset())
            _ = await account.transfer(inbox.id, [3], "Trash", move=True)
            await self.house.stop()
            self.assertEqual(verified(self.house), [])
            name = self.house.files()[0]
            os.truncate(self.root / name, 10)
            (self.root / "new" / "2.stranger").write_bytes(MESSAGE)
            found = verified(self.house)
            self.assertEqual(len(found), 2, found)

        return self.run_with_store(go)

    def test_truncated(self):
        """A message whose file is damaged is Damaged, alone."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(MESSAGE + b"2\r\n"), draft()])
            name = self.house.files()[0]
            os.truncate(self.root / name, 10)
            with self.assertRaises(Damaged):
                await inbox.octets(1)
            octets = await inbox.octets(2)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)

        return self.run_with_store(go)

    def test_unreadable(self):
        """What was not scanned and cannot be read is told as an empty message."""

        async def go(account, inbox):
            (self.root / "new" / "1.stranger").write_bytes(MESSAGE)
            _ = await inbox.snapshot()
            (self.root / self.house.files()[0]).write_bytes(b"")
            found = [batch async for batch in inbox.read([1], list(Need))]
            empty = scan(b"")
            columns = {need: list(of) for need, of in found[0].columns.items()}
            self.assertEqual(columns[Need.ENVELOPE], [empty.envelope])
            self.assertEqual(columns[Need.STRUCTURE], [empty.structure])
            self.assertEqual(columns[Need.PARTS], [empty.parts])
            self.assertEqual(columns[Need.HEADER], [b""])
            self.assertEqual(columns[Need.USUAL], [b""])

        return self.run_with_store(go)

    def test_few_of_unknown(self):
        """Few messages whose long headers are not stored are told at a time."""

        async def go(account, inbox):
            long = b"X: " + b"y" * 70_000 + b"\r\n" + MESSAGE
            _ = await account.append("INBOX", [draft(long)] * 50)
            uids = list(range(1, 51))
            told = [b.uids async for b in inbox.read(uids, [Need.HEADER])]
            self.assertEqual([uid for some in told for uid in some], uids)
            self.assertLessEqual(max(map(len, told)), 20)

        return self.run_with_store(go)

    def test_links(self):
        """Equal octets for two accounts are one file; both read it."""

        async def go(account, inbox):
            settings = Settings(lanes=1)
            await self.house.stop()
            self.house.settings = settings
            accounts = await self.house.start()
            for number, name in enumerate(("alice", "bob")):
                one = await accounts.open(f"{name}@example.test")
                _ = await one.append("INBOX", [draft()], once(5, number))
            [file] = self.house.files()
            status = os.stat(self.root / file)
            self.assertEqual(status.st_nlink, 2)
            self.assertEqual(status.st_mode & 0o777, 0o600)

        return self.run_with_store(go)

    def test_symlink(self):
        """A Maildir that is a symbolic link is refused."""

        async def go():
            accounts = await self.house.start()
            home = self.house.home("eve@example.test")
            home.mkdir(parents=True)
            (home / "Maildir").symlink_to("/tmp")
            with self.assertRaises(UsageError):
                await accounts.open("eve@example.test")
            await self.house.stop()

        return defer.Deferred.fromCoroutine(go())


IDS = ("uidvalidity", "objectid", "id", "use")


def facts_gone(home):
    for path in home.glob("account.db*"):
        path.unlink()


class RebuildTests(StoreCase):
    """Indexes that are lost, broken or too new."""

    async def filled(self, account):
        _ = await account.append("INBOX", [draft() for _ in range(5)])
        inbox = await account.mailbox("INBOX")
        _ = await inbox.store([2], frozenset([SEEN, "work"]), frozenset())
        _ = await inbox.expunge([3])
        return await inbox.snapshot()

    def rebuilt(self, spoil, **how):
        """Fill, stop, spoil, start: the same UIDs, validity and flags."""

        async def go(account, inbox):
            before = await self.filled(account)
            await self.house.stop()
            spoil(self.house.home())
            account, inbox = await self.inbox(**how)
            after = await inbox.snapshot()
            self.assertEqual(list(after.uid), list(before.uid))
            self.assertEqual(after.uidvalidity, before.uidvalidity)
            self.assertEqual(
                [after.table.sets[c] for c in after.flags],
                [before.table.sets[c] for c in before.flags],
            )
            self.assertEqual(list(after.size), list(before.size))
            self.assertGreaterEqual(after.modseq, before.modseq)
            done = await account.append("INBOX", [draft()])
            self.assertGreater(done.uids[0], 5)

        return self.run_with_store(go)

    def test_lost(self):
        """A deleted index is built again from files and UID list."""
        return self.rebuilt(lambda home: (home / "index.db").unlink())

    def test_garbage(self):
        """A broken index is set aside and built again."""

        def spoil(home):
            (home / "index.db").write_bytes(os.urandom(65536))

        done = self.rebuilt(spoil)

        def check(_):
            names = [path.name for path in self.house.home().iterdir()]
            self.assertTrue(any(".corrupt-" in name for name in names), names)
            self.assertIn("store.corrupt", self.house.events.names())

        return done.addCallback(check)

    def test_scribbled(self):
        """Damage in the middle of the index heals."""

        def spoil(home):
            with open(home / "index.db", "r+b") as file:
                file.seek(4096)
                file.write(b"\xa5" * 40_000)

        return self.rebuilt(spoil)

    def test_facts_lost(self):
        """Facts come again from directories and UID lists."""
        return self.rebuilt(lambda home: (home / "account.db").unlink())

    def test_both_lost(self):
        """With both databases gone, UIDs and validity are those of the UID list."""

        def spoil(home):
            (home / "account.db").unlink()
            (home / "index.db").unlink()

        return self.rebuilt(spoil)

    def test_lost_and_replayed(self):
        """Expunged mail does not come back by the journal when rows are lost."""

        def spoil(home):
            (home / "account.db").unlink()
            (home / "index.db").unlink()

        return self.rebuilt(spoil, replay=True)

    def healed(self, spoil, *, kill=False, same=IDS):
        """Lose facts of an account with many mailboxes; all is as it was at once."""
        kept = (*same, "name", "messages", "unseen", "deleted", "octets")

        async def seen(account):
            rows, view = await account.mailboxes(), {}
            for row in rows:
                box = await account.mailbox(row.name)
                columns = await box.snapshot()
                sets = [sorted(columns.table.sets[c]) for c in columns.flags]
                view[row.name] = (
                    [getattr(row, name) for name in kept],
                    *(list(columns.uid), sets, list(columns.size)),
                    # New rows have the dates of files, which may be a second later.
                    list(columns.date) if "id" in same else [],
                    list(columns.email),
                )
            return view, rows

        async def go(account, inbox):
            for name in ("Zeta", "Beta", "Zeta/Alpha", "Omega"):
                _ = await account.create(name)
            await account.rename("Beta", "Gamma")
            await account.remove("Omega")
            _ = await account.create("Empty", "\\Flagged")
            await self.filled(account)
            for n, name in enumerate(("Zeta", "Gamma", "Zeta/Alpha", "Trash"), 2):
                many = [draft(MESSAGE + b"%d%d\r\n" % (n, k)) for k in range(n)]
                _ = await account.append(name, many)
            _ = await account.transfer(inbox.id, [4], "Zeta", move=True)
            before, rows = await seen(account)
            await (self.house.kill if kill else self.house.stop)()
            spoil(self.house.home())
            account, inbox = await self.inbox()
            told = {row.name: row.messages for row in await account.mailboxes()}
            self.assertEqual(told, {row.name: row.messages for row in rows})
            after, now = await seen(account)
            self.maxDiff = None
            self.assertEqual(after, before)
            for old, new in zip(
                sorted(rows, key=lambda row: row.name),
                sorted(now, key=lambda row: row.name),
                strict=True,
            ):
                self.assertGreaterEqual(new.uidnext, old.uidnext)
                self.assertGreaterEqual(new.modseq, old.modseq)
            new = await account.append("Gamma", [draft()])
            self.assertGreater(new.uids[0], max(after["Gamma"][1]))
            self.assertGreater(
                new.emails[0], max(max(v[-1], default=0) for v in after.values())
            )
            fresh = await account.create("Fresh")
            if "id" in same:
                self.assertGreater(fresh.id, max(row.id for row in rows))
            await self.house.stop()
            self.assertEqual(verified(self.house), [])
            spoil(self.house.home())
            self.assertTrue(
                all("is set aside" in text for text in verified(self.house))
            )
            self.assertEqual(verified(self.house), [])

        return self.run_with_store(go)

    def test_facts_of_many(self):
        """Lost facts are made again exactly: numbers, ids, uses, counts."""
        return self.healed(facts_gone)

    def test_facts_of_many_broken(self):
        """So are broken ones."""
        return self.healed(lambda home: put(home / "account.db", os.urandom(65536)))

    def test_facts_of_many_killed(self):
        """So are those that are lost after a kill, when numbers went on."""
        return self.healed(facts_gone, kill=True)

    def test_facts_and_lists(self):
        """The index alone tells UIDs and validities, if UID lists are lost too."""

        def spoil(home):
            facts_gone(home)
            for path in home.glob("Maildir/**/dovecot-uidlist"):
                path.unlink()

        return self.healed(spoil)

    def test_facts_of_older(self):
        """An index of an older release is built anew: it cannot tell whose it is."""

        def spoil(home):
            facts_gone(home)
            with closing(sqlite3.connect(home / "index.db")) as database, database:
                database.execute("DELETE FROM named")

        return self.healed(spoil, same=IDS[:2])

    def test_newer(self):
        """A database of a newer suite is refused with a text that says so."""

        async def go(account, inbox):
            await self.house.stop()
            database = sqlite3.connect(self.house.home() / "index.db")
            database.execute("PRAGMA user_version = 99")
            database.close()
            with self.assertRaises(UsageError) as caught:
                await self.inbox()
            self.assertIn("newer", str(caught.exception))

        return self.run_with_store(go)

    def test_verify_of_what_is_damaged(self):
        """What cannot be read is a finding of verify, and no traceback."""

        async def go(account, inbox):
            await account.append("INBOX", [draft() for _ in range(60)])
            await self.house.stop()
            self.patch(schema, "CHECKED_OCTETS", 0)
            path = self.house.home() / "index.db"
            whole = got(path)
            put(path, whole[: 4096 * 20] + b"\xa5" * 4096 * 8 + whole[4096 * 28 :])
            self.assertTrue(verified(self.house))

        return self.run_with_store(go)

    def test_verify_of_what_cannot_be_opened(self):
        """A database that is set aside and made anew is a finding, once."""

        async def go(account, inbox):
            await account.append("INBOX", [draft() for _ in range(3)])
            await self.house.stop()
            path = self.house.home() / "index.db"
            put(path, b"\xa5" * len(got(path)))
            [found] = verified(self.house)
            self.assertIn("set aside as index.db.corrupt-", found)
            self.assertEqual(verified(self.house), [])

        return self.run_with_store(go)

    def test_broken_while_open(self):
        """An index that breaks while it is used is rebuilt; nobody else notices."""

        async def go(account, inbox):
            before = await self.filled(account)
            shelf = self.house.accounts._shelves.ready(ALICE)
            await shelf.run(lambda index: index.rows.execute("DROP TABLE message"))
            after = await inbox.snapshot()
            self.assertEqual(list(after.uid), list(before.uid))
            done = await account.append("INBOX", [draft()])
            self.assertGreater(done.uids[0], 5)

        return self.run_with_store(go)

    def test_flags_after_broken(self):
        """Flags are told as they are, though a rebuilt index numbers them anew."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            for uid, flag in ((2, SEEN), (1, FLAGGED)):
                _ = await inbox.store([uid], frozenset([flag]), frozenset())
            before = await inbox.snapshot()
            shelf = self.house.accounts._shelves.ready(ALICE)
            await shelf.run(tidy.finish)
            await shelf.run(lambda index: index.rows.execute("DROP TABLE message"))
            _ = await inbox.store([2], frozenset([ANSWERED]), frozenset())
            after = await inbox.snapshot()
            for seen, more in ((before, set()), (after, {ANSWERED})):
                told = [seen.table.sets[code] for code in seen.flags]
                self.assertEqual(told, [{FLAGGED}, {SEEN} | more])

        return self.run_with_store(go)

    def test_broken_after_expunge(self):
        """What was expunged a moment before is not found again then."""
        self.house.settings = Settings(names=600.0)

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([1])
            shelf = self.house.accounts._shelves.ready(ALICE)
            await shelf.run(lambda index: index.rows.execute("DROP TABLE message"))
            self.assertEqual(len((await inbox.snapshot()).uid), 1)

        return self.run_with_store(go)


class KilledTests(StoreCase):
    """Stops without a farewell."""

    def test_numbers_go_on(self):
        """After a kill numbers go on above everything that was ever given."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([2])
            before = await inbox.snapshot()
            await self.house.kill()
            account, inbox = await self.inbox()
            after = await inbox.snapshot()
            self.assertEqual(list(after.uid), [1])
            self.assertEqual(after.uidvalidity, before.uidvalidity)
            done = await account.append("INBOX", [draft()])
            self.assertGreater(done.uids[0], 1000)
            self.assertGreater((await inbox.snapshot()).modseq, before.modseq)

        return self.run_with_store(go)

    def test_stranger_first(self):
        """What a stranger left meanwhile takes no UID that an APPEND was promised."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            await self.house.kill()
            put(self.root / "new" / "2.stranger", MESSAGE)
            account, inbox = await self.inbox()
            done = await account.append("INBOX", [draft(MESSAGE, SEEN)])
            seen = await inbox.snapshot()
            self.assertEqual(len(seen.uid), 3)
            code = seen.flags[list(seen.uid).index(done.uids[0])]
            self.assertEqual(seen.table.sets[code], {SEEN})

        return self.run_with_store(go)

    def test_tmp_in_use(self):
        """What we left in ``tmp`` goes, though others' files leave it meanwhile."""
        real = os.listdir

        def listdir(path):
            names = real(path)
            return ["1.gone", *names] if path.endswith("/tmp") else names

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            await self.house.kill()
            put(self.root / "tmp" / "1.M2P3N4.host,S=9", b"unfinished")
            put(self.root / "tmp" / "1.stranger", b"of another program")
            _ = await self.inbox()
            self.patch(tidy.os, "listdir", listdir)
            await self.house.stop()
            self.assertEqual(real(self.root / "tmp"), ["1.stranger"])

        return self.run_with_store(go)

    def test_tmp_of_others(self):
        """Others' files stay there for 36 hours, whatever date of arrival they have."""

        async def go(account, inbox):
            left = self.root / "tmp" / "1.stranger"
            for age, kept in ((36 * 3600, True), (-1, False)):
                _ = await account.append("INBOX", [draft()])
                await self.house.kill()
                put(left, b"of another program")
                os.utime(left, (1, 1))
                self.patch(opening, "TMP_SECONDS", age)
                _ = await self.inbox()
                await self.house.stop()
                self.assertEqual(left.exists(), kept)
                account, _ = await self.inbox()

        return self.run_with_store(go)

    def test_verified_after(self):
        """What a kill left is sound, whether anybody opened it again or not."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            await self.house.kill()
            self.assertEqual(verified(self.house), [])

        return self.run_with_store(go)

    def test_once_without_its_row(self):
        """A delivery whose row was lost is known by its file's name."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()], once(9))
            await self.house.kill()
            (self.house.home() / "index.db").unlink()
            for suffix in ("-wal", "-shm"):
                (self.house.home() / f"index.db{suffix}").unlink(missing_ok=True)
            account, inbox = await self.inbox()
            done = await account.append("INBOX", [draft()], once(9))
            self.assertFalse(done.fresh)
            self.assertEqual((await inbox.row()).messages, 1)

        return self.run_with_store(go)

    def test_append_replayed(self):
        """An APPEND that only the journal holds is carried out, once."""

        async def go(account, inbox):
            done = await account.append("INBOX", [draft(MESSAGE, SEEN), draft()])
            await self.house.kill()
            home = self.house.home()
            for path in home.glob("index.db*"):
                path.unlink()
            for name in self.house.files():
                (home / "Maildir" / name).unlink()
            account, inbox = await self.inbox(replay=True)
            after = await inbox.snapshot()
            self.assertEqual(tuple(after.uid), done.uids)
            self.assertEqual(after.table.sets[after.flags[0]], {SEEN})
            octets = await inbox.octets(1)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)
            await self.house.kill()
            account, inbox = await self.inbox(replay=True)
            self.assertEqual((await inbox.row()).messages, 2)

        return self.run_with_store(go)

    def test_truncated_and_replayed(self):
        """A file that a power cut left empty is written again."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            _ = await account.append("INBOX", [draft()], once(3))
            await self.house.kill()
            for name in self.house.files():
                os.truncate(self.root / name, 0)
            account, inbox = await self.inbox(replay=True)
            _ = await account.append("INBOX", [draft()], once(3))
            seen = await inbox.snapshot()
            self.assertEqual(len(seen.uid), 2)
            for uid in seen.uid:
                octets = await inbox.octets(uid)
                self.assertEqual(await octets.read(0, 10**6), MESSAGE)

        return self.run_with_store(go)

    def test_zeros_and_replayed(self):
        """A file of the right size that a power cut left without octets, too."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            _ = await account.append("INBOX", [draft()], once(3))
            await self.house.kill()
            for name in self.house.files():
                path = self.root / name
                path.write_bytes(bytes(path.stat().st_size))
            account, inbox = await self.inbox(replay=True)
            _ = await account.append("INBOX", [draft()], once(3))
            seen = await inbox.snapshot()
            self.assertEqual(len(seen.uid), 2)
            for uid in seen.uid:
                octets = await inbox.octets(uid)
                self.assertEqual(await octets.read(0, 10**6), MESSAGE)

        return self.run_with_store(go)

    def test_expunged_is_not_replayed(self):
        """What was appended and expunged does not come back."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()])
            _ = await inbox.expunge([1])
            await self.house.kill()
            account, inbox = await self.inbox(replay=True)
            self.assertEqual((await inbox.row()).messages, 0)

        return self.run_with_store(go)

    def test_retired(self):
        """Memories of deliveries go with their segment."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()], once(9))
            accounts = self.house.accounts
            await accounts.evacuate(1)
            await accounts.retired(1)
            shelf = accounts._shelves.ready(ALICE)
            self.assertEqual(shelf.index.once, {})
            self.assertEqual(
                len((self.root / "dovecot-uidlist").read_text().splitlines()), 2
            )

        return self.run_with_store(go)

    def test_retired_later(self):
        """A job that outlived its segment is remembered as long as later ones."""
        self.house.journal.epochs = 5

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()], once(9))
            await self.house.accounts.retired(4)
            again = await account.append("INBOX", [draft()], once(9))
            self.assertFalse(again.fresh)
            await self.house.accounts.retired(5)
            shelf = self.house.accounts._shelves.ready(ALICE)
            self.assertEqual(shelf.index.once, {})

        return self.run_with_store(go)

    def test_asked_again_later(self):
        """Who asked again after a kill may ask once more when that segment is gone."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft()], once(9))
            await self.house.kill()
            self.house.journal.epochs = 2
            account, inbox = await self.inbox(replay=True)
            _ = await account.append("INBOX", [draft()], once(9))
            await self.house.accounts.retired(1)
            again = await account.append("INBOX", [draft()], once(9))
            self.assertFalse(again.fresh)
            self.assertEqual((await inbox.row()).messages, 1)

        return self.run_with_store(go)

    def test_retired_with_its_job_open(self):
        """What an open job delivered is known however long that stays open."""

        async def go(account, inbox):
            accounts = self.house.accounts
            asked = []

            async def pending(names):
                asked.extend(names)
                return [once(9).source]

            accounts.pending = pending
            for number in (8, 9):
                _ = await account.append("INBOX", [draft()], once(number))
            for epoch in (1, 2, 3):
                self.house.journal.epochs = epoch + 1
                await accounts.retired(epoch)
            again = await account.append("INBOX", [draft()], once(9))
            self.assertFalse(again.fresh)
            self.assertIn(once(8).source, asked)
            self.assertEqual(len(accounts._shelves.ready(ALICE).index.once), 1)

        return self.run_with_store(go)

    def test_asked_again_over_quota(self):
        """A delivery that stands needs no room when it is asked again."""

        async def go(account, inbox):
            small = await self.house.accounts.open(SMALL)
            large = draft(b"Subject: x\r\n\r\n" + b"x" * 1500)
            _ = await small.append("INBOX", [large], once(9))
            again = await small.append("INBOX", [large], once(9))
            self.assertFalse(again.fresh)
            with self.assertRaises(OverQuota):
                _ = await small.append("INBOX", [large], once(8))

        return self.run_with_store(go)

    def test_journal_fails(self):
        """An APPEND whose barrier failed leaves nothing."""

        async def go(account, inbox):
            self.house.journal.failing = True
            with self.assertRaises(OSError):
                await account.append("INBOX", [draft()])
            self.house.journal.failing = False
            self.assertEqual(self.house.files(), [])
            done = await account.append("INBOX", [draft()])
            self.assertEqual(len(done.uids), 1)

        return self.run_with_store(go)
