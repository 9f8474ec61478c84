"""Lanes: threads for blocking calls, each serving its callers in order.

A lane is one thread. Work given with the same key always runs on the same lane
and never at once, which is how SQLite connections and files are owned without
locks. Results come back to the reactor in one call for many, because a hop
between threads costs more than most of the work.

Give a lane only calls that let go of the interpreter lock (files, SQLite,
argon2): Python work over 5 ms belongs into a child process.
"""

from collections import deque
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

TOLD = 20  # results in one call; who gets one goes on for 0.2 ms or so

P = ParamSpec("P")
R = TypeVar("R")


class Runs(Protocol):
    """A thread that calls are handed to: :class:`Lane`, or none at all."""

    def run(
        self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[R]":
        """Run it; the result comes back to the caller's thread."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


class Inline:
    """Runs calls on the spot: for commands without a reactor."""

    def run(
        self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[R]":
        """Run it now."""
        return succeed(call(*args, **kwargs))

    def stop(self) -> None:
        """There is nothing to end."""


_log = Logger()

_Work = tuple[Callable[..., Any], Any, Any, "Deferred[Any] | None"]


@define(eq=False)
class Lane:
    """One thread with its queue of work; made and stopped by :class:`Lanes`.

    The reactor alone calls it, but for :meth:`put`. The thread puts a result down
    before it looks at ``_reporting``, which the reactor clears before it collects: none
    is forgotten.
    """

    _reactor: IReactorFromThreads
    _name: str
    _waiting: "SimpleQueue[_Work | None]" = field(factory=SimpleQueue)
    _done: deque[tuple["Deferred[Any]", Any]] = field(factory=deque)
    _stopping: bool = False
    _reporting: bool = False
    _thread: Thread | None = None

    def run(
        self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[R]":
        """Run ``call`` on this thread; the result or failure comes back here."""
        if self._stopping:
            raise RuntimeError(f"lane {self._name} has stopped")
        result: Deferred[R] = Deferred()
        self.put(result, call, *args, **kwargs)
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return result

    def put(
        self,
        result: "Deferred[R] | None",
        call: Callable[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """As :meth:`run`, from any thread, once something runs or ran here.

        None: nobody waits for its end.
        """
        self._waiting.put((call, args, kwargs, result))

    def _work(self) -> None:
        waiting = self._waiting
        while (work := waiting.get()) is not None:
            call, args, kwargs, result = work
            try:
                outcome: Any = call(*args, **kwargs)
            except BaseException:
                outcome = Failure()
                if result is None:
                    _log.failure("work of a lane failed", failure=outcome)
            if result is not None:
                self._done.append((result, outcome))
            del work, call, args, kwargs, result, outcome
            if self._done and not self._reporting:
                self._reporting = True
                self._reactor.callFromThread(self._report)

    def _report(self) -> None:
        self._reporting = False
        for _ in range(TOLD):
            if not self._done:
                return
            result, outcome = self._done.popleft()
            if not result.called:
                result.callback(outcome)
        if not self._reporting:
            self._reporting = True
            self._reactor.callFromThread(self._report)

    def stop(self) -> None:
        """Take no more work; what waits is still done. Blocks until it is."""
        self._stopping = True
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()
        while self._done:
            self._report()


@define(eq=False)
class Lanes:
    """So many lanes, chosen by the hash of a key."""

    _lanes: list[Lane]

    @classmethod
    def of(cls, reactor: IReactorFromThreads, name: str, count: int) -> "Lanes":
        """Make ``count`` lanes; threads start at their first work."""
        return cls([Lane(reactor, f"{name}-{n}") for n in range(count)])

    def lane(self, key: Hashable) -> Lane:
        """The lane of everything with this key."""
        return self._lanes[hash(key) % len(self._lanes)]

    def stop(self) -> None:
        """Let every lane finish what waits, and end it."""
        for lane in self._lanes:
            lane.stop()
