"""Counts of connections and delays after failed logins."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.net import throttle
from mailsuite.net.limits import Limits, network
from mailsuite.net.throttle import Throttle


class LimitsTests(SynchronousTestCase):
    def test_per_host(self):
        """One host gets so many, another is not touched by it."""
        limits = Limits(10, 2)
        self.assertEqual(
            [limits.admit("192.0.2.1") for _ in range(3)], [True, True, False]
        )
        self.assertTrue(limits.admit("192.0.2.2"))
        limits.leave("192.0.2.1")
        self.assertTrue(limits.admit("192.0.2.1"))

    def test_total(self):
        """All hosts together get so many; 0 is no limit."""
        limits = Limits(2, 0)
        self.assertEqual(
            [limits.admit(f"192.0.2.{n}") for n in range(3)], [True, True, False]
        )
        self.assertTrue(all(Limits(0, 0).admit("x") for _ in range(99)))

    def test_site(self):
        """An IPv6 /64 is one host, an IPv4-mapped address is IPv4."""
        limits = Limits(0, 1)
        self.assertTrue(limits.admit("2001:db8::1"))
        self.assertFalse(limits.admit("2001:db8::2"))
        self.assertTrue(limits.admit("2001:db8:0:1::2"))
        self.assertEqual(network("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(network("fe80::1%eth0"), "fe80::/64")
        self.assertEqual(network("no:address"), "no:address")

    def test_empties(self):
        """Nothing is remembered of hosts that left."""
        limits = Limits(0, 5)
        for host in ("", "192.0.2.1", "2001:db8::1"):
            limits.admit(host)
            limits.leave(host)
        self.assertEqual((limits.open, limits._hosts), (0, {}))


class ThrottleTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.throttle = Throttle(self.clock.seconds)

    def _fail(self, times, host, account=""):
        for _ in range(times):
            self.throttle.failed(host, account)

    def test_grows(self):
        """The first failures are free, then the delay doubles up to its most."""
        delays = []
        for _ in range(12):
            self.throttle.failed("192.0.2.1")
            delays.append(self.throttle.delay("192.0.2.1"))
        self.assertEqual(delays[:5], [0.0, 0.0, 1.0, 2.0, 4.0])
        self.assertEqual(delays[-1], throttle.HOST_SECONDS)

    def test_account(self):
        """An account guessed at from many addresses is slowed, but not shut."""
        for n in range(100):
            self.throttle.failed(f"192.0.2.{n}", "Anna@example.test")
        self.assertEqual(
            self.throttle.delay("198.51.100.1", "anna@example.test"),
            throttle.ACCOUNT_SECONDS,
        )
        self.assertEqual(self.throttle.delay("198.51.100.1", "bert@example.test"), 0.0)

    def test_spelled(self):
        """Spellings of one name count together, as they are told apart outside."""
        spelled = Throttle(self.clock.seconds, spelled=lambda name: name.strip("-"))
        for n in range(10):
            spelled.failed("", "anna" + "-" * n)
        self.assertEqual(spelled.delay("", "-anna"), throttle.ACCOUNT_SECONDS)
        spelled.succeeded("--anna")
        self.assertEqual(len(spelled), 0)

    def test_network(self):
        """Guesses from a whole /64 count together."""
        for n in range(50):
            self.throttle.failed(f"2001:db8::{n:x}")
        self.assertEqual(self.throttle.delay("2001:db8::ffff"), throttle.HOST_SECONDS)

    def test_fades(self):
        """With time all is forgiven."""
        self._fail(5, "192.0.2.1")
        self.clock.advance(10 * throttle.HALF_LIFE_SECONDS)
        self.assertEqual(self.throttle.delay("192.0.2.1"), 0.0)

    def test_success(self):
        """A success clears the account, never the address."""
        self._fail(9, "192.0.2.1", "a")
        self.throttle.succeeded("a")
        self.assertEqual(self.throttle.delay("", "a"), 0.0)
        self.assertGreater(self.throttle.delay("192.0.2.1"), 0.0)

    def test_bounded(self):
        """A flood of addresses does not fill the memory."""
        bounded = Throttle(self.clock.seconds, 10)
        for n in range(1000):
            bounded.failed(f"192.0.2.{n}", f"user{n}")
        self.assertEqual(len(bounded), 10)
