"""Results: nobody speaks in our name about who sent a message (RFC 8601 §5).

For ways in where senders prove themselves by a password: nothing is judged there,
but what claims to be our finding goes all the same.
"""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.receiving import IContentStage, IView, IWatch
from mailsuite.mailauth import results
from mailsuite.model.ids import QueueId
from mailsuite.model.verdicts import PROCEED, Phase, Verdict
from mailsuite.policy.authentication.case import without


@implementer(IWatch)
@define(eq=False, repr=False)
class Cleaning:
    """One message."""

    _name: str

    def header(self, header: bytes) -> bytes:
        """Give the header without forged results."""
        return without(header, results.forged(header, self._name))

    def body(self, block: bytes) -> None:
        """Look at nothing."""

    def accepted(self, ident: QueueId) -> None:
        """Tell nobody."""


@implementer(IContentStage)
@define(eq=False, repr=False)
class Results:
    """Asked in no phase; ``name`` is ours in Authentication-Results."""

    _name: str
    phases: frozenset[Phase] = field(default=frozenset(), init=False)

    def watch(self, view: IView) -> IWatch | None:
        """Clean every message."""
        return Cleaning(self._name)

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Object to nothing."""
        return PROCEED
