"""Loops: too many Received fields (RFC 5321 §6.3)."""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.receiving import IStage, IView
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Refuse, Verdict
from mailsuite.policy.head import count

LOOP = Refuse(Reply(554, "5.4.6", "Too many hops: the message loops"))


@implementer(IStage)
@define(eq=False, repr=False)
class Loops:
    """Refuses more than so many Received fields; RFC 5321 says at least 100 pass."""

    _fields: int
    phases: frozenset[Phase] = field(default=frozenset({Phase.MESSAGE}), init=False)

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Count them."""
        return LOOP if count(view.header, b"received") > self._fields else PROCEED
