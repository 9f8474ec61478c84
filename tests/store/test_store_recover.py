"""APPENDs that a start could not redo for want of room."""

import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mailsuite.model.changes import Draft
from mailsuite.model.envelope import Blob
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import BlobKey
from tests.contracts.mailboxes import ALICE
from tests.store.test_store_outside import put
from tests.support.store import House

LETTER = b"Subject: promised\r\n\r\nBody\r\n"


class NoRoomTests(TestCase):
    """After a power cut took the index, and the disk is full at the start."""

    async def lost(self, blob):
        """An APPEND of which the journal alone tells, and a start on a full disk."""
        from twisted.internet import reactor

        self.house = House(reactor, self.mktemp())
        accounts = await self.house.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.house.stop()))
        account = await accounts.open(ALICE)
        _ = await account.append("INBOX", [Draft(blob)])
        await self.house.kill()
        home = self.house.home()
        for path in home.glob("index.db*"):
            path.unlink()
        (name,) = self.house.files()
        if blob.octets is None:
            base = name.partition("/")[2]
            os.rename(home / "Maildir" / name, home / "Maildir/tmp" / base)
        else:
            (home / "Maildir" / name).unlink()
        self.real = os.writev, os.rename
        self.full()
        _ = await self.house.start(replay=True)
        await self.house.accounts._tasks.settled()

    def full(self):
        """No file is written, and the first does not get from ``tmp`` to its place."""
        refused = []

        def no_room(*_):
            raise OSError(28, "No space left on device")

        def rename(source, target):
            if b"/tmp/" in os.fsencode(source) and not refused:
                refused.append(source)
                no_room()
            self.real[1](source, target)

        self.patch(os, "writev", no_room)
        self.patch(os, "rename", rename)

    def room(self):
        self.patch(os, "writev", self.real[0])
        self.patch(os, "rename", self.real[1])

    async def found(self):
        """UIDs and octets of what is there."""
        account = await self.house.accounts.open(ALICE)
        inbox = await account.mailbox("INBOX")
        seen = await inbox.snapshot()
        octets = [await inbox.octets(uid) for uid in seen.uid]
        return list(seen.uid), [await each.read(0, 10**6) for each in octets]

    async def test_small(self):
        """Its segment stays until there is room."""
        await self.lost(Blob(BlobKey("b1"), len(LETTER), LETTER))
        with self.assertRaises(NoSpace):
            await self.house.accounts.evacuate(1)
        self.assertEqual(self.house.files(), [])
        self.room()
        await self.house.accounts.evacuate(1)
        self.assertEqual((await self.found())[1], [LETTER])

    async def test_failing(self):
        """It stays as well where trying again fails for another reason."""
        real = os.listdir

        def broken(path):
            if str(path).endswith("/removed"):
                raise OSError(5, "Input/output error")
            return real(path)

        await self.lost(Blob(BlobKey("b1"), len(LETTER), LETTER))
        self.room()
        listed = self.patch(os, "listdir", broken)
        with self.assertRaises(OSError):
            await self.house.accounts.evacuate(1)
        listed.restore()
        await self.house.accounts.evacuate(1)
        self.assertEqual((await self.found())[1], [LETTER])

    async def test_later(self):
        """Where clients have seen a later UID it gets one behind that."""
        await self.lost(Blob(BlobKey("b1"), len(LETTER), LETTER))
        with self.assertRaises(NoSpace):
            await self.house.accounts.evacuate(1)
        self.room()
        account = await self.house.accounts.open(ALICE)
        other = LETTER.replace(b"promised", b"later")
        blob = Blob(BlobKey("b2"), len(other), other)
        later = await account.append("INBOX", [Draft(blob)])
        await self.house.accounts.evacuate(1)
        uids, octets = await self.found()
        self.assertEqual(octets, [other, LETTER])
        self.assertGreater(uids[1], later.uids[0])

    async def test_large(self):
        """Of a large one the only file is kept, whatever cleans ``tmp`` meanwhile."""
        path = self.mktemp()
        put(path, LETTER)
        blob = Blob(BlobKey("b3"), len(LETTER), None, path=path)
        await self.lost(blob)
        self.room()
        await self.house.accounts.evacuate(1)
        self.assertEqual((await self.found())[1], [LETTER])
