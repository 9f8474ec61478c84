"""Octets before they are in the queue (:mod:`mailsuite.queue.blobs`)."""

import os
from errno import ENOSPC

from twisted.internet import reactor
from twisted.internet.defer import Deferred as Pending
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mailsuite.interfaces.blobs import IBlobs, IBlobWriter
from mailsuite.model.errors import Damaged, NoSpace
from mailsuite.net.lanes import Lane
from mailsuite.queue import blobs
from mailsuite.queue.blobs import MEMORY_OCTETS, Blobs


def run(method):
    def test(self):
        return Pending.fromCoroutine(method(self))

    test.__doc__ = method.__doc__
    test.__name__ = method.__name__
    return test


class SpoolTests(TestCase):
    def setUp(self):
        self.folder = self.mktemp()
        self.now = 1000.0
        self.lane = Lane(reactor, "blobs")
        self.addCleanup(self.lane.stop)
        self.blobs = Blobs(self.folder, self.lane, lambda: self.now)
        self.blobs.look()

    def files(self):
        return os.listdir(f"{self.folder}/blobs")

    async def written(self, octets, step=100_000):
        writer = self.blobs.create(0)
        verifyObject(IBlobWriter, writer)
        for start in range(0, len(octets), step):
            if not writer.write(octets[start : start + step]):
                await writer.drained()
        return await writer.close()

    @run
    async def test_small(self):
        """A small message stays in memory."""
        verifyObject(IBlobs, self.blobs)
        blob = await self.written(b"x" * MEMORY_OCTETS)
        self.assertEqual(await self.blobs.content(blob), b"x" * MEMORY_OCTETS)
        self.assertEqual((self.files(), blob.path), ([], ""))

    @run
    async def test_large(self):
        """A large one is a file, whole and readable."""
        octets = os.urandom(5 << 20)
        blob = await self.written(octets)
        self.assertIsNone(blob.octets)
        self.assertEqual(blob.size, len(octets))
        self.assertEqual(await self.blobs.content(blob), octets)
        self.assertEqual(len(self.files()), 1)

    @run
    async def test_abort(self):
        """What is aborted leaves nothing behind, closed or not."""
        writer = self.blobs.create(0)
        writer.write(b"x" * (3 << 20))
        writer.abort()
        blob = await self.written(b"y" * (3 << 20))
        closed = self.blobs.create(0)
        closed.write(b"x" * (3 << 20))
        await closed.close()
        closed.abort()
        await deferLater(reactor, 0.1)
        self.assertEqual(self.files(), [os.path.basename(blob.path)])

    @run
    async def test_no_space(self):
        """A full disk is NoSpace and leaves nothing behind."""

        def full(fd, octets):
            raise OSError(ENOSPC, "full")

        self.patch(blobs, "put", full)
        with self.assertRaises(NoSpace):
            await self.written(b"x" * (4 << 20))
        await deferLater(reactor, 0.1)
        self.assertEqual(self.files(), [])

    @run
    async def test_damaged(self):
        """A file that is cut short or gone is Damaged."""
        blob = await self.written(b"x" * (2 << 20))
        os.truncate(blob.path, 100)
        with self.assertRaises(Damaged):
            await self.blobs.content(blob)
        os.unlink(blob.path)
        with self.assertRaises(Damaged):
            await self.blobs.content(blob)

    @run
    async def test_unclaimed(self):
        """Files that no job claims go after a while; claimed ones stay."""
        first = await self.written(b"x" * (2 << 20))
        second = await self.written(b"y" * (2 << 20))
        self.blobs.claim(first.path)
        self.now += 2_000
        self.assertEqual(self.blobs.stale(), [second.path])
        self.blobs.claim(first.path)
        self.assertFalse(self.blobs.release(first.path))
        self.assertTrue(self.blobs.release(first.path))
