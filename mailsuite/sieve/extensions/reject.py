"""``reject`` and ``ereject`` (RFC 5429): the sender is told that nobody takes it.

Whoever delivers chooses the way: a refusal in the dialogue, a DSN, or for ``reject``
an MDN where only that keeps the words of the reason.
"""

from typing import Any

from attrs import frozen

from mailsuite.sieve.actions import FileInto, Keep, Redirect, RedirectList
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions.programs import Piped
from mailsuite.sieve.extensions.snooze import Snooze
from mailsuite.sieve.extensions.vacation import Vacation
from mailsuite.sieve.program import Step, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind

REASON_CHARACTERS = 8_000  # of a reason; what is longer is cut

_OTHERS = (Keep, FileInto, Redirect, RedirectList, Piped, Snooze, Vacation)
"""What would deliver or answer a message that is refused (RFC 5429 §2.4)."""


@frozen
class Reject:
    """Refuse the message. ``early``: ``ereject``, whose reason may lose its words."""

    reason: str
    early: bool = False
    at: int = 0

    def clashes(self, other: Any) -> str:
        """Nothing that delivers or answers, and no other refusal, beside it."""
        if isinstance(other, Reject):
            return f"the message is refused in line {other.at} already"
        if isinstance(other, _OTHERS):
            lines = sorted((self.at, other.at))
            return (
                "a message cannot be refused and delivered or answered as well"
                f" (lines {lines[0]} and {lines[1]})"
            )
        return ""


def _rejecting(bound: Bound) -> Step:
    reason = bound.value(0)
    early = bound.node.name == "ereject"

    def reject(run: Run) -> None:
        run.step()
        told = text(run, reason)[:REASON_CHARACTERS]
        run.act(Reject(told, early, bound.line))

    return reject


EXTENSIONS = tuple(
    Extension(name, commands=(CommandShape(name, _rejecting, (Kind.STRING,)),))
    for name in ("reject", "ereject")
)
