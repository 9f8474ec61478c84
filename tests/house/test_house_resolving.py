"""The house shows what its resolver counts."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.dns.settings import DNS
from mailsuite.events.record import Events
from mailsuite.events.sink import Sink
from mailsuite.house.resolving import resolver


class CountersTests(SynchronousTestCase):
    def test_shown(self):
        """Every counter is on the metrics page, also after a reload."""
        clock = Clock()
        events = Events(lambda: 0.0, Sink.to(clock, clock, self.mktemp))
        made = resolver(clock, DNS(servers=("127.0.0.1",)), events)
        made.reload(DNS(servers=("127.0.0.2",)))
        made.counters.timeouts += 3
        text = events.counts.text().decode()
        for name, *_ in made.counters.shown():
            self.assertIn(f"# TYPE mailsuite_dns_{name}_total counter", text)
        self.assertIn("mailsuite_dns_timeouts_total 3.0", text)
        self.assertIn("mailsuite_dns_open 0.0", text)
        self.assertIn("mailsuite_dns_cached 0.0", text)
