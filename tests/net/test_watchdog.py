"""The watchdog sees a turn that burns CPU, and lets the others pass."""

from time import thread_time

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net.watchdog import Lag, Watchdog


class Turning:
    """A reactor reduced to its loop: each turn does the next piece of work."""

    def __init__(self, work):
        self.work = work

    def doIteration(self, delay):
        if self.work:
            self.work.pop(0)()

    def run(self):
        while self.work:
            self.doIteration(None)
        self.doIteration(None)


def burn(seconds):
    end = thread_time() + seconds
    while thread_time() < end:
        pass


class WatchdogTests(SynchronousTestCase):
    def test_a_long_turn_is_reported(self):
        """A turn over the limit is reported with the CPU it took, others are not."""
        seen = []
        reactor = Turning([lambda: None, lambda: burn(0.03), lambda: None])
        dog = Watchdog(reactor, seen.append, 0.02)
        dog.start()
        reactor.run()
        dog.stop()
        self.assertEqual(len(seen), 1)
        self.assertGreater(seen[0], 0.02)
        self.assertEqual(dog.worst, seen[0])

    def test_stopping_restores_the_reactor(self):
        """After ``stop`` no turn is measured."""
        reactor = Turning([])
        dog = Watchdog(reactor, lambda took: None)
        dog.start()
        dog.stop()
        reactor.run()
        self.assertEqual(dog.worst, 0.0)

    def test_another_loop(self):
        """A reactor whose turns cannot be seen is left alone."""
        reactor = object()
        dog = Watchdog(reactor, lambda took: None)
        dog.start()
        self.assertEqual(dog.worst, 0.0)


class LagTests(SynchronousTestCase):
    def test_late_timers(self):
        """The worst delay since the last question is told, and then forgotten."""
        clock = Clock()
        lag = Lag(clock)
        lag.start()
        clock.advance(1.0)
        self.assertEqual(lag.worst(), 0.0)
        clock.advance(1.25)
        self.assertEqual(lag.worst(), 0.25)
        clock.advance(1.0)
        self.assertEqual(lag.worst(), 0.0)
        lag.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_late_now(self):
        """A timer that has not come yet counts too."""
        clock = Clock()
        lag = Lag(clock)
        lag.start()
        clock.rightNow += 3.0
        self.assertEqual(lag.worst(), 2.0)
        lag.stop()
