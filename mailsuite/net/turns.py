"""A shorter turn for the epoll reactor.

Twisted gives each event a logging context of its own, six calls for every read of
a socket; nobody here looks at that context. What a turn does is otherwise the
same, and failures of a connection's code are logged by the reactor as before.
"""

from typing import Any

from attrs import define
from twisted.internet.epollreactor import EPollReactor


@define(eq=False)
class Turns:
    """Takes over the waiting of an epoll reactor; another kind stays as it is."""

    _reactor: Any

    def start(self) -> None:
        """Begin; whoever removes the reactor's ``doIteration`` again ends it."""
        if isinstance(self._reactor, EPollReactor):
            vars(self._reactor)["doIteration"] = self._turn

    def _turn(self, delay: float | None) -> None:
        reactor = self._reactor
        selectables = reactor._selectables  # noqa: SLF001 - see the module
        poll = reactor._poller.poll  # noqa: SLF001 - same
        serve = reactor._doReadOrWrite  # noqa: SLF001 - same
        wait = -1 if delay is None else delay
        for number, event in poll(wait, max(len(selectables), 1)):
            selectable = selectables.get(number)
            if selectable is not None:
                serve(selectable, number, event)
