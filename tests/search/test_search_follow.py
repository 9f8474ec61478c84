"""Whose index is brought up to date first, and what waits."""

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.events.memory import Events
from mailsuite.search.calm import LOOK_SECONDS
from mailsuite.search.follow import Follower
from mailsuite.search.settings import Search
from tests.support.changes import Changes


@define
class Steps:
    """Batches that tell whose they were; each account has so many."""

    settings: Search = field(factory=Search)
    left: dict = field(factory=dict)
    made: list = field(factory=list)

    async def batch(self, account, _):
        self.made.append(account)
        self.left[account] = self.left.get(account, 1) - 1
        return self.left[account] > 0


class FollowerTests(SynchronousTestCase):
    """On a clock; the reactor's first look is always a busy one."""

    def setUp(self):
        self.clock, self.steps = Clock(), Steps()
        self.clock.advance(1_000)
        self.follower = Follower(
            self.clock, Changes(self.mktemp()), Events(), self.steps
        )

    def wake(self, *accounts):
        for account in accounts:
            self.follower.wake(account)
        self.clock.advance(self.steps.settings.settle_seconds)
        self.assertEqual(self.steps.made, [])

    def test_in_turns(self):
        """A batch of each, as they changed, until all are done."""
        self.steps.left = {"a": 2}
        self.wake("a", "b")
        self.clock.pump([LOOK_SECONDS] * 6)
        self.assertEqual(self.steps.made, ["a", "b", "a"])

    def test_one_look_is_good_for_many(self):
        """Accounts with little to do are gone through without a look for each."""
        accounts = [f"u{number}" for number in range(50)]
        self.wake(*accounts)
        self.clock.pump([LOOK_SECONDS] * 2)
        self.assertEqual(self.steps.made, accounts)

    def test_who_gave_up_is_not_kept(self):
        """A search that waited long enough, or went, leaves nothing behind."""
        self.wake("a")
        late = Deferred.fromCoroutine(self.follower.settled("a", LOOK_SECONDS / 2))
        gone = Deferred.fromCoroutine(self.follower.settled("a", 5.0))
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.clock.advance(LOOK_SECONDS / 2)
        self.successResultOf(late)
        self.assertEqual(self.follower._known["a"].waiting, [])

    def test_who_is_asked_for_goes_first(self):
        """A search hurries the account that it is for, whoever else is waiting."""
        self.wake("a", "b")
        settled = Deferred.fromCoroutine(self.follower.settled("b", 5.0))
        self.clock.pump([LOOK_SECONDS] * 4)
        self.successResultOf(settled)
        self.assertEqual(self.steps.made, ["b", "a"])

    def test_who_was_asked_for_takes_turns(self):
        """An account goes first only as long as somebody waits for it."""
        self.steps.left = {"b": 3}
        self.wake("a", "b")
        settled = Deferred.fromCoroutine(self.follower.settled("b", LOOK_SECONDS / 2))
        self.clock.advance(LOOK_SECONDS / 2)
        self.successResultOf(settled)
        self.clock.pump([LOOK_SECONDS] * 8)
        self.assertEqual(self.steps.made, ["b", "a", "b", "b"])
