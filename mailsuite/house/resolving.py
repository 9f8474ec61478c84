"""The resolver of the house, and what it counts."""

from typing import Any

from mailsuite.dns.resolver import Resolver
from mailsuite.dns.settings import DNS
from mailsuite.events.record import Events


def resolver(reactor: Any, settings: DNS, events: Events) -> Resolver:
    """Make it, and show its counters beside those of the events.

    :raises UsageError: a server's address is wrong.
    """
    made = Resolver.of(reactor, settings, events)
    for name, meaning, read in made.counters.shown():
        events.counts.tally(f"dns_{name}", meaning, read)
    events.counts.gauge("dns_open", "DNS questions being asked", made.open)
    events.counts.gauge("dns_cached", "DNS answers remembered", made.remembered)
    return made
