"""What every provider of IAccounts promises, whatever lies behind it.

A mixin for trial's ``TestCase``: :meth:`provider` gives IAccounts, ``work`` runs a
coroutine to its end.
"""

from collections.abc import Coroutine
from typing import Any

from mailsuite.interfaces.journal import Position, queue_id
from mailsuite.interfaces.mailboxes import (
    AnnotationReadOnly,
    AnnotationTooLong,
    BadName,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
    TooManyAnnotations,
)
from mailsuite.mime import headers
from mailsuite.model.changes import Draft, Need
from mailsuite.model.envelope import Blob, Once
from mailsuite.model.errors import OverQuota
from mailsuite.model.flags import DELETED, FLAGGED, SEEN
from mailsuite.model.ids import AccountName, BlobKey

ALICE = AccountName("alice@example.test")
SMALL = AccountName("small@example.test")
TOLD = AccountName("told@example.test")
SMALL_OCTETS = 2_000  # quota of SMALL

MESSAGE = (
    b"From: Alice <alice@example.test>\r\nTo: bob@example.test\r\n"
    b"Subject: First\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.test>\r\n\r\nHello\r\n"
)


def draft(content: bytes = MESSAGE, *flags: str, date: float = 0.0) -> Draft:
    """A message to store; equal octets have equal keys."""
    key = BlobKey(f"k{hash(content) & 0xFFFFFFFF:x}")
    return Draft(Blob(key, len(content), content), frozenset(flags), date)


def once(number: int, recipient: int = 0) -> Once:
    """Of the delivery of some job."""
    return Once(queue_id(Position(0, 1, number * 8)), recipient)


