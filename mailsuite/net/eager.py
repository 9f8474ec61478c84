"""Coroutines that run at once and cost a Deferred only if they have to wait.

``Deferred.fromCoroutine`` costs about 10 microseconds. A door that starts a
coroutine for each read pays them only for the reads that wait for something.
"""

from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred

from mailsuite.net.tasks import Tasks

Work = Coroutine[Deferred[Any], Any, None]


def run(tasks: Tasks, what: str, work: Work) -> None:
    """Run ``work`` up to its first wait; if there is one, ``tasks`` keep it.

    What it raises before its first wait is raised here.
    """
    try:
        waiting = work.send(None)
    except StopIteration:
        return
    tasks.launch(what, _rest(work, waiting))


async def _rest(work: Work, waiting: Deferred[Any]) -> None:
    await _Begun(work, waiting)


@define(eq=False, repr=False)
class _Begun:
    """A coroutine that stands at its first wait, as something to await."""

    _work: Work
    _waiting: Deferred[Any] | None

    def __await__(self) -> Generator[Deferred[Any], Any, None]:
        return self  # type: ignore[return-value]  # has all that await calls

    def __iter__(self) -> "_Begun":
        return self

    def __next__(self) -> Deferred[Any]:
        waiting, self._waiting = self._waiting, None
        return self._work.send(None) if waiting is None else waiting

    def send(self, value: Any) -> Deferred[Any]:
        """Go on after a wait."""
        return self._work.send(value)

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> Deferred[Any]:
        """Go on after a wait that failed."""
        error = value if isinstance(value, BaseException) else kind
        return self._work.throw(error)

    def close(self) -> None:
        """End it where it stands."""
        self._work.close()
