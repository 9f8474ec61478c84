"""One answer for all recipients of a message, whose domains may judge differently.

SMTP has one reply. A message is refused when every recipient's domain wants that;
else those that would refuse it get it in Junk.
"""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from mailsuite.mailauth.labels import ascii_name
from mailsuite.model.address import Address
from mailsuite.model.proofs import Proofs
from mailsuite.policy.authentication.verdict import (
    Facts,
    Judgement,
    Measure,
    Rules,
    judge,
)

OTHERS = "other recipients' domains take it"


@frozen
class Book:
    """Rules: the suite's own, and those of domains that have theirs."""

    rules: Rules
    domains: Mapping[str, Rules]

    def of(self, domain: str) -> Rules:
        """Give a recipient's."""
        if not self.domains:
            return self.rules
        return self.domains.get(ascii_name(domain) or domain, self.rules)


@frozen
class Sentence:
    """What is done: the hardest judgement, and whose copies go into Junk."""

    judgement: Judgement
    junk: tuple[Address, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the client is told no, for now or for good."""
        return self.judgement.reply is not None


def passed(
    proofs: Proofs, facts: Facts, recipients: Sequence[Address], book: Book
) -> Sentence:
    """Judge for each domain and join the judgements."""
    made: dict[Rules, Judgement] = {}
    wanted: list[tuple[Address, Judgement]] = []
    for address in recipients:
        rules = book.of(address.domain)
        if rules not in made:
            made[rules] = judge(proofs, facts, rules)
        wanted.append((address, made[rules]))
    if not wanted:
        return Sentence(judge(proofs, facts, book.rules))
    judgements = list(made.values())
    for one in judgements:
        if one.later:
            return Sentence(one)
    worst = max(judgements, key=lambda one: one.measure)
    if any(one.measure is not worst.measure for one in judgements):
        worst = _eased(worst)
    if worst.reply is not None:
        return Sentence(worst)
    junk = [who for who, one in wanted if one.measure >= Measure.QUARANTINE]
    return Sentence(worst, tuple(junk))


def _eased(judgement: Judgement) -> Judgement:
    """Turn a refusal into Junk, because others take the message."""
    if judgement.reply is None:
        return judgement
    return evolve(
        judgement,
        measure=Measure.QUARANTINE,
        reply=None,
        override=judgement.override or "local_policy",
        comment=judgement.comment or OTHERS,
        steps=(*judgement.steps, f"verdict: into Junk, for {OTHERS}"),
    )
