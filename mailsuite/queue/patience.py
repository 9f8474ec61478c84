"""One timer for all who wait for an outcome.

LMTP waits for every recipient, and nearly every wait ends long before its time: a
timer for each would fill the reactor's heap with timers that were cancelled.
"""

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Outcome
from mailsuite.queue.ledger import Outcomes


@define(eq=False)
class Patience:
    """Looks when the first of those who wait now would have waited long enough."""

    _clock: IReactorTime
    _outcomes: Outcomes
    _timer: IDelayedCall | None = None

    def wait(self, name: QueueId, n: int, within: float) -> "Deferred[Outcome | None]":
        """Fires with a recipient's outcome; None if it is open after these seconds."""
        until = self._clock.seconds() + within
        self._look_at(until)
        return self._outcomes.wait(name, n, until)

    def _look_at(self, until: float) -> None:
        timer, after = self._timer, max(0.0, until - self._clock.seconds())
        if timer is None:
            self._timer = self._clock.callLater(after, self._look)
        elif until < timer.getTime():
            timer.reset(after)

    def _look(self) -> None:
        self._timer = None
        self._outcomes.give_up(self._clock.seconds())
        following = self._outcomes.following
        if following is not None:
            self._look_at(following)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
