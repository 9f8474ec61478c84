"""A shorter turn for the epoll reactor, and one that ends.

Twisted gives each event a logging context of its own, six calls for every read of
a socket; nobody here looks at that context. It also serves whatever is ready in one
turn; here a turn that took long leaves the rest to the next one, in the same order,
so that timers and answers of threads come between. An event is for who had the
descriptor when it was told: another connection may have it by now. What a turn does is
otherwise the same, and failures of a connection's code are logged by the reactor as
before.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from attrs import define
from twisted.internet.epollreactor import EPollReactor

SERVED_SECONDS = 0.02
"""After so long the rest waits for the next turn; what runs is not cut short."""


@define(eq=False)
class Turns:
    """Takes over the waiting of an epoll reactor; another kind stays as it is."""

    _reactor: Any
    _seconds: Callable[[], float] = monotonic
    _left: Sequence[tuple[Any, int, int]] = ()
    """Events that were told and not served yet: whose, its descriptor, which."""

    def start(self) -> None:
        """Begin; whoever removes the reactor's ``doIteration`` again ends it."""
        if isinstance(self._reactor, EPollReactor):
            vars(self._reactor)["doIteration"] = self._turn

    def _turn(self, delay: float | None) -> None:
        reactor, seconds = self._reactor, self._seconds
        selectables = reactor._selectables  # noqa: SLF001 - see the module
        poll = reactor._poller.poll  # noqa: SLF001 - same
        serve = reactor._doReadOrWrite  # noqa: SLF001 - same
        events, self._left = self._left, ()
        if not events:
            wait = -1 if delay is None else delay
            told = poll(wait, max(len(selectables), 1))
            events = [(selectables.get(number), number, ev) for number, ev in told]
        until = seconds() + SERVED_SECONDS
        for served, (selectable, number, event) in enumerate(events, 1):
            if selectable is not None and selectables.get(number) is selectable:
                serve(selectable, number, event)
                if seconds() > until:
                    self._left = events[served:]
                    return
