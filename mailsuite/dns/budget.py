"""A message's budget: so many questions and so much time, then no answer."""

from collections.abc import Coroutine, Generator, Sequence
from typing import Any, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from mailsuite.interfaces.resolving import Exchanger, IResolver, NoAnswer, Records

QUESTIONS = 60  # of one message
SECONDS = 20.0  # RFC 7208 §4.6.4 wants at least this for SPF alone

T = TypeVar("T")


@implementer(IResolver)
@define(eq=False)
class Budget:
    """Asks ``resolver`` at most ``queries`` times within ``seconds``.

    Make one for each message. The time begins now; ``clock`` is the reactor. Each
    call counts as one, also if the answer is remembered, so that a verdict does not
    depend on what others asked. Afterwards, and when a question is still open at
    the end of the time, there is no answer: a temporary failure.
    """

    _resolver: IResolver
    _clock: Any
    queries: int = QUESTIONS
    """How many are left."""
    seconds: float = SECONDS
    _until: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._until = self._clock.seconds() + self.seconds

    @property
    def spent(self) -> bool:
        """Whether nothing more can be asked."""
        return self.queries <= 0 or self._clock.seconds() >= self._until

    async def addresses(self, name: str) -> Sequence[str]:
        """Give IPv4 addresses and then IPv6 ones."""
        self._spend(name)
        return await self._bounded(self._resolver.addresses(name), name)

    async def exchangers(self, domain: str) -> Sequence[Exchanger]:
        """Give MX records, best first."""
        self._spend(domain)
        return await self._bounded(self._resolver.exchangers(domain), domain)

    async def texts(self, name: str) -> Sequence[bytes]:
        """Give TXT records."""
        self._spend(name)
        return await self._bounded(self._resolver.texts(name), name)

    async def names(self, address: str) -> Sequence[str]:
        """Give the names of an address."""
        self._spend(address)
        return await self._bounded(self._resolver.names(address), address)

    async def records(self, name: str, type: str) -> Records:  # noqa: A002
        """Give records of any type."""
        self._spend(name)
        return await self._bounded(self._resolver.records(name, type), name)

    def _spend(self, name: str) -> None:
        if self.spent:
            raise NoAnswer(f"{name}: the message's budget of questions is spent")
        self.queries -= 1

    def _bounded(
        self, work: Coroutine[Deferred[Any], Any, T], name: str
    ) -> "_Bounded[T]":
        return _Bounded(self._clock, self._until, work, name)


@define(eq=False)
class _Bounded(Generic[T]):
    """Does ``work``; what it waits for at the time ``until`` is cancelled.

    An answer that is there at once costs no timer.
    """

    _clock: Any
    _until: float
    _work: Coroutine[Deferred[Any], Any, T]
    _name: str
    _timer: IDelayedCall | None = None
    _late: bool = False

    def __await__(self) -> Generator[Deferred[Any], Any, T]:
        answer: T = yield from self
        return answer

    def __iter__(self) -> "_Bounded[T]":
        return self

    def __next__(self) -> Deferred[Any]:
        return self.send(None)

    def send(self, value: Any) -> Deferred[Any]:
        """Go on after a wait."""
        self._quiet()
        return self._watch(self._work.send(value))

    def throw(self, *error: Any) -> Deferred[Any]:
        """Go on after a wait that failed."""
        self._quiet()
        try:
            return self._watch(self._work.throw(*error))
        except CancelledError:
            if self._late:
                raise NoAnswer(f"{self._name}: no answer in time") from None
            raise

    def close(self) -> None:
        """Nobody awaits it any more."""
        self._quiet()
        self._work.close()

    def _watch(self, waiting: Deferred[Any]) -> Deferred[Any]:
        left = max(0.0, self._until - self._clock.seconds())
        self._timer = self._clock.callLater(left, self._expire, waiting)
        return waiting

    def _expire(self, waiting: Deferred[Any]) -> None:
        self._late = True
        waiting.cancel()

    def _quiet(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
