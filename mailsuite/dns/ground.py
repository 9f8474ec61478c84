"""What all parts of one resolver stand on: time, counters, events, settings."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, Protocol

from attrs import define, field, fields
from twisted.internet.interfaces import IDelayedCall

from mailsuite.dns.settings import DNS
from mailsuite.interfaces.events import IEvents

TICK_SECONDS = 0.05  # how late a deadline may be noticed

CALLS = 32  # that may each let a message go on, in one turn of the reactor
ENDED = 1_000  # waits that have ended and are still kept

_MEANING = "mailsuite.meaning"


def _counted(meaning: str) -> int:
    number: int = field(default=0, metadata={_MEANING: meaning})
    return number


@define(eq=False)
class Counters:
    """How often something happened since the start."""

    questions: int = _counted("names that were asked for")
    remembered: int = _counted("questions answered from memory")
    joined: int = _counted("questions that waited for somebody else's same one")
    queries: int = _counted("queries sent to servers")
    failures: int = _counted("questions that nobody answered usably")
    timeouts: int = _counted("queries that a server did not answer in time")
    truncated: int = _counted("queries sent over TCP, for UDP did not do")
    forgeries: int = _counted("datagrams that answered nothing we had asked")
    limited: int = _counted("questions refused because too many were open")

    def shown(self) -> Iterator[tuple[str, str, Callable[[], int]]]:
        """Each one's name, meaning, and how it is read."""
        for one in fields(type(self)):
            yield one.name, one.metadata[_MEANING], partial(getattr, self, one.name)


@define(eq=False)
class Soon:
    """Calls of which only some happen in one turn of the reactor, in their order."""

    _reactor: Any
    _calls: deque[Callable[[], None]] = field(factory=deque, init=False)
    _due: bool = field(default=False, init=False)

    def add(self, call: Callable[[], None]) -> None:
        """Call it soon."""
        self._calls.append(call)
        self._plan()

    def _plan(self) -> None:
        if self._calls and not self._due:
            self._due = True
            self._reactor.callLater(0, self._some)

    def _some(self) -> None:
        self._due = False
        some = [self._calls.popleft() for _ in range(min(CALLS, len(self._calls)))]
        self._plan()
        for call in some:
            call()


class Expiring(Protocol):
    """Something that ends by itself or is told that its time is over."""

    @property
    def over(self) -> bool:
        """Whether it has ended."""

    def late(self) -> None:
        """Its time is over; without effect if it has ended."""


@define(eq=False)
class Deadlines:
    """One timer for thousands of waits; those that end in time cost next to nothing."""

    _reactor: Any
    _soon: Soon
    _heap: list[tuple[float, int, Expiring]] = field(factory=list, init=False)
    _numbers: "count[int]" = field(factory=count, init=False)
    _open: int = field(default=0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)

    def add(self, seconds: float, waiting: Expiring) -> None:
        """Tell ``waiting`` when so many seconds have passed."""
        due = self._reactor.seconds() + seconds
        heapq.heappush(self._heap, (due, next(self._numbers), waiting))
        self._open += 1
        if self._timer is None:
            self._timer = self._reactor.callLater(TICK_SECONDS, self._look)

    def ended(self) -> None:
        """One of the waits needs its deadline no more."""
        self._open -= 1
        if not self._open:
            self._heap.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif len(self._heap) > ENDED + 4 * self._open:
            self._heap = [entry for entry in self._heap if not entry[2].over]
            heapq.heapify(self._heap)

    def _look(self) -> None:
        self._timer = self._reactor.callLater(TICK_SECONDS, self._look)
        now = self._reactor.seconds()
        while self._heap and self._heap[0][0] <= now:
            waiting = heapq.heappop(self._heap)[2]
            if not waiting.over:
                self._soon.add(waiting.late)


@define(eq=False)
class Ground:
    """``events`` may be None, where nobody listens."""

    reactor: Any
    settings: DNS
    events: IEvents | None = None
    counters: Counters = field(factory=Counters)
    soon: Soon = field(init=False)
    deadlines: Deadlines = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.soon = Soon(self.reactor)
        self.deadlines = Deadlines(self.reactor, self.soon)

    def happened(self, name: str, **fields: str | int | float) -> None:
        """Tell whoever listens."""
        if self.events is not None:
            self.events.happened(name, **fields)
