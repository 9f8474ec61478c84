"""Columns that follow from a delta are those of the tables."""

from array import array

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.changes import Changed, Columns, Delta
from mailsuite.model.flags import FLAGGED, SEEN
from mailsuite.store import columns, flags, recover
from mailsuite.store.watching import Watching
from tests.contracts.mailboxes import draft
from tests.store.test_store_outside import StoreCase

NAMES = ("uid", "flags", "modseqs", "size", "date", "email")


def rows(seen):
    flags = [sorted(seen.table.sets[code]) for code in seen.flags]
    return [
        (seen.modseq, seen.uidnext),
        *zip(seen.uid, flags, seen.modseqs, seen.size, strict=True),
    ]


COLUMNS = "LLQQqQ"


def columns_of(uids):
    """Columns whose every number tells its message."""
    found = [array(kind, [n * 10 + k for n in uids]) for k, kind in enumerate(COLUMNS)]
    return Columns(5, 1, 100, None, array("L", uids), *found[1:])


class AfterTests(SynchronousTestCase):
    """Versions made of a delta."""

    @given(st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)))
    def test_gone(self, there, gone):
        """What went is left out, each column alike; who is unknown takes nothing."""
        before = columns_of(sorted(there))
        nobody = Changed(array("L"), array("L"), array("Q"))
        now = columns.after(before, Delta(6, 100, None, nobody, sorted(gone)))
        wanted = columns_of(sorted(there - gone))
        self.assertEqual(
            [list(getattr(now, name)) for name in NAMES],
            [list(getattr(wanted, name)) for name in NAMES],
        )


class VersionTests(StoreCase):
    """What is looked at after STORE and EXPUNGE."""

    def test_followed(self):
        """After STORE and EXPUNGE every session has what the tables have."""

        async def go(account, inbox):
            _ = account.watch(lambda _: None)
            _ = await account.append("INBOX", [draft() for _ in range(5)])
            seen = await inbox.snapshot()
            other = await account.mailbox("INBOX")
            for change in (
                inbox.store([2, 3], frozenset([SEEN]), frozenset()),
                inbox.store([3], frozenset([FLAGGED]), frozenset([SEEN])),
                inbox.expunge([1, 4]),
            ):
                _ = await change
                delta = await inbox.delta(seen.modseq)
                seen = await inbox.snapshot()
                self.assertEqual(seen.modseq, delta.modseq)
                self.assertIs(await other.snapshot(), seen)
                fresh = await self.fresh(account)
                self.assertEqual(rows(seen), rows(fresh))

        return self.run_with_store(go)

    def test_same(self):
        """Who sets flags that are there changes nothing, and misses no change of others."""

        async def go(account, inbox):
            _ = account.watch(lambda _: None)
            _ = await account.append("INBOX", [draft() for _ in range(3)])
            other = await account.mailbox("INBOX")
            seen, junk, none = frozenset([SEEN]), frozenset(["$Junk"]), frozenset()
            held = await inbox.snapshot()
            said = []
            for box, uids, add, drop in (
                (inbox, [1, 2], seen, none),
                (inbox, [2], seen, none),
                (inbox, [2], seen, seen),
                (inbox, [2, 3], seen, none),
                (other, [2], none, seen),
                (inbox, [2], seen, none),
                (inbox, [2], junk, none),
                (inbox, [2], none, frozenset(["$junk"])),
                (inbox, [2, 9], seen, none),
            ):
                stored = await box.store(uids, add, drop)
                held = await inbox.snapshot()
                self.assertEqual(stored.modseq, held.modseq)
                self.assertEqual(rows(held), rows(await self.fresh(account)))
                said.append((list(stored.uids), list(stored.missing)))
            wanted = [[1, 2], [], [], [3], [2], [2], [2], [2], []]
            self.assertEqual([uids for uids, _ in said], wanted)
            self.assertEqual([gone for _, gone in said], [[]] * 8 + [[9]])

        return self.run_with_store(go)

    def test_changed_while_asked(self):
        """What the lane does while a session asks what is new is news to it afterwards."""

        def quiet(_, shelf, mailbox):
            box = shelf.index.box(mailbox)
            _ = flags.store(shelf.index, box, [1], frozenset([SEEN]), frozenset())
            return True

        async def go(account, inbox):
            _ = account.watch(lambda _: None)
            _ = await account.append("INBOX", [draft()])
            seen = await inbox.snapshot()
            patched = self.patch(Watching, "quiet", quiet)
            delta = await inbox.delta(seen.modseq)
            patched.restore()
            self.assertEqual((delta.modseq, len(delta.changed)), (seen.modseq, 0))
            delta = await inbox.delta(delta.modseq)
            self.assertEqual([uid for uid, _, _ in delta.changed], [1])

        return self.run_with_store(go)

    def test_closed_meanwhile(self):
        """An account that is closed while the queue is asked is left alone."""

        async def go(account, _):
            shelf = account._shelf
            row = "INSERT INTO once VALUES ('Q', 0, 0, 1, 1, 1, 1, 1)"
            _ = await shelf.lane.run(shelf.index.rows.execute, row)
            asked = []

            async def pending(names):
                asked.extend(names)
                shelf.end()
                return ()

            await recover.forgotten(shelf, 1, pending)
            shelf.closing = False
            self.assertEqual(asked, ["Q"])
            found = await shelf.run(
                lambda index: index.rows.execute("SELECT source FROM once").fetchall()
            )
            self.assertEqual(found, [("Q",)])

        return self.run_with_store(go)

    async def fresh(self, account):
        """The columns as the tables have them."""
        box = await account.mailbox("INBOX")
        versions = box._shelf.versions
        held = dict(versions)
        versions.clear()
        try:
            return await box.snapshot()
        finally:
            versions.clear()
            versions.update(held)
