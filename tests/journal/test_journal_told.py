"""Results of commits are told in their order, in turns, and segments after them."""

import os
from itertools import pairwise

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import TestCase

from mailsuite.interfaces.journal import Kind, Record
from mailsuite.journal import committer
from tests.support.journal import make

COMMITS = 3_000
RECORD = Record(Kind.MESSAGE, (b"x" * 2_000,))


class ToldTests(TestCase):
    async def commits(self, look):
        """Positions of many commits of one turn; ``look(journal, told)`` between."""
        folder, told = self.mktemp(), []
        os.makedirs(folder)
        journal = make(folder, size=1 << 20, segments=16)
        await journal.start([])
        looks = LoopingCall(look, journal, told)
        looks.clock = reactor
        running = looks.start(0)

        async def one():
            told.extend(await journal.commit([RECORD]))

        _ = await gatherResults([Deferred.fromCoroutine(one()) for _ in range(COMMITS)])
        looks.stop()
        await running
        await journal.stop()
        return told

    async def test_no_result_comes_after_its_segment_counts_as_told(self):
        """What a checkpoint goes by never runs ahead of the results."""
        seen = []

        def look(journal, told):
            seen.append((len(told), journal._committer.told()))

        told = await self.commits(look)
        self.assertEqual(told, sorted(told, key=lambda at: (at.epoch, at.offset)))
        for number, epoch in seen:
            late = [at for at in told[number:] if at.epoch < epoch]
            self.assertEqual(late, [])
        self.assertGreater(len({epoch for _, epoch in seen}), 2)

    async def test_many_results_take_several_turns(self):
        """A batch of thousands leaves room for others between its results."""
        seen = []
        _ = await self.commits(lambda _, told: seen.append(len(told)))
        steps = [after - before for before, after in pairwise(seen)]
        self.assertLessEqual(max(steps), 2 * committer.TOLD)