class MailboxContract:
    """The tests. ``self.accounts`` is made in ``setUp`` of the class that mixes."""

    accounts: Any

    def work(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        raise NotImplementedError

    async def turn(self) -> None:
        """Let calls that are due now happen."""
        raise NotImplementedError

    async def alice(self):
        return await self.accounts.open(ALICE)

    async def inbox(self):
        account = await self.alice()
        return account, await account.mailbox("INBOX")

    def test_new_account(self):
        """An account has INBOX first and the folders of special use, subscribed."""

        async def go():
            account = await self.alice()
            rows = await account.mailboxes()
            self.assertEqual(rows[0].name, "INBOX")
            uses = {row.name: row.use for row in rows[1:]}
            self.assertEqual(
                uses,
                {
                    "Archive": "\\Archive",
                    "Drafts": "\\Drafts",
                    "Junk": "\\Junk",
                    "Sent": "\\Sent",
                    "Trash": "\\Trash",
                },
            )
            self.assertTrue(all(row.subscribed and row.selectable for row in rows))
            self.assertEqual(len({row.id for row in rows}), 6)
            self.assertEqual((rows[0].uidnext, rows[0].messages), (1, 0))

        self.work(go())

    def test_append_and_read(self):
        """What was appended is read back octet by octet, with flags and date."""

        async def go():
            account, inbox = await self.inbox()
            done = await account.append("inbox", [draft(MESSAGE, SEEN, date=1e9)])
            self.assertEqual((done.uids, done.fresh), ((1,), True))
            seen = await inbox.snapshot()
            self.assertEqual(list(seen.uid), [1])
            self.assertEqual(list(seen.size), [len(MESSAGE)])
            self.assertEqual(list(seen.date), [10**9])
            self.assertEqual(seen.table.sets[seen.flags[0]], {SEEN})
            octets = await inbox.octets(1)
            self.assertEqual(octets.size, len(MESSAGE))
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)
            self.assertEqual(await octets.read(5, 4), MESSAGE[5:9])
            self.assertEqual(await octets.read(len(MESSAGE), 4), b"")
            octets.close()

        self.work(go())

    def test_prefix(self):
        """A blob's prefix stands before its octets and counts in its size."""

        async def go():
            account, inbox = await self.inbox()
            prefix = b"Return-Path: <>\r\n"
            blob = Blob(BlobKey("p"), len(prefix + MESSAGE), MESSAGE, prefix)
            _ = await account.append("INBOX", [Draft(blob)])
            octets = await inbox.octets(1)
            self.assertEqual(await octets.read(0, 10**6), prefix + MESSAGE)
            at_hand = inbox.at_hand(1)
            self.assertEqual(await at_hand.read(0, 10**6), prefix + MESSAGE)
            at_hand.close()
            self.assertIsNone(inbox.at_hand(7))

        self.work(go())

    def test_octets_of_nothing(self):
        """A UID that is not there is a KeyError."""

        async def go():
            _, inbox = await self.inbox()
            with self.assertRaises(KeyError):
                await inbox.octets(7)

        self.work(go())

    def test_needs(self):
        """Stored answers come in rising order, without UIDs that are gone."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft() for _ in range(3)])
            _ = await inbox.expunge([2])
            needs = [Need.HEADER, Need.ENVELOPE, Need.STRUCTURE, Need.PARTS]
            batches = [batch async for batch in inbox.read([3, 2, 1, 9], needs)]
            self.assertEqual([list(b.uids) for b in batches], [[1, 3]])
            header = MESSAGE[: MESSAGE.index(b"Hello")]
            columns = batches[0].columns
            self.assertEqual(list(columns[Need.HEADER]), [header, header])
            self.assertIn(b'"First"', columns[Need.ENVELOPE][0])
            self.assertTrue(columns[Need.STRUCTURE][0].startswith(b'("'))
            self.assertEqual(len(columns[Need.PARTS]), 2)
            [batch] = [batch async for batch in inbox.read([1], [Need.USUAL])]
            self.assertEqual(batch.columns[Need.USUAL][0], headers.usual(header))

        self.work(go())

    def test_many_needs(self):
        """More messages than fit a batch come in several, each UID once."""

        async def go():
            account, inbox = await self.inbox()
            for _ in range(6):
                _ = await account.append("INBOX", [draft() for _ in range(200)])
            uids = []
            async for batch in inbox.read(range(1, 1201), [Need.ENVELOPE]):
                self.assertLessEqual(len(batch.uids), 500)
                uids += batch.uids
            self.assertEqual(uids, list(range(1, 1201)))

        self.work(go())

    def test_uids_rise(self):
        """UIDs are given in order and never again."""

        async def go():
            account, inbox = await self.inbox()
            one = await account.append("INBOX", [draft(), draft()])
            _ = await inbox.expunge([1, 2])
            two = await account.append("INBOX", [draft()])
            self.assertEqual((one.uids, two.uids), ((1, 2), (3,)))
            row = await inbox.row()
            self.assertEqual((row.uidnext, row.messages), (4, 1))

        self.work(go())

    def test_once(self):
        """The same action of the queue stores once, even when it was expunged."""

        async def go():
            account, inbox = await self.inbox()
            one = await account.append("INBOX", [draft()], once(1))
            two = await account.append("INBOX", [draft()], once(1))
            other = await account.append("INBOX", [draft()], once(1, 1))
            self.assertEqual((one.uids, one.fresh), ((1,), True))
            self.assertEqual((two.uids, two.fresh), ((1,), False))
            self.assertEqual(other.uids, (2,))
            _ = await inbox.expunge([1])
            again = await account.append("INBOX", [draft()], once(1))
            self.assertFalse(again.fresh)
            self.assertEqual((await inbox.row()).messages, 1)

        self.work(go())

    def test_store(self):
        """STORE tells only what changed; system flags are spelled as RFC 3501 does."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft(), draft(MESSAGE, SEEN)])
            before = await inbox.snapshot()
            done = await inbox.store([1, 2, 5], frozenset(["\\seen"]), frozenset())
            self.assertEqual((list(done.uids), list(done.missing)), ([1], [5]))
            self.assertEqual(done.since, before.modseq)
            delta = await inbox.delta(before.modseq)
            self.assertGreater(delta.modseq, before.modseq)
            self.assertEqual([uid for uid, _, _ in delta.changed], [1])
            self.assertEqual(before.table.sets[delta.changed[0][1]], {SEEN})
            self.assertIsNone(delta.added)
            none = await inbox.store([1], frozenset(), frozenset([FLAGGED]))
            self.assertEqual(list(none.uids), [])

        self.work(go())

    def test_replace(self):
        """Flags are set to exactly these."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft(MESSAGE, SEEN, "work")])
            _ = await inbox.replace([1], frozenset([DELETED, "Work"]))
            seen = await inbox.snapshot()
            self.assertEqual(seen.table.sets[seen.flags[0]], {DELETED, "work"})
            row = await inbox.row()
            self.assertEqual((row.unseen, row.deleted), (1, 1))

        self.work(go())

    def test_keyword_limit(self):
        """A mailbox has at most a thousand keywords; then nothing is done."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft()])
            many = frozenset(f"k{n}" for n in range(1000))
            _ = await inbox.store([1], many, frozenset())
            with self.assertRaises(LimitReached):
                await inbox.store([1], frozenset(["more"]), frozenset())
            seen = await inbox.snapshot()
            self.assertEqual(seen.table.sets[seen.flags[0]], many)

        self.work(go())

    def test_expunge(self):
        """What is expunged is gone at once, and a delta tells it."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft() for _ in range(4)])
            before = await inbox.snapshot()
            reading = await inbox.octets(2)
            done = await inbox.expunge([2, 3, 9])
            self.assertEqual((list(done.uids), list(done.missing)), ([2, 3], [9]))
            delta = await inbox.delta(before.modseq)
            self.assertEqual(list(delta.vanished), [2, 3])
            self.assertEqual(list((await inbox.snapshot()).uid), [1, 4])
            self.assertEqual(list(before.uid), [1, 2, 3, 4])
            self.assertEqual(await reading.read(0, 10**6), MESSAGE)
            reading.close()

        self.work(go())

    def test_delta_adds(self):
        """A delta tells new messages; what came and went is in none of its parts."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft()])
            before = await inbox.snapshot()
            _ = await account.append("INBOX", [draft(), draft(MESSAGE, SEEN)])
            _ = await inbox.expunge([2])
            _ = await inbox.store([3], frozenset([FLAGGED]), frozenset())
            delta = await inbox.delta(before.modseq)
            self.assertEqual(list(delta.added.uid), [3])
            flags = delta.added.table.sets[delta.added.flags[0]]
            self.assertEqual(flags, {SEEN, FLAGGED})
            self.assertEqual((list(delta.changed), list(delta.vanished)), ([], []))
            self.assertEqual(delta.uidnext, 4)
            nothing = await inbox.delta(delta.modseq)
            self.assertIsNone(nothing.added)
            self.assertEqual(nothing.modseq, delta.modseq)

        self.work(go())

    def test_recent(self):
        """The first session that claims gets what is recent, the next what is newer."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft(), draft()])
            self.assertEqual((await inbox.row()).recent, 2)
            self.assertEqual(await inbox.claim_recent(look=True), (1, 3))
            self.assertEqual(await inbox.claim_recent(), (1, 3))
            self.assertEqual((await inbox.row()).recent, 0)
            self.assertEqual(await inbox.claim_recent(), (3, 3))
            _ = await account.append("INBOX", [draft()])
            self.assertEqual((await inbox.row()).recent, 1)
            self.assertEqual(await inbox.claim_recent(), (3, 4))

        self.work(go())

    def test_copy(self):
        """COPY keeps flags and date and passes over UIDs that are not there."""

        async def go():
            account, inbox = await self.inbox()
            one = draft(MESSAGE, SEEN, "work", date=1e9)
            appended = await account.append("INBOX", [one, draft()])
            done = await account.transfer(inbox.id, [1, 7], "Archive", move=False)
            self.assertEqual((list(done.source), list(done.target)), ([1], [1]))
            archive = await account.mailbox("Archive")
            seen = await archive.snapshot()
            self.assertEqual(done.uidvalidity, seen.uidvalidity)
            self.assertEqual(seen.table.sets[seen.flags[0]], {SEEN, "work"})
            self.assertEqual(list(seen.date), [10**9])
            self.assertEqual(list(seen.email), [appended.emails[0]])
            octets = await archive.octets(1)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)
            self.assertEqual((await inbox.row()).messages, 2)

        self.work(go())

    def test_move(self):
        """MOVE leaves a message in the target alone."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft(), draft()])
            before = await inbox.snapshot()
            done = await account.transfer(inbox.id, [2], "Trash", move=True)
            self.assertEqual((list(done.source), list(done.target)), ([2], [1]))
            delta = await inbox.delta(before.modseq)
            self.assertEqual(list(delta.vanished), [2])
            trash = await account.mailbox("Trash")
            octets = await trash.octets(1)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)

        self.work(go())

    def test_transfer_nowhere(self):
        """A target that does not exist leaves everything as it was."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft()])
            with self.assertRaises(NoSuchMailbox):
                await account.transfer(inbox.id, [1], "Nowhere", move=True)
            self.assertEqual((await inbox.row()).messages, 1)

        self.work(go())

    def test_create(self):
        """CREATE makes the levels above; names that cannot be are refused."""

        async def go():
            account = await self.alice()
            row = await account.create("Projekte/Grün/2024.05/")
            self.assertEqual(row.name, "Projekte/Grün/2024.05")
            names = [row.name for row in await account.mailboxes()]
            self.assertIn("Projekte", names)
            self.assertIn("Projekte/Grün", names)
            for bad in ("a//b", "../x", "a/..", "x\x00", "a\r\nb", "", "/a", "y" * 300):
                with self.assertRaises(BadName):
                    await account.create(bad)
            for there in ("inbox", "Sent", "Projekte"):
                with self.assertRaises(MailboxExists):
                    await account.create(there)

        self.work(go())

    def test_rename(self):
        """RENAME takes children along and keeps ids, UIDs and mail."""

        async def go():
            account = await self.alice()
            old = await account.create("a/b")
            _ = await account.append("a/b", [draft()])
            await account.rename("a", "x/y")
            names = [row.name for row in await account.mailboxes()]
            self.assertIn("x/y/b", names)
            self.assertNotIn("a", names)
            box = await account.mailbox("x/y/b")
            row = await box.row()
            self.assertEqual((row.id, row.messages), (old.id, 1))
            self.assertEqual(row.uidvalidity, old.uidvalidity)
            octets = await box.octets(1)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)
            with self.assertRaises(NoSuchMailbox):
                await account.rename("a", "z")
            with self.assertRaises(MailboxExists):
                await account.rename("x/y", "Sent")
            with self.assertRaises(BadName):
                await account.rename("x", "x/y/z")

        self.work(go())

    def test_rename_inbox(self):
        """RENAME of INBOX moves its mail and leaves it empty (RFC 3501 §6.3.5)."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft(), draft()])
            await account.rename("INBOX", "Old")
            self.assertEqual((await inbox.row()).messages, 0)
            old = await account.mailbox("Old")
            self.assertEqual((await old.row()).messages, 2)

        self.work(go())

    def test_remove(self):
        """DELETE forgets a mailbox; a new one of its name has another validity."""

        async def go():
            account = await self.alice()
            old = await account.create("a")
            _ = await account.append("a", [draft()])
            box = await account.mailbox("a")
            await account.remove("a")
            with self.assertRaises(NoSuchMailbox):
                await account.mailbox("a")
            with self.assertRaises(NoSuchMailbox):
                await box.snapshot()
            new = await account.create("a")
            self.assertGreater(new.uidvalidity, old.uidvalidity)
            self.assertEqual(new.messages, 0)
            with self.assertRaises(BadName):
                await account.remove("INBOX")
            with self.assertRaises(NoSuchMailbox):
                await account.remove("nothing")

        self.work(go())

    def test_remove_with_children(self):
        """A mailbox with children stays as a name that cannot be selected."""

        async def go():
            account = await self.alice()
            _ = await account.create("a/b")
            _ = await account.append("a", [draft()])
            await account.remove("a")
            rows = {row.name: row for row in await account.mailboxes()}
            self.assertFalse(rows["a"].selectable)
            self.assertEqual(rows["a"].messages, 0)
            self.assertTrue(rows["a/b"].selectable)
            with self.assertRaises(NoSuchMailbox):
                await account.mailbox("a")
            with self.assertRaises(BadName):
                await account.remove("a")
            again = await account.create("a")
            self.assertEqual((again.selectable, again.messages), (True, 0))

        self.work(go())

    def test_rename_mere_name(self):
        """A mere name that was renamed is a mailbox of its own when it is made one."""

        async def go():
            account = await self.alice()
            _ = await account.create("a/b")
            await account.remove("a")
            await account.rename("a", "z")
            for name in ("z", "a"):
                row = await account.create(name)
                self.assertEqual((row.name, row.messages), (name, 0))
            _ = await account.append("z", [draft()])
            rows = {row.name: row.messages for row in await account.mailboxes()}
            self.assertEqual((rows["z"], rows["a"], rows["z/b"]), (1, 0, 0))
            await account.remove("a")
            octets = await (await account.mailbox("z")).octets(1)
            self.assertEqual(await octets.read(0, 10**6), MESSAGE)

        self.work(go())

    def test_subscriptions(self):
        """Names are subscribed whether they exist or not."""

        async def go():
            account = await self.alice()
            with self.assertRaises(BadName):
                await account.subscribe("", wanted=True)
            await account.subscribe("Nowhere", wanted=True)
            await account.subscribe("Sent", wanted=False)
            names = await account.subscriptions()
            self.assertIn("Nowhere", names)
            self.assertNotIn("Sent", names)
            rows = {row.name: row for row in await account.mailboxes()}
            self.assertFalse(rows["Sent"].subscribed)

        self.work(go())

    def test_quota(self):
        """Nothing is stored above the limit, by APPEND or by COPY."""

        async def go():
            account = await self.accounts.open(SMALL)
            room = await self.accounts.room(SMALL)
            self.assertEqual((room.octets, room.messages), (SMALL_OCTETS, None))
            big = MESSAGE + b"x" * 1_000 + b"\r\n"
            _ = await account.append("INBOX", [draft(big)])
            left = (await self.accounts.room(SMALL)).octets
            self.assertEqual(left, SMALL_OCTETS - len(big))
            with self.assertRaises(OverQuota):
                await account.append("INBOX", [draft(big)])
            inbox = await account.mailbox("INBOX")
            with self.assertRaises(OverQuota):
                await account.transfer(inbox.id, [1], "Archive", move=False)
            _ = await account.transfer(inbox.id, [1], "Archive", move=True)
            self.assertEqual((await inbox.row()).messages, 0)
            self.assertIsNone((await self.accounts.room(ALICE)).octets)

        self.work(go())

    def test_watch(self):
        """Whoever watches is told soon, not from within, and no more after its end."""

        async def go():
            account, inbox = await self.inbox()
            told = []
            end = account.watch(told.append)
            _ = await account.append("INBOX", [draft()])
            await self.turn()
            self.assertIn(inbox.id, told)
            sent = await account.mailbox("Sent")
            await account.remove("Sent")
            await self.turn()
            self.assertIn(sent.id, told)
            end()
            told.clear()
            _ = await account.append("INBOX", [draft()])
            await self.turn()
            self.assertEqual(told, [])

        self.work(go())

    def test_no_mailbox(self):
        """An append to what does not exist stores nothing."""

        async def go():
            account = await self.alice()
            with self.assertRaises(NoSuchMailbox):
                await account.append("Nowhere", [draft()])
            with self.assertRaises(NoSuchMailbox):
                await account.mailbox(99)

        self.work(go())

    def test_synced(self):
        """The ModSeq that is synced is at least that of what was done before."""

        async def go():
            account, inbox = await self.inbox()
            _ = await account.append("INBOX", [draft()])
            done = await inbox.store([1], frozenset([SEEN]), frozenset())
            self.assertGreaterEqual(await account.synced(), done.modseq)

        self.work(go())

    def test_objectid(self):
        """An id outlives renames; what is made anew under an old name gets its own."""

        async def go():
            account = await self.alice()
            row = await account.create("a/b")
            ids = {one.name: one.objectid for one in await account.mailboxes()}
            self.assertEqual(len(set(ids.values())), len(ids))
            for text in ids.values():
                self.assertRegex(text, r"^F[0-9A-Za-z_-]{1,254}\Z")
            await account.rename("a", "c")
            after = {one.name: one.objectid for one in await account.mailboxes()}
            self.assertEqual((after["c"], after["c/b"]), (ids["a"], row.objectid))
            for name in ("c", "c/b"):
                await account.remove(name)
                again = await account.create(name)
                self.assertNotIn(again.objectid, ids.values())
            await account.rename("INBOX", "Old")
            last = {one.name: one.objectid for one in await account.mailboxes()}
            self.assertEqual(last["INBOX"], ids["INBOX"])
            self.assertNotIn(last["Old"], ids.values())

        self.work(go())

    def test_annotations(self):
        """Set, replaced and removed, of a mailbox and of the account, as octets."""

        async def go():
            account = await self.alice()
            self.assertEqual(await account.annotations("INBOX"), {})
            await account.annotate(
                "inbox", {"/Shared/Comment": b"one\r\ntwo", "/private/comment": b"\0"}
            )
            await account.annotate("", {"/shared/comment": b""})
            box = await account.mailbox("INBOX")
            self.assertEqual(
                await account.annotations(box.id),
                {"/shared/comment": b"one\r\ntwo", "/private/comment": b"\0"},
            )
            self.assertEqual(await account.annotations(""), {"/shared/comment": b""})
            self.assertEqual(await account.annotations("Sent"), {})
            some = await account.annotations("INBOX", ["/PRIVATE/comment", "/shared/x"])
            self.assertEqual(some, {"/private/comment": b"\0"})
            await account.annotate(
                box.id,
                {
                    "/shared/comment": b"new",
                    "/private/comment": None,
                    "/shared/a": None,
                },
            )
            found = await account.annotations("INBOX")
            self.assertEqual(found, {"/shared/comment": b"new"})

        self.work(go())

    def test_annotations_refused(self):
        """No such mailbox, a bad name, too long, too many: nothing of it is done."""

        async def go():
            account = await self.alice()
            with self.assertRaises(NoSuchMailbox):
                await account.annotations("Nowhere")
            with self.assertRaises(NoSuchMailbox):
                await account.annotate("Nowhere", {"/shared/a": b""})
            for name in ("", "/", "/shared", "shared/a", "/shared//a", "/shared/a/"):
                with self.assertRaises(BadName):
                    await account.annotate("", {"/shared/b": b"", name: b""})
            many = {f"/shared/{n}": b"" for n in range(100)}
            with self.assertRaises(TooManyAnnotations):
                await account.annotate("INBOX", {**many, "/private/a": b""})
            with self.assertRaises(AnnotationTooLong) as caught:
                long = bytes(65_537)
                await account.annotate("INBOX", {"/shared/b": b"", "/shared/a": long})
            self.assertEqual(caught.exception.octets, 65_536)
            self.assertEqual(await account.annotations("INBOX"), {})
            self.assertEqual(await account.annotations(""), {})
            await account.annotate("INBOX", many)
            with self.assertRaises(TooManyAnnotations):
                await account.annotate("INBOX", {"/private/a": b""})
            await account.annotate("INBOX", {"/shared/1": None, "/private/a": b""})
            self.assertEqual(len(await account.annotations("INBOX")), 100)

        self.work(go())

    def test_annotations_admin(self):
        """Who runs the suite is told where the directory knows it, and not set."""

        async def go():
            account = await self.accounts.open(TOLD)
            admin, comment = "/shared/admin", "/shared/comment"
            with self.assertRaises(AnnotationReadOnly):
                await account.annotate("", {"/Shared/Admin": b"x", comment: b"y"})
            uri = b"mailto:boss@example.test"
            self.assertEqual(await account.annotations(""), {admin: uri})
            await account.annotate("", {comment: b"y"})
            found = await account.annotations("")
            self.assertEqual(found, {admin: uri, comment: b"y"})
            self.assertEqual(await account.annotations("", [comment]), {comment: b"y"})
            self.assertEqual(await account.annotations("", [admin]), {admin: uri})
            await account.annotate("INBOX", {admin: b"x"})
            self.assertEqual(await account.annotations("INBOX"), {admin: b"x"})
            other = await self.alice()
            self.assertEqual(await other.annotations(""), {})
            with self.assertRaises(AnnotationReadOnly):
                await other.annotate("", {admin: None})

        self.work(go())

    def test_annotations_copied(self):
        """To rename INBOX again and again makes no room for more annotations."""

        async def go():
            account = await self.alice()
            full = {f"/shared/{n}": bytes(65_500) for n in range(100)}
            await account.annotate("INBOX", full)
            for number in range(9):  # 6.5 MB each, 64 MiB in all
                await account.rename("INBOX", f"Old {number}")
            with self.assertRaisesRegex(LimitReached, "octets in all"):
                await account.rename("INBOX", "Old 9")
            names = {row.name for row in await account.mailboxes()}
            self.assertNotIn("Old 9", names)
            self.assertEqual(len(await account.annotations("Old 8")), 100)

        self.work(go())

    def test_annotations_follow(self):
        """They follow a rename, stay at INBOX, and go with the mailbox."""

        async def go():
            account = await self.alice()
            row = await account.create("a/b")
            await account.annotate("a", {"/shared/comment": b"a"})
            await account.annotate("a/b", {"/shared/comment": b"b"})
            await account.annotate("INBOX", {"/shared/comment": b"inbox"})
            await account.rename("a", "c")
            self.assertEqual(await account.annotations("c"), {"/shared/comment": b"a"})
            found = await account.annotations(row.id)
            self.assertEqual(found, {"/shared/comment": b"b"})
            self.assertEqual(await account.annotations("c/b"), found)
            await account.remove("c")
            self.assertEqual(await account.annotations("c"), {})
            await account.annotate("c", {"/shared/comment": b"a mere name"})
            await account.remove("c/b")
            with self.assertRaises(NoSuchMailbox):
                await account.annotations("c/b")
            _ = await account.create("c/b")
            self.assertEqual(await account.annotations("c/b"), {})
            await account.rename("INBOX", "Old")
            for name in ("INBOX", "Old"):
                found = await account.annotations(name)
                self.assertEqual(found, {"/shared/comment": b"inbox"})

        self.work(go())
