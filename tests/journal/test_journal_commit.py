"""The whole journal on a real reactor: commits, failures, replay, checkpoints."""

import os
from glob import glob
from queue import SimpleQueue
from threading import current_thread

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mailsuite.interfaces.journal import IJournal, Kind, Record
from mailsuite.journal.generation import Generation
from mailsuite.journal.records import FIRST
from mailsuite.model.errors import Damaged, NoSpace, Taken, UsageError
from tests.support.journal import EIO, ENOSPC, Client, Events, Failing, make


def message(text, kind=Kind.MESSAGE):
    return Record(kind, (text[:3], text[3:]))


def run(method):
    """Let a coroutine be a test."""

    def test(self):
        return Deferred.fromCoroutine(method(self))

    test.__doc__ = method.__doc__
    test.__name__ = method.__name__
    return test


class Heard:
    """What the journal's thread told, and on which thread it was."""

    def __init__(self):
        self.begins, self.results = [], SimpleQueue()

    def begun(self):
        self.begins.append(current_thread().name)

    def told(self, result):
        self.results.put((current_thread().name, result))


class JournalTests(TestCase):
    def setUp(self):
        self.folder = self.mktemp()
        os.makedirs(self.folder)
        self.events = Events()

    async def open(self, client=None, **settings):
        journal = make(self.folder, events=self.events, **settings)
        await journal.start([client] if client else [])
        return journal

    async def left(self, **settings):
        """What a fresh start replays; then the journal is closed again."""
        client = Client()
        journal = await self.open(client, **settings)
        self.clean = journal.clean
        await journal.stop()
        return client.bodies

    async def crash(self, journal):
        """End as a killed process would: nothing more is written."""
        journal._checkpoints._loop.stop()
        await journal._checkpoints.stop()
        journal._committer.stop()
        journal._lane.stop()
        journal._shelf.close()
        os.close(journal._lock)

    @run
    async def test_provides(self):
        """It is the journal of the interfaces."""
        journal = await self.open()
        verifyObject(IJournal, journal)
        await journal.stop()

    @run
    async def test_committed(self):
        """What was committed is replayed after a crash, in order, in its place."""
        journal = await self.open()
        places = list(await journal.commit([message(b"one"), message(b"two2")]))
        places += await journal.commit([message(b"three")])
        self.assertEqual(journal.read(places[1]), b"two2")
        await self.crash(journal)
        client = Client()
        again = await self.open(client)
        self.assertEqual([place for place, _, _ in client.records], places)
        self.assertEqual(client.bodies, [b"one", b"two2", b"three"])
        self.assertFalse(again.clean)
        self.assertEqual(again.read(places[0]), b"one")
        await again.stop()

    @run
    async def test_many(self):
        """A thousand commits at once share barriers; each gets its own places."""
        journal = await self.open(size=8 << 20)
        texts = [b"%d" % n * 50 for n in range(2000)]
        work = [journal.commit([message(t)]) for t in texts]
        places = [place for (place,) in await gatherResults(work)]
        self.assertEqual(len(set(places)), 2000)
        self.assertEqual([journal.read(p) for p in places], texts)
        await self.crash(journal)
        self.assertEqual(sorted(await self.left(size=8 << 20)), sorted(texts))

    @run
    async def test_note(self):
        """A note is written with the next barrier, and by itself soon."""
        journal = await self.open()
        journal.note(message(b"note"))
        await journal.commit([message(b"committed")])
        journal.note(message(b"lonely"))
        while journal._committer._waiting:
            await deferLater(reactor, 0.05)
        await self.crash(journal)
        self.assertEqual(await self.left(), [b"note", b"committed", b"lonely"])

    @run
    async def test_clean(self):
        """A clean stop is known at the next start, a crash too."""
        journal = await self.open()
        await journal.commit([message(b"one")])
        await journal.stop()
        self.assertEqual(await self.left(), [b"one"])
        self.assertTrue(self.clean)

    @run
    async def test_rotation(self):
        """Full segments are retired by checkpoints and used again."""
        client = Client()
        journal = await self.open(client)
        block = bytes(10_000)
        for n in range(200):
            while True:
                try:
                    await journal.commit([message(b"%04d" % n + block)])
                    break
                except NoSpace:
                    await deferLater(reactor, 0.05)
        await journal.checkpoint()
        await journal.commit([message(b"last")])
        self.assertLessEqual(len(glob(f"{self.folder}/journal/0/*.segment")), 4)
        await self.crash(journal)
        self.assertEqual(await self.left(), [b"last"])
        evacuated = [c for c in client.calls if c[0] == "evacuate"]
        self.assertEqual(evacuated, sorted(evacuated))

    @run
    async def test_limit(self):
        """With every segment in use a commit is refused; a checkpoint frees them all."""
        client = Client(broken=OSError("not now"))
        journal = await self.open(client)
        taken = 0
        with self.assertRaises(NoSpace):
            for taken in range(200):  # noqa: B007 - how many is counted
                await journal.commit([message(bytes(10_000))])
        self.assertGreater(taken, 80)
        client.broken = None
        await journal.checkpoint()
        await journal.commit([message(b"again")])
        await self.crash(journal)
        self.assertEqual(await self.left(), [b"again"])

    @run
    async def test_crowded_by_starts(self):
        """However often it is killed, a start leaves room for what follows."""
        for _ in range(12):
            journal = await self.open(segments=8)
            _ = await journal.commit([message(b"one more")])
            self.assertLessEqual(len(journal._shelf.live), 7)
            await self.crash(journal)

    @run
    async def test_barrier(self):
        """A failed barrier fails its batch, and nothing of it is replayed."""
        disk = Failing()
        journal = await self.open(disk=disk)
        await journal.commit([message(b"before")])
        old = journal.epoch()
        disk.fail["fdatasync"] = EIO
        with self.assertRaises(OSError):
            await journal.commit([message(b"failed")])
        disk.fail.clear()
        await journal.commit([message(b"after")])
        self.assertGreater(journal.epoch(), old)
        self.assertEqual(len(self.events.named("journal.failed")), 1)
        await self.crash(journal)
        self.assertEqual(await self.left(), [b"before", b"after"])

    @run
    async def test_told_on_the_thread(self):
        """Who goes on elsewhere hears on the journal's thread that the barrier stands."""
        disk = Failing()
        journal = await self.open(disk=disk)

        async def committed(octets):
            heard = Heard()
            journal.commit_for([message(octets)], heard)
            while heard.results.empty():
                await deferLater(reactor, 0)
            return heard.begins, *heard.results.get()

        begins, name, (place,) = await committed(b"one")
        self.assertEqual((name, place.epoch), ("journal", journal.epoch()))
        self.assertEqual(begins, ["journal"])
        disk.fail["fdatasync"] = EIO
        begins, name, error = await committed(b"failed")
        self.assertEqual((name, error.errno), ("journal", EIO))
        self.assertEqual(begins, ["journal"])
        disk.fail.clear()
        _ = await committed(b"after")
        await self.crash(journal)
        self.assertEqual(await self.left(), [b"one", b"after"])

    @run
    async def test_barriers(self):
        """While the disk fails all is refused; it heals without a restart."""
        disk = Failing()
        journal = await self.open(disk=disk)
        disk.fail["fdatasync"] = EIO
        for _ in range(10):
            with self.assertRaises((OSError, NoSpace)):
                await journal.commit([message(b"failed")])
        disk.fail.clear()
        for _ in range(100):
            try:
                await journal.commit([message(b"after")])
                break
            except (OSError, NoSpace):
                await deferLater(reactor, 0.1)
        await self.crash(journal)
        self.assertEqual(await self.left(), [b"after"])

    @run
    async def test_full(self):
        """A full disk is NoSpace, and leaves no half segment behind."""
        disk = Failing()
        journal = await self.open(disk=disk)
        disk.fail["pwritev"] = ENOSPC
        with self.assertRaises(NoSpace):
            await journal.commit([message(b"failed")])
        with self.assertRaises(NoSpace):
            await journal.commit([message(b"failed")])
        disk.fail.clear()
        self.assertEqual(glob(f"{self.folder}/journal/0/*.new"), [])
        await deferLater(reactor, 1.1)
        await journal.commit([message(b"after")])
        await self.crash(journal)
        self.assertEqual(await self.left(), [b"after"])

    @run
    async def test_damage(self):
        """A damaged record is set aside and told of; the others are replayed."""
        journal = await self.open()
        places = [
            (await journal.commit([message(b"%d" % n * 100)]))[0] for n in range(5)
        ]
        await self.crash(journal)
        (path,) = glob(f"{self.folder}/journal/0/*1.segment")
        with open(path, "r+b") as file:  # noqa: ASYNC230 - a test's small file
            file.seek(places[2].offset + 30)
            file.write(b"?")
        bodies = await self.left()
        self.assertEqual([body[:1] for body in bodies], [b"0", b"1", b"3", b"4"])
        (event,) = self.events.named("journal.corrupt")
        self.assertEqual(glob(event["path"]), [event["path"]])

    @run
    async def test_lost_header(self):
        """Records whose header reads as zeros are set aside, not written over."""
        journal = await self.open()
        await journal.commit([message(b"kept")])
        await self.crash(journal)
        (path,) = glob(f"{self.folder}/journal/0/*1.segment")
        with open(path, "r+b") as file:  # noqa: ASYNC230 - a test's small file
            file.write(bytes(FIRST))
        self.assertEqual(await self.left(), [])
        (event,) = self.events.named("journal.corrupt")
        with open(event["path"], "rb") as file:  # noqa: ASYNC230 - the same
            self.assertIn(b"kept", file.read())

    @run
    async def test_zeros_inside(self):
        """A record of zeros, some octets between them, comes back whole."""
        body = bytes(3 << 20) + b"here" + bytes(5 << 20)
        journal = await self.open(size=16 << 20)
        await journal.commit([message(b"before"), message(body), message(b"after")])
        await self.crash(journal)
        bodies = await self.left(size=16 << 20)
        self.assertEqual(bodies, [b"before", body, b"after"])

    @run
    async def test_large(self):
        """A commit larger than a segment is our mistake, and harms nothing."""
        journal = await self.open()
        with self.assertRaises(UsageError):
            await journal.commit([message(bytes(300_000))])
        (place,) = await journal.commit([message(b"fits")])
        self.assertEqual(journal.read(place), b"fits")
        with self.assertRaises(Damaged):
            journal.read(type(place)(0, place.epoch, place.offset + 8))
        await journal.stop()

    @run
    async def test_epochs(self):
        """Epochs rise over restarts, so no queue id is given twice."""
        seen = []
        for _ in range(3):
            journal = await self.open()
            seen += await journal.commit([message(b"x")])
            await journal.checkpoint()
            seen += await journal.commit([message(b"x")])
            await journal.stop()
        self.assertEqual(len(set(seen)), 6)
        self.assertEqual(seen, sorted(seen))

    @run
    async def test_taken(self):
        """A second writer of the same journal is turned away."""
        journal = await self.open()
        with self.assertRaises(Taken):
            await self.open()
        await journal.stop()


class GenerationTests(TestCase):
    def setUp(self):
        self.folder = self.mktemp()
        os.makedirs(self.folder)

    def test_rises(self):
        """Each run has its number; how the last one ended is known."""
        first = Generation.begin(self.folder)
        self.assertEqual((first.number, first.clean), (1, True))
        first.finish(clean=True)
        second = Generation.begin(self.folder)
        self.assertEqual((second.number, second.clean), (2, True))
        second.finish(clean=False)
        third = Generation.begin(self.folder)
        self.assertEqual((third.number, third.clean), (3, False))
        third.finish(clean=True)

    def test_second(self):
        """A second instance is told so, and changes nothing."""
        first = Generation.begin(self.folder)
        with open(f"{self.folder}/generation") as file:
            before = file.read()
        with self.assertRaises(UsageError):
            Generation.begin(self.folder)
        with open(f"{self.folder}/generation") as file:
            self.assertEqual(file.read(), before)
        first.finish(clean=True)
