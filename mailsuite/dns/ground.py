"""What all parts of one resolver stand on: time, counters, events, settings."""

import heapq
from itertools import count
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall

from mailsuite.dns.settings import DNS
from mailsuite.interfaces.events import IEvents

TICK_SECONDS = 0.05  # how late a deadline may be noticed


@define(eq=False)
class Counters:
    """How often something happened since the start."""

    questions: int = 0
    """That callers asked, those from the cache too."""
    remembered: int = 0
    """Answered from the cache."""
    joined: int = 0
    """That waited for the same question of somebody else."""
    queries: int = 0
    """Sent to servers."""
    failures: int = 0
    """Questions without a usable answer."""
    timeouts: int = 0
    """Queries without any answer in time."""
    truncated: int = 0
    """Asked again over TCP."""
    forgeries: int = 0
    """Datagrams that answered nothing we had asked."""
    limited: int = 0
    """Questions refused because too many are open."""


class Expiring(Protocol):
    """Something that ends by itself or is told that its time is over."""

    def late(self) -> None:
        """Its time is over; without effect if it has ended."""


@define(eq=False)
class Deadlines:
    """One timer for thousands of waits; those that end in time cost next to nothing."""

    _reactor: Any
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

    def _look(self) -> None:
        self._timer = self._reactor.callLater(TICK_SECONDS, self._look)
        now = self._reactor.seconds()
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2].late()


@define(eq=False)
class Ground:
    """``events`` may be None, where nobody listens."""

    reactor: Any
    settings: DNS
    events: IEvents | None = None
    counters: Counters = field(factory=Counters)
    deadlines: Deadlines = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.deadlines = Deadlines(self.reactor)

    def happened(self, name: str, **fields: str | int | float) -> None:
        """Tell whoever listens."""
        if self.events is not None:
            self.events.happened(name, **fields)
