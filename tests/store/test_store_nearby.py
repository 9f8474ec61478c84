"""Messages whose files are in memory are opened without a wait, and rightly."""

import os

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import Damaged
from mailsuite.model.flags import SEEN
from mailsuite.store import nearby
from mailsuite.store.nearby import Nearby
from tests.contracts.mailboxes import MESSAGE, draft
from tests.store.test_store_outside import LINES, StoreCase


class Box:
    """As much of a mailbox as names need."""

    def __init__(self, number, messages=100):
        self.id, self.uidvalidity, self.path = number, 1, "/nowhere"
        self.messages = messages


class NearbyTests(StoreCase):
    """What the reactor opens is what the lane would open."""

    async def whole(self, inbox, uid):
        octets = await inbox.octets(uid)
        content = await octets.read(0, 10**6)
        octets.close()
        return content

    def at_once(self, inbox, uid):
        """Whether a message is opened without any wait."""
        opening = Deferred.fromCoroutine(self.whole(inbox, uid))
        known = opening.called
        return known and opening.result == MESSAGE, opening

    def test_neighbours(self):
        """After one message was read, those near it are opened at once."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft() for _ in range(5)])
            self.assertEqual(await self.whole(inbox, 2), MESSAGE)
            for uid in (1, 3, 5):
                quick, opening = self.at_once(inbox, uid)
                self.assertTrue(quick)
                await opening

        return self.run_with_store(go)

    def test_renamed(self):
        """A file that got another name is found by the lane, and known again."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft() for _ in range(3)])
            self.assertEqual(await self.whole(inbox, 1), MESSAGE)
            _ = await inbox.store([2], frozenset([SEEN]), frozenset())
            name = next(n for n in self.house.files() if n.startswith("new/"))
            os.rename(self.root / name, self.root / "cur" / f"{name[4:]}:2,")
            for _ in range(2):
                for uid in (1, 2, 3):
                    self.assertEqual(await self.whole(inbox, uid), MESSAGE)

        return self.run_with_store(go)

    def test_damaged(self):
        """A file of another size is never given, though its name is known."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft() for _ in range(2)])
            self.assertEqual(await self.whole(inbox, 1), MESSAGE)
            for name in self.house.files():
                os.truncate(self.root / name, 10)
            with self.assertRaises(Damaged):
                await inbox.octets(2)

        return self.run_with_store(go)

    def test_lines(self):
        """A file of a stranger is given with CRLF each time."""

        async def go(account, inbox):
            for number in range(2):
                path = self.root / "new" / f"170000000{number}.x.y"
                path.write_bytes(LINES)
            _ = await inbox.snapshot()
            for _ in range(2):
                for uid in (1, 2):
                    self.assertEqual(await self.whole(inbox, uid), MESSAGE)

        return self.run_with_store(go)

    def test_large(self):
        """A large message is read in pieces from its descriptor."""

        async def go(account, inbox):
            content = MESSAGE + b"x" * 100_000 + b"\r\n"
            _ = await account.append("INBOX", [draft(content) for _ in range(2)])
            for uid in (1, 2):
                self.assertEqual(await self.whole(inbox, uid), content)

        return self.run_with_store(go)

    def test_abandoned(self):
        """A message that nobody waits for any more is not left open."""

        async def go(account, inbox):
            _ = await account.append("INBOX", [draft(MESSAGE + b"x" * 100_000)])
            opening = Deferred.fromCoroutine(inbox.octets(1))
            opening.cancel()
            with self.assertRaises(CancelledError):
                await opening
            _ = await inbox.row()
            self.assertEqual(self.held(), set())

        return self.run_with_store(go)

    def held(self):
        """Message files that are open in this process."""
        numbers = os.listdir("/proc/self/fd")
        held = {os.path.realpath(f"/proc/self/fd/{number}") for number in numbers}
        return held & {os.path.realpath(self.root / n) for n in self.house.files()}


class BoundTests(SynchronousTestCase):
    def test_bounded(self):
        """The mailboxes that were read longest ago are forgotten first."""
        self.patch(nearby, "NAMES", 250)
        names = Nearby()
        rows = [(uid, f"b{uid}", "new", "", 10) for uid in range(1, 101)]
        boxes = [Box(number) for number in range(3)]
        for box in (boxes[0], boxes[1], boxes[0], boxes[2]):
            names.learn("a", box, rows)
        known = [names.knows("a", box, 1) for box in boxes]
        self.assertEqual(known, [True, False, True])
        self.assertFalse(names.knows("b", boxes[0], 1))
        names.learn("a", boxes[1], [(uid, "b", "new", "", 1) for uid in range(300)])
        self.assertFalse(names.knows("a", boxes[1], 1))

    def test_gone(self):
        """Names of messages that left do not become more and more."""
        names, box = Nearby(), Box(1, messages=20)
        for uid in range(1, 10_001, 20):
            some = range(uid, uid + 20)
            names.learn("a", box, [(n, f"b{n}", "new", "", 10) for n in some])
            self.assertTrue(all(names.knows("a", box, n) for n in some))
        known = sum(names.knows("a", box, n) for n in range(1, 10_001))
        self.assertLessEqual(known, 60)
        self.assertEqual(names._count, known)
