"""The budget of a message."""

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailsuite.dns.budget import Budget
from mailsuite.dns.memory import Table
from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName


@define(eq=False)
class Hanging(Table):
    """Answers texts when ``waits`` fire."""

    waits: list = field(factory=list)

    async def texts(self, name):
        for _ in range(2):
            self.waits.append(Deferred())
            await self.waits[-1]
        return [b"late"]


class BudgetTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()

    def _ask(self, awaitable):
        async def run():
            return await awaitable

        return Deferred.fromCoroutine(run())

    def test_provides(self):
        """It is a resolver, and says what its resolver says."""
        table = Table(hosts={"a.test": ["192.0.2.1"]})
        budget = Budget(table, self.clock)
        self.assertTrue(verifyObject(IResolver, budget))
        found = self.successResultOf(self._ask(budget.addresses("a.test")))
        self.assertEqual(found, ["192.0.2.1"])
        self.failureResultOf(self._ask(budget.texts("b.test")), NoSuchName)
        self.assertEqual(budget.queries, 58)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_questions(self):
        """After so many questions there is no answer."""
        budget = Budget(Table(hosts={"a.test": ["192.0.2.1"]}), self.clock, queries=2)
        for _ in range(2):
            self.successResultOf(self._ask(budget.addresses("a.test")))
        self.assertTrue(budget.spent)
        for ask in (budget.addresses, budget.exchangers, budget.texts, budget.names):
            self.failureResultOf(self._ask(ask("a.test")), NoAnswer)
        self.failureResultOf(self._ask(budget.records("a.test", "A")), NoAnswer)

    def test_late(self):
        """An open question ends with the time, and later ones are not asked."""
        slow = Hanging()
        budget = Budget(slow, self.clock, seconds=3)
        asked = self._ask(budget.texts("a.test"))
        self.clock.advance(2)
        slow.waits[0].callback(None)
        self.assertNoResult(asked)
        self.clock.advance(1)
        self.failureResultOf(asked, NoAnswer)
        self.failureResultOf(self._ask(budget.texts("a.test")), NoAnswer)
        self.assertEqual(len(slow.waits), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_in_time(self):
        """An answer in time leaves no timer behind."""
        slow = Hanging()
        asked = self._ask(Budget(slow, self.clock).texts("a.test"))
        for n in range(2):
            slow.waits[n].callback(None)
        self.assertEqual(self.successResultOf(asked), [b"late"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failing(self):
        """What the resolver raises after a wait comes through."""
        slow = Hanging()
        asked = self._ask(Budget(slow, self.clock).texts("a.test"))
        slow.waits[0].errback(NoSuchName("a.test"))
        self.failureResultOf(asked, NoSuchName)

    def test_cancelled(self):
        """Who gives up from outside is not told that there was no answer."""
        slow = Hanging()
        asked = self._ask(Budget(slow, self.clock).texts("a.test"))
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
