"""Indexing waits while the reactor is busy, and never for ever."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.search.calm import (
    GOING_SECONDS,
    HELD_SECONDS,
    LOOK_SECONDS,
    Calm,
)


class CalmTests(SynchronousTestCase):
    """On a clock, with the CPU's use given."""

    def setUp(self):
        self.clock = Clock()
        self.clock.advance(1_000)
        self.cpu = 0.0
        self.calm = Calm(self.clock, lambda: self.cpu)

    def pass_time(self, share):
        self.cpu += share * LOOK_SECONDS
        self.clock.advance(LOOK_SECONDS)

    def test_a_calm_reactor_is_looked_at_once(self):
        """After one look at an idle reactor the work goes on."""
        waited = Deferred.fromCoroutine(self.calm.wait(lambda: False))
        self.assertNoResult(waited)
        self.pass_time(0.05)
        self.successResultOf(waited)

    def test_a_busy_reactor_is_waited_for(self):
        """While much is used nothing is indexed; then it goes on."""
        waited = Deferred.fromCoroutine(self.calm.wait(lambda: False))
        for _ in range(20):
            self.pass_time(0.9)
            self.assertNoResult(waited)
        self.pass_time(0.0)
        self.successResultOf(waited)

    def test_a_look_is_good_for_a_while(self):
        """Work that goes on at once is not judged by its own few milliseconds."""
        waited = Deferred.fromCoroutine(self.calm.wait(lambda: False))
        self.pass_time(0.05)
        self.successResultOf(waited)
        self.cpu += 0.001
        self.clock.advance(0.002)
        self.successResultOf(Deferred.fromCoroutine(self.calm.wait(lambda: False)))
        self.pass_time(0.9)
        self.assertNoResult(Deferred.fromCoroutine(self.calm.wait(lambda: False)))

    def test_waiting_is_bounded(self):
        """A reactor that is always busy holds the index up for a bounded time."""
        waited = Deferred.fromCoroutine(self.calm.wait(lambda: False))
        for _ in range(int(HELD_SECONDS / LOOK_SECONDS) + 1):
            self.pass_time(0.9)
        self.successResultOf(waited)

    def test_it_goes_on_for_a_while(self):
        """What was held up long gets a part of a busy reactor's time, then waits."""
        waited = Deferred.fromCoroutine(self.calm.wait(lambda: False))
        for _ in range(int(HELD_SECONDS / LOOK_SECONDS)):
            self.pass_time(0.9)
        self.successResultOf(waited)
        for _ in range(int(GOING_SECONDS / LOOK_SECONDS)):
            self.successResultOf(Deferred.fromCoroutine(self.calm.wait(lambda: False)))
            self.pass_time(0.9)
        waited = Deferred.fromCoroutine(self.calm.wait(lambda: False))
        self.assertNoResult(waited)
        self.pass_time(0.0)
        self.successResultOf(waited)

    def test_who_asks_does_not_wait(self):
        """A search that waits for the index is served at once."""
        waited = Deferred.fromCoroutine(self.calm.wait(lambda: True))
        self.successResultOf(waited)
