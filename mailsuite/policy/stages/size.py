"""Size: as declared (RFC 1870 §6.1) and as it came."""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.receiving import IStage, IView
from mailsuite.model.replies import Reply
from mailsuite.model.verdicts import PROCEED, Phase, Refuse, Verdict

TOO_LARGE = Refuse(Reply(552, "5.3.4", "Message exceeds the size limit"))


@implementer(IStage)
@define(eq=False, repr=False)
class Size:
    """The SMTP session checks it sooner; other ways in have only this."""

    _octets: int
    phases: frozenset[Phase] = field(
        default=frozenset({Phase.MAIL, Phase.MESSAGE}), init=False
    )

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Compare with the limit."""
        if phase is Phase.MAIL:
            size = int(view.parameters.get("SIZE", "0"))
        else:
            size = view.blob.size if view.blob else 0
        return TOO_LARGE if size > self._octets else PROCEED
