"""Replays: one signed message sent to us again and again by others.

A signature stays valid whoever sends the message. Copies that SPF does not support
are counted by their signature; above the limit they are no longer taken as signed.
"""

from collections import Counter
from collections.abc import Callable

from attrs import define, evolve, field

from mailsuite.model.proofs import Result, Signature

HOUR = 3600.0
ENTRIES = 100_000
"""Signatures counted within an hour; the next hour begins early above it."""


@define(eq=False)
class Replays:
    """Counts for an hour at a time; ``clock`` is monotonic."""

    _clock: Callable[[], float]
    limit: int
    _until: float = field(default=0.0, init=False)
    _seen: Counter[tuple[str, str, str]] = field(factory=Counter, init=False)

    def demoted(self, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        """Count the passing ones; those above the limit become ``policy``."""
        if not self.limit:
            return signatures
        if self._clock() >= self._until or len(self._seen) >= ENTRIES:
            self._seen.clear()
            self._until = self._clock() + HOUR
        return tuple(map(self._one, signatures))

    def _one(self, signature: Signature) -> Signature:
        if signature.result is not Result.PASS:
            return signature
        key = (signature.domain, signature.selector, signature.begins)
        self._seen[key] += 1
        if self._seen[key] <= self.limit:
            return signature
        reason = f"replayed more than {self.limit} times within an hour"
        return evolve(
            signature,
            result=Result.POLICY,
            reason=reason,
            steps=(*signature.steps, reason),
        )
