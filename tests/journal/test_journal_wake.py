"""The committer's thread is woken for every commit, however they race."""

import os

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from mailsuite.events.memory import Events
from mailsuite.interfaces.journal import Kind, Record
from mailsuite.journal.generation import Generation
from mailsuite.journal.journal import Ground, Journal
from mailsuite.journal.settings import Settings
from tests.support.patience import PATIENCE_SECONDS


class WakeTests(TestCase):
    """A commit that nobody hears of would hang its sender for ever."""

    async def test_no_commit_is_forgotten(self):
        """Thousands of commits in lock step from a few callers all return."""
        folder = self.mktemp()
        os.makedirs(folder)
        generation = Generation.begin(folder)
        journal = Journal(
            Ground(folder, generation.number, reactor, (folder,)),
            Events(),
            Settings(segment_octets=1 << 22),
        )
        await journal.start([])
        record = Record(Kind.MESSAGE, (b"x" * 100,))

        async def caller():
            for _ in range(2_000):
                _ = await journal.commit([record])
                journal.note(record)

        callers = [Deferred.fromCoroutine(caller()) for _ in range(5)]
        _ = await gatherResults(callers)
        await journal.stop()
        generation.finish(clean=True)

    test_no_commit_is_forgotten.timeout = PATIENCE_SECONDS
