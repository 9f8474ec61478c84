"""Asks the stages of a phase in their order; the first objection decides."""

from collections.abc import Sequence

from attrs import define, field

from mailsuite.interfaces.receiving import IContentStage, IStage
from mailsuite.model.verdicts import PROCEED, Phase, Proceed, Refuse, Verdict
from mailsuite.policy.view import NOTHING, View


@define(eq=False, repr=False)
class Pipeline:
    """Immutable: a reload makes another, and transactions keep theirs."""

    stages: Sequence[IStage]
    watching: tuple[IContentStage, ...] = field(init=False)
    """Those that look at the content as it comes."""
    _asked: dict[Phase, tuple[IStage, ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._asked = {
            phase: tuple(stage for stage in self.stages if phase in stage.phases)
            for phase in Phase
        }
        self.watching = tuple(
            stage for stage in self.stages if IContentStage.providedBy(stage)
        )

    async def judge(self, phase: Phase, view: View) -> Verdict:
        """Give the objection, or one Proceed with all marks and prefixes."""
        view.marks = NOTHING
        verdict = PROCEED
        for stage in self._asked[phase]:
            said = await stage.judge(phase, view)
            if said is not PROCEED:
                if isinstance(said, Refuse):
                    return said
                verdict = said if verdict is PROCEED else _both(verdict, said)
                view.marks = verdict.marks
        return verdict


def _both(first: Proceed, then: Proceed) -> Proceed:
    each = {
        address: {**first.each.get(address, {}), **then.each.get(address, {})}
        for address in (*first.each, *then.each)
    }
    return Proceed({**first.marks, **then.marks}, first.prefix + then.prefix, each)
