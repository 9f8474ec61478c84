"""Completion: Date and Message-ID of submitted mail (RFC 6409 §8.2, §8.3)."""

from collections.abc import Callable

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.receiving import IStage, IView
from mailsuite.model.verdicts import PROCEED, Phase, Proceed, Verdict
from mailsuite.policy.head import has
from mailsuite.policy.trace import Dates


@implementer(IStage)
@define(eq=False, repr=False)
class Completion:
    """Adds what is missing; never asked for mail from other servers."""

    _hostname: str
    _wall: Callable[[], float]
    phases: frozenset[Phase] = field(default=frozenset({Phase.MESSAGE}), init=False)
    _dates: Dates = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._dates = Dates(self._wall)

    async def judge(self, phase: Phase, view: IView) -> Verdict:
        """Give the missing fields as prefix."""
        prefix = ""
        if not has(view.header, b"date"):
            prefix = f"Date: {self._dates.now()}\r\n"
        if not has(view.header, b"message-id"):
            moment = int(self._wall() * 1e6)
            ident = f"{moment:x}.{view.peer.session}@{self._hostname}"
            prefix += f"Message-ID: <{ident}>\r\n"
        return Proceed(prefix=prefix.encode()) if prefix else PROCEED
