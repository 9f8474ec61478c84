"""What every provider of ISnoozed promises, over the accounts it belongs to."""

from typing import Any

from mailsuite.interfaces.journal import Position, queue_id
from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob, Once
from mailsuite.model.ids import AccountName, BlobKey
from mailsuite.model.snooze import Terms

ALICE = AccountName("alice@example.test")
BOB = AccountName("bob@example.test")
TERMS = Terms(1_000.0, "Work", True, "\\Archive", "F1", ("\\Seen",), ("Blue",))


def once(number: int) -> Once:
    """Of some job's delivery."""
    return Once(queue_id(Position(0, 1, number * 8)), 1, 7)


def at(until: float) -> Terms:
    return Terms(until)


class Snoozing:
    """What tests do with ``snoozed`` and its ``accounts``."""

    accounts: Any
    snoozed: Any

    async def stored(self, number, account=ALICE):
        """Put a message into Archive; gives its mailbox and UID."""
        octets = b"Subject: %d\r\n\r\n" % number
        blob = Blob(BlobKey(f"k{number}"), len(octets), octets)
        opened = await self.accounts.open(account)
        done = await opened.append("Archive", [Draft(blob)], once(number))
        opened.close()
        return done.mailbox, done.uids[0]

    async def added(self, number, terms, account=ALICE):
        where = await self.stored(number, account)
        return await self.snoozed.add(account, *where, once(number), terms)

    async def due(self, now=2_000.0, account=ALICE, limit=10):
        found = await self.snoozed.due(account, now, limit)
        return [row.source for row in found]


class SnoozingContract(Snoozing):
    """The tests; ``work`` makes accounts and runs them."""

    def work(self, coroutine):
        raise NotImplementedError

    def test_due(self):
        """A message is due at its time, as it was added, until it is forgotten."""

        async def go():
            self.assertIsNone(await self.snoozed.next())
            where = await self.stored(1)
            self.assertTrue(await self.snoozed.add(ALICE, *where, once(1), TERMS))
            self.assertEqual(await self.snoozed.next(), 1_000.0)
            self.assertEqual(await self.due(999.0), [])
            (row,) = await self.snoozed.due(ALICE, 1_000.0, 10)
            self.assertEqual((row.mailbox, row.uid), where)
            self.assertEqual((row.source, row.terms), (once(1), TERMS))
            self.assertEqual(await self.due(), [once(1)])
            await self.snoozed.forget(ALICE, [row.key])
            self.assertEqual(await self.due(), [])
            self.assertIsNone(await self.snoozed.next())

        self.work(go())

    def test_order(self):
        """The first ones come first, no more than were asked for."""

        async def go():
            for number, until in ((1, 30.0), (2, 10.0), (3, 20.0), (4, 9_000.0)):
                await self.added(number, at(until))
            self.assertEqual(await self.due(limit=2), [once(2), once(3)])
            self.assertEqual(await self.due(), [once(2), once(3), once(1)])
            rows = await self.snoozed.due(ALICE, 2_000.0, 10)
            await self.snoozed.forget(ALICE, [row.key for row in rows])
            self.assertEqual(await self.due(), [])
            self.assertEqual(await self.snoozed.next(), 9_000.0)

        self.work(go())

    def test_accounts(self):
        """Accounts that are due are known, and how many will be."""

        async def go():
            self.assertEqual(await self.snoozed.waiting(), 0)
            await self.added(1, at(50.0))
            await self.added(2, at(20.0), BOB)
            await self.added(3, at(70.0), BOB)
            self.assertEqual(await self.snoozed.waiting(), 2)
            self.assertEqual(await self.snoozed.next(), 20.0)
            self.assertEqual(await self.snoozed.accounts(10.0, 9), [])
            self.assertEqual(await self.snoozed.accounts(20.0, 9), [BOB])
            self.assertEqual(await self.snoozed.accounts(50.0, 9), [BOB, ALICE])
            self.assertEqual(await self.snoozed.accounts(50.0, 1), [BOB])

        self.work(go())

    def test_same_source(self):
        """An action that is repeated counts once, with what it says last."""

        async def go():
            where = await self.stored(1)
            for until in (50.0, 10.0, 30.0):
                await self.snoozed.add(ALICE, *where, once(1), at(until))
            self.assertEqual(await self.due(29.0), [])
            self.assertEqual(await self.due(30.0), [once(1)])
            self.assertEqual(await self.snoozed.waiting(), 1)

        self.work(go())

    def test_gone(self):
        """What was expunged or moved is forgotten; so is what went before."""

        async def go():
            for number in (1, 2, 3):
                await self.added(number, at(float(number)))
            account = await self.accounts.open(ALICE)
            box = await account.mailbox("Archive")
            first, second, _ = (await box.snapshot()).uid
            await box.expunge([first])
            moved = await account.transfer(box.id, [second], "Trash", move=True)
            self.assertEqual(await self.due(), [once(3)])
            trash = await account.mailbox("Trash")
            await account.transfer(trash.id, moved.target, box.id, move=True)
            self.assertEqual(await self.due(), [once(3)])
            self.assertFalse(
                await self.snoozed.add(ALICE, box.id, first, once(1), TERMS)
            )
            await account.remove("Archive")
            self.assertEqual(await self.due(), [])
            self.assertEqual(await self.snoozed.waiting(), 0)
            account.close()

        self.work(go())

    def test_nobody(self):
        """An account that is not there has nothing, and is not made."""

        async def go():
            self.assertEqual(await self.due(account=AccountName("no@example.test")), [])

        self.work(go())
