"""Delays that grow with failed logins, and fade by themselves.

Three things are counted apart: the address, its /64 (for IPv6) and the account
that was tried. Nobody is locked out for ever: an account that strangers guess at
is slowed, at most by :data:`ACCOUNT_SECONDS`, because a lock would let anybody
shut out its owner (CWE-307 against CWE-645).
"""

from collections.abc import Callable

from attrs import define, field, frozen

from mailsuite.net.limits import network

FREE_FAILURES = 2.0  # a mistyped password costs nobody time
FIRST_SECONDS = 1.0  # of delay after the first failure that is not free
HOST_SECONDS = 30.0  # most that an address waits
ACCOUNT_SECONDS = 5.0  # most that an account's owner may be made to wait
HALF_LIFE_SECONDS = 300.0  # half of the failures are forgotten after it
ENTRIES = 50_000  # addresses and accounts remembered; about 10 MB
DOUBLINGS = 16.0  # beyond it every delay has reached its most


@frozen
class _Score:
    """``failures`` as they stood at ``at`` (monotonic seconds)."""

    failures: float
    at: float


@define(eq=False)
class Throttle:
    """Remembers failures by a monotonic clock.

    ``clock`` gives seconds; ``entries`` bounds memory: when it is reached the
    one that failed longest ago is forgotten. ``spelled`` gives names that log into
    one account one form, or each spelling would have free failures of its own.
    """

    _clock: Callable[[], float]
    _entries: int = ENTRIES
    _spelled: Callable[[str], str] = str.lower
    _scores: dict[str, _Score] = field(factory=dict, init=False)

    def delay(self, host: str, account: str = "") -> float:
        """Seconds to wait before an attempt from ``host`` is answered."""
        waits = [self._wait(f"h{name}", HOST_SECONDS) for name in _names(host)]
        if account:
            waits.append(self._wait(f"a{self._spelled(account)}", ACCOUNT_SECONDS))
        return max(waits, default=0.0)

    def failed(self, host: str, account: str = "") -> None:
        """Count a failed login."""
        for name in _names(host):
            self._count(f"h{name}")
        if account:
            self._count(f"a{self._spelled(account)}")

    def succeeded(self, account: str) -> None:
        """Forget what the account's owner mistyped.

        The address from which it came keeps its score, or one good account of an
        attacker would clear the way to guess at all the others.
        """
        self._scores.pop(f"a{self._spelled(account)}", None)

    def _failures(self, key: str) -> float:
        score = self._scores.get(key)
        if score is None:
            return 0.0
        age = max(0.0, self._clock() - score.at)
        return float(score.failures * 0.5 ** (age / HALF_LIFE_SECONDS))

    def _wait(self, key: str, most: float) -> float:
        excess = self._failures(key) - FREE_FAILURES
        if excess <= 0:
            return 0.0
        return float(min(most, FIRST_SECONDS * 2.0 ** (min(excess, DOUBLINGS) - 1)))

    def _count(self, key: str) -> None:
        failures = min(self._failures(key) + 1.0, FREE_FAILURES + DOUBLINGS)
        self._scores.pop(key, None)
        while len(self._scores) >= self._entries:
            del self._scores[next(iter(self._scores))]
        self._scores[key] = _Score(failures, self._clock())

    def __len__(self) -> int:
        return len(self._scores)


def _names(host: str) -> tuple[str, ...]:
    if not host:
        return ()
    wide = network(host)
    return (host,) if wide == host else (host, wide)
