"""Columns that follow from a delta are those of the tables."""

from mailsuite.model.flags import FLAGGED, SEEN
from tests.contracts.mailboxes import draft
from tests.store.test_store_outside import StoreCase


def rows(columns):
    flags = [sorted(columns.table.sets[code]) for code in columns.flags]
    return [
        (columns.modseq, columns.uidnext),
        *zip(columns.uid, flags, columns.modseqs, columns.size, strict=True),
    ]


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
