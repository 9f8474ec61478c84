"""Children serve, die, are started again, and leave no orphan."""

import os
import signal
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mailsuite.model.errors import Taken
from mailsuite.net import frames
from mailsuite.net.workers import Failed, Lost, Program, Workers
from tests.support.patience import PATIENCE_SECONDS

PARROT = "tests.support.parrot"


class FramesTests(SynchronousTestCase):
    @given(
        st.lists(
            st.tuples(st.dictionaries(st.text(), st.integers()), st.binary()),
            max_size=5,
        ),
        st.lists(st.integers(0, 400), max_size=6),
    )
    def test_any_cut(self, messages, cuts):
        """However a stream is cut, the frames in it are the same."""
        stream = b"".join(b"".join(frames.pack(h, o)) for h, o in messages)
        unpacker, found, at = frames.Unpacker(), [], 0
        for cut in [*sorted(cuts), len(stream)]:
            found += unpacker.feed(stream[at:cut])
            at = max(at, cut)
        self.assertEqual(found, messages)

    def test_limits(self):
        """A length above the limits is refused before anything is kept."""
        with self.assertRaises(frames.BadFrame):
            frames.Unpacker().feed(b"\xff" * 8)

    def test_no_object(self):
        """JSON that is no object, and what is no JSON, are bad frames."""
        for text in (b"[]", b"{", b"\xff"):
            with self.assertRaises(frames.BadFrame):
                frames.header(text)


class WorkersTests(TestCase):
    timeout = PATIENCE_SECONDS

    def workers(self, **limits):
        workers = Workers(reactor, Program(PARROT, **limits))

        async def stop():
            await workers.stop()
            self.assertEqual(workers.pids, ())

        self.addCleanup(lambda: Deferred.fromCoroutine(stop()))
        return workers

    async def test_answers(self):
        """A request's octets come back, from a process of the same priority."""
        header, octets = await self.workers().ask({"do": "echo"}, b"x" * 3_000_000)
        self.assertEqual(octets, b"x" * 3_000_000)
        self.assertNotEqual(header["pid"], os.getpid())
        self.assertEqual(header["nice"], os.nice(0))

    async def test_background(self):
        """A program for whose answers nobody waits lets everybody else go first."""
        header, _ = await self.workers(arguments=("idle",)).ask({"do": "echo"})
        self.assertGreaterEqual(header["nice"], 10)

    async def test_failure_keeps_the_child(self):
        """What the child raises is told, and the same child serves on."""
        workers = self.workers()
        first, _ = await workers.ask({"do": "echo"})
        with self.assertRaisesRegex(Failed, "no such thing"):
            await workers.ask({"do": "raise"})
        again, _ = await workers.ask({"do": "echo"})
        self.assertEqual(first["pid"], again["pid"])

    async def test_print_is_harmless(self):
        """What a library prints in the child does not break the frames."""
        workers = self.workers()
        self.assertEqual(await workers.ask({"do": "print"}), ({}, b""))

    async def test_death(self):
        """A request that kills its child is lost; the next finds a new child."""
        workers = self.workers()
        first, _ = await workers.ask({"do": "echo"})
        with self.assertRaises(Lost):
            await workers.ask({"do": "die"})
        again, _ = await workers.ask({"do": "echo"})
        self.assertNotEqual(first["pid"], again["pid"])

    async def test_killed_while_idle(self):
        """A child killed between requests is replaced and nothing is lost."""
        workers = self.workers()
        first, _ = await workers.ask({"do": "echo"})
        os.kill(first["pid"], signal.SIGKILL)
        while workers.pids:
            pause = Deferred()
            reactor.callLater(0.01, pause.callback, None)
            await pause
        again, _ = await workers.ask({"do": "echo"})
        self.assertNotEqual(first["pid"], again["pid"])

    async def test_bad_frame_kills(self):
        """A child that writes garbage is ended, its request lost."""
        with self.assertRaises(Lost):
            await self.workers().ask({"do": "garbage", "fd": 3})

    async def test_deadline(self):
        """A request that takes too long is lost and its child killed."""
        workers = self.workers(seconds=1.5)
        with self.assertRaisesRegex(Lost, "too long"):
            await workers.ask({"do": "sleep", "seconds": 60})

    async def test_bounded(self):
        """Above the bound of waiting requests the next is refused at once."""
        workers = self.workers(waiting=2)
        asked = [
            Deferred.fromCoroutine(workers.ask({"do": "echo"}, b"%d" % n))
            for n in range(3)
        ]
        with self.assertRaises(Taken):
            await workers.ask({"do": "echo"})
        answers = await gatherResults(asked)
        self.assertEqual([octets for _, octets in answers], [b"0", b"1", b"2"])

    async def test_children_share(self):
        """Several children serve at once, never more than allowed."""
        workers = self.workers(children=2)
        answers = await gatherResults(
            Deferred.fromCoroutine(workers.ask({"do": "echo"})) for _ in range(6)
        )
        self.assertEqual(len(answers), 6)
        self.assertLessEqual(len(workers.pids), 2)

    async def test_cancelled(self):
        """Who stops waiting for an answer leaves no timer behind."""
        workers = self.workers()
        asked = Deferred.fromCoroutine(workers.ask({"do": "sleep", "seconds": 0.1}))
        asked.addErrback(lambda failure: failure.trap(CancelledError))
        asked.cancel()
        await asked
        await workers.ask({"do": "echo"})

    async def test_stop(self):
        """Stopping lets the request in hand finish and loses what waits."""
        workers = self.workers()
        await workers.ask({"do": "echo"})
        running = Deferred.fromCoroutine(workers.ask({"do": "echo"}, b"last"))
        waiting = Deferred.fromCoroutine(workers.ask({"do": "echo"}))
        stopped = Deferred.fromCoroutine(workers.stop())
        with self.assertRaises(Lost):
            await waiting
        self.assertEqual((await running)[1], b"last")
        await stopped
        with self.assertRaises(Taken):
            await workers.ask({"do": "echo"})


class OrphanTests(SynchronousTestCase):
    def test_ends_with_its_parent(self):
        """A child whose parent is gone (stdin at its end) exits by itself."""
        child = subprocess.Popen(
            [sys.executable, "-m", PARROT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        child.stdin.write(b"".join(frames.pack({"do": "echo"})))
        child.stdin.close()
        self.assertEqual(child.wait(PATIENCE_SECONDS), 0)
        child.stdout.close()

    def test_broken_pipe(self):
        """A child that cannot answer any more exits without a word."""
        child = subprocess.Popen(
            [sys.executable, "-m", PARROT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        child.stdout.close()
        child.stdin.write(b"".join(frames.pack({"do": "echo"})))
        child.stdin.flush()
        self.assertEqual(child.wait(PATIENCE_SECONDS), 0)
        self.assertEqual(child.stderr.read(), b"")
        child.stdin.close()
        child.stderr.close()
