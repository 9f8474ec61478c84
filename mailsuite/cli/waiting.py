"""Commands that wait for the network: one piece of work on a reactor of its own."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def waited(work: Callable[[Any], Coroutine[Deferred[Any], Any, T]]) -> T:
    """Run ``work``, which is given the reactor, to its end; once in a process."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - the doorstep

    results: list[Any] = []
    process: Any = reactor

    def ended(result: object) -> None:
        results.append(result)
        process.callWhenRunning(process.stop)

    def begin() -> None:
        _ = Deferred.fromCoroutine(work(process)).addBoth(ended)

    process.callWhenRunning(begin)
    process.run()
    (result,) = results
    if isinstance(result, Failure):
        result.raiseException()
    found: T = result
    return found
