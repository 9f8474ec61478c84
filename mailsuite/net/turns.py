"""A shorter turn for the epoll reactor, and one that ends.

Twisted gives each event a logging context of its own, six calls for every read of
a socket; nobody here looks at that context. It also serves whatever is ready in one
turn: events, then answers of threads, then timers. Here each kind has its time, and
leaves the rest to the next turn, in the same order. An event is for who had the
descriptor when it was told: another connection may have it by now. What a turn does is
otherwise the same, and failures of what it serves are logged as before.
"""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from select import EPOLLIN
from time import monotonic
from typing import Any

from attrs import define
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

SERVED_SECONDS = 0.02
"""After so long the rest waits for the next turn; what runs is not cut short."""

CALLED_SECONDS = 0.01
"""The same for answers of threads, and once more for timers."""

STEPS = 2
"""Of what asks to go on at once, as a delivery that is handed to the store, so many
are made in a turn: the next does not wait for a look at all connections."""

CANCELLED = 50  # timers that are still in the heap; more are swept out of it

_log = Logger()


@define(eq=False)
class Turns:
    """Takes over the waiting of an epoll reactor; another kind stays as it is."""

    _reactor: Any
    _seconds: Callable[[], float] = monotonic
    _left: Sequence[tuple[Any, int, int]] = ()
    """Events that were told and not served yet: whose, its descriptor, which."""

    def start(self) -> None:
        """Begin; whoever removes what is set here from the reactor ends it."""
        if isinstance(self._reactor, EPollReactor):
            vars(self._reactor)["doIteration"] = self._turn
            vars(self._reactor)["runUntilCurrent"] = self._call

    def _turn(self, delay: float | None) -> None:
        reactor, seconds = self._reactor, self._seconds
        selectables = reactor._selectables  # noqa: SLF001 - see the module
        poll = reactor._poller.poll  # noqa: SLF001 - same
        serve = reactor._doReadOrWrite  # noqa: SLF001 - same
        part = reactor._disconnectSelectable  # noqa: SLF001 - same
        events, self._left = self._left, ()
        if not events:
            wait = -1 if delay is None else delay
            told = poll(wait, max(len(selectables), 1))
            events = [(selectables.get(number), number, ev) for number, ev in told]
        until = seconds() + SERVED_SECONDS
        for served, (selectable, number, event) in enumerate(events, 1):
            if selectable is not None and selectables.get(number) is selectable:
                try:
                    if event == EPOLLIN:  # with less ado than Twisted's
                        why = selectable.doRead()
                    else:
                        why = serve(selectable, number, event)
                except BaseException as error:
                    _log.failure("a connection failed")
                    why = error
                if why:
                    part(selectable, why, isRead=True)
                if seconds() > until:
                    self._left = events[served:]
                    return

    def _call(self) -> None:
        """Call what threads asked for, and the timers that are due."""
        reactor = self._reactor
        self._of_threads(reactor.threadCallQueue)
        until = self._seconds() + CALLED_SECONDS
        for _ in range(STEPS):
            reactor._insertNewDelayedCalls()  # noqa: SLF001 - see the module
            self._of_timers(reactor._pendingTimedCalls, until)  # noqa: SLF001 - same
            if not reactor._newTimedCalls:  # noqa: SLF001 - same
                break
        if reactor._justStopped:  # noqa: SLF001 - same
            reactor._justStopped = False  # noqa: SLF001 - same
            reactor.fireSystemEvent("shutdown")

    def _of_threads(self, calls: list[Any]) -> None:
        """Make the calls that stand there now; threads add others meanwhile."""
        if not calls:
            return
        until = self._seconds() + CALLED_SECONDS
        made = 0
        for call, args, named in calls[:]:
            _safely(call, args, named)
            made += 1
            if self._seconds() > until:
                break
        del calls[:made]
        if calls:
            self._reactor.wakeUp()

    def _of_timers(self, timers: list[Any], until: float) -> None:
        """Make the calls of a heap of timers whose time has come."""
        reactor = self._reactor
        now = reactor.seconds()
        while timers and timers[0].time <= now and self._seconds() <= until:
            timer = heappop(timers)
            if timer.cancelled:
                reactor._cancellations -= 1  # noqa: SLF001 - see the module
            elif timer.delayed_time > 0:
                timer.activate_delay()
                heappush(timers, timer)
            else:
                timer.called = 1
                _safely(timer.func, timer.args, timer.kw)
        gone = reactor._cancellations  # noqa: SLF001 - same
        if gone > CANCELLED and gone > len(timers) // 2:
            reactor._cancellations = 0  # noqa: SLF001 - same
            timers[:] = [timer for timer in timers if not timer.cancelled]
            heapify(timers)


def _safely(call: Callable[..., object], args: Any, named: Any) -> None:
    try:
        call(*args, **named)
    except ReactorNotRunning:
        pass  # a second SIGTERM, or Ctrl-C again: it stops already
    except BaseException:
        _log.failure("a timer or an answer of a thread failed")
