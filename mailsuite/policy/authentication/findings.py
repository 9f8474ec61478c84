"""Findings that cost DNS: shared by who asks at once, and by who asks soon after."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from mailsuite.net.tasks import Tasks

T = TypeVar("T")

PASSING_SECONDS = 2.0
"""How long a finding is remembered that DNS may change at any moment."""

OCTETS = 32 << 20
"""Of memory that the findings of one kind may take, as far as strangers fill it."""
ENTRY_OCTETS = 1_000
"""Of a finding beside its texts, about."""


@define(eq=False)
class Findings(Generic[T]):
    """At most ``entries``, each for ``seconds``; ``clock`` is monotonic.

    ``lasts`` tells findings from those that a failure of DNS left open, ``texts``
    gives what makes a finding large: a stranger's policy can make it tell a lot.
    """

    _clock: Callable[[], float]
    _tasks: Tasks
    _entries: int
    _seconds: float
    _lasts: Callable[[T], bool]
    _texts: Callable[[T], Iterable[str]]
    _known: dict[Hashable, tuple[float, T, int]] = field(factory=dict, init=False)
    _weight: int = field(default=0, init=False)
    _asked: dict[Hashable, list[Deferred[T]]] = field(factory=dict, init=False)

    def begin(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> None:
        """See to it that the finding is known, or on its way."""
        if key in self._asked or self._fresh(key) is not None:
            return
        self._asked[key] = []
        self._tasks.launch("authentication of a sender", self._ask(key, work))

    async def find(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Give the finding. :raises RuntimeError: the work failed, and was logged."""
        entry = self._fresh(key)
        if entry is None:
            self.begin(key, work)
            entry = self._fresh(key)
        if entry is not None:
            return entry[1]
        waiting: Deferred[T] = Deferred()
        if key not in self._asked:
            raise RuntimeError("the sender could not be looked at")
        self._asked[key].append(waiting)
        return await waiting

    def _fresh(self, key: Hashable) -> tuple[float, T, int] | None:
        entry = self._known.get(key)
        return entry if entry is not None and entry[0] > self._clock() else None

    async def _ask(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> None:
        found: list[T] = []
        try:
            found.append(await work())
            self._remember(key, found[0])
        finally:
            for waiting in self._asked.pop(key):
                if found and not waiting.called:
                    waiting.callback(found[0])
                elif not waiting.called:
                    waiting.errback(RuntimeError("the sender could not be looked at"))

    def _remember(self, key: Hashable, found: T) -> None:
        weight = ENTRY_OCTETS + sum(map(len, self._texts(found)))
        self._forget(key)
        while self._known and (
            len(self._known) >= self._entries or self._weight + weight > OCTETS
        ):
            self._forget(next(iter(self._known)))
        seconds = self._seconds if self._lasts(found) else PASSING_SECONDS
        self._known[key] = (self._clock() + seconds, found, weight)
        self._weight += weight

    def _forget(self, key: Hashable) -> None:
        entry = self._known.pop(key, None)
        if entry is not None:
            self._weight -= entry[2]
