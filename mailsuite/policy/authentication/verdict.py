"""The verdict: from findings and settings to what is done with a message.

Pure. What fails closed: an excuse needs a proof of its own, a signature or policy
that could not be looked up is no proof, and doubt about mail that otherwise fails
never makes it pass.
"""

from collections.abc import Iterator
from enum import IntEnum

from attrs import Factory, evolve, frozen

from mailsuite.model.proofs import Proofs, Result
from mailsuite.model.replies import Reply
from mailsuite.policy.authentication.settings import Authentication


class Measure(IntEnum):
    """What is done, from the mildest to the hardest."""

    IGNORE = 0
    TAG = 1
    QUARANTINE = 2
    REJECT = 3

    @classmethod
    def of(cls, text: str) -> "Measure":
        """Read the setting's word."""
        return cls[text.upper()]

    @property
    def word(self) -> str:
        """The setting's word again."""
        return self.name.lower()


@frozen
class Rules:
    """Settings that a domain of ours may have of its own."""

    dmarc: Measure = Measure.QUARANTINE
    spf_fail: Measure = Measure.TAG
    several_from: Measure = Measure.QUARANTINE
    missing_from: Measure = Measure.TAG
    defer: bool = False
    dry: bool = False

    @classmethod
    def of(cls, settings: Authentication) -> "Rules":
        """Read them out of the section."""
        return cls(
            Measure.of(settings.dmarc),
            Measure.of(settings.spf_fail),
            Measure.of(settings.several_from),
            Measure.of(settings.missing_from),
            settings.temporary == "defer",
            settings.dry_run,
        )


@frozen
class Excuse:
    """Why a failure is not held against a message; ``kind`` as RFC 9990 names it."""

    kind: str
    comment: str


@frozen
class Facts:
    """What the verdict looks at beside the proofs.

    ``trouble`` says why nobody can tell who the author is; readers differ.
    """

    from_fields: int = 1
    trouble: str = ""
    excuse: Excuse | None = None


@frozen
class Judgement:
    """What is done with a message for one domain of ours.

    ``measure`` is in force, ``wanted`` what it would be without a dry run. ``reply``
    is what a refused client is told; ``later``: it may try again (451).
    ``override`` and ``comment`` tell why the author domain's policy was not followed.
    """

    measure: Measure = Measure.IGNORE
    wanted: Measure = Measure.IGNORE
    reply: Reply | None = None
    later: bool = False
    reason: str = ""
    override: str = ""
    comment: str = ""
    steps: tuple[str, ...] = Factory(tuple)


@frozen
class Charge:
    """One thing that speaks against the message."""

    measure: Measure
    reason: str
    reply: Reply
    excusable: bool = True


SPF_REFUSED = Reply(550, "5.7.23", "SPF forbids this host to send for that domain")
"""RFC 7372 §3.2."""
DMARC_REFUSED = Reply(550, "5.7.26", "Not authenticated as its author's domain asks")
"""RFC 7372 §3.3; RFC 9989 §8.3."""
SEVERAL_FROM = Reply(554, "5.6.0", "The message has several authors or From fields")
NO_FROM = Reply(554, "5.6.0", "The message has no valid From field")
SPF_LATER = Reply(451, "4.7.24", "SPF could not be checked now, try again later")
DNS_LATER = Reply(451, "4.4.3", "The sender's DNS does not answer, try again later")

_ASKED = {"none": Measure.IGNORE, "quarantine": Measure.QUARANTINE}


def judge(proofs: Proofs, facts: Facts, rules: Rules) -> Judgement:
    """Weigh everything that speaks against a message."""
    charges = list(_charges(proofs, facts, rules))
    doubtful = doubt(proofs, rules)
    if doubtful and rules.defer and not rules.dry:
        return _later(doubtful)
    steps: list[str] = []
    if doubtful:
        steps.append(f"verdict: DNS failed: {doubtful}; nothing is refused for that")
        charges = [_softened(one) for one in charges]
    excuse, held = facts.excuse, []
    for one in charges:
        if excuse is not None and one.excusable:
            steps.append(f"verdict: {one.reason}: excused, {excuse.comment}")
        else:
            steps.append(f"verdict: {one.reason}: {one.measure.word}")
            held.append(one)
    if not charges:
        steps.append("verdict: nothing speaks against it")
    made = _heaviest(held, charges, excuse)
    if rules.dry and made.wanted > Measure.TAG:
        steps.append(f"verdict: dry run, or it would be {made.wanted.word}")
        made = _dry(made)
    return evolve(made, steps=tuple(steps))


def _later(doubtful: str) -> Judgement:
    reason = f"DNS failed: {doubtful}"
    return Judgement(
        reply=SPF_LATER if doubtful == "spf" else DNS_LATER,
        later=True,
        reason=reason,
        steps=(f"verdict: {reason}; the sender is asked to try again",),
    )


def _dry(made: Judgement) -> Judgement:
    """Do nothing, but remember what would have been done."""
    return evolve(
        made,
        measure=Measure.TAG,
        reply=None,
        override=made.override or "local_policy",
        comment=made.comment or "dry run",
    )


def _charges(proofs: Proofs, facts: Facts, rules: Rules) -> Iterator[Charge]:
    dmarc = proofs.dmarc
    if facts.trouble:
        reason = f"its author is not clear: {facts.trouble}"
        yield Charge(rules.several_from, reason, SEVERAL_FROM, excusable=False)
    elif not proofs.authors:
        reason = "From names nobody" if facts.from_fields else "it has no From"
        yield Charge(rules.missing_from, reason, NO_FROM, excusable=False)
    if dmarc.result is Result.FAIL:
        asked = _ASKED.get(dmarc.disposition, Measure.REJECT)
        reason = f"DMARC fails for {dmarc.domain}, which asks for {dmarc.disposition}"
        yield Charge(min(asked, rules.dmarc), reason, DMARC_REFUSED)
    if dmarc.result is not Result.PASS:
        for spf in (proofs.mailfrom, proofs.helo):
            if spf.result is Result.FAIL:
                reason = f"SPF forbids {proofs.ip} to send for {spf.domain}"
                yield Charge(rules.spf_fail, reason, SPF_REFUSED)
                return


def _softened(charge: Charge) -> Charge:
    """Doubt may bring mail into Junk, but refuses none."""
    return evolve(charge, measure=min(charge.measure, Measure.QUARANTINE))


def _heaviest(
    held: list[Charge], charges: list[Charge], excuse: Excuse | None
) -> Judgement:
    """The hardest measure decides; the first of several equal ones gives the reply."""
    override, comment = "", ""
    if excuse is not None and len(held) < len(charges):
        override, comment = excuse.kind, excuse.comment
    worst = max(held, key=lambda one: one.measure, default=None)
    if worst is None:
        return Judgement(override=override, comment=comment)
    return Judgement(
        worst.measure,
        worst.measure,
        worst.reply if worst.measure is Measure.REJECT else None,
        reason=worst.reason,
        override=override,
        comment=comment,
    )


def doubt(proofs: Proofs, rules: Rules) -> str:
    """Name what a DNS failure leaves open and the verdict depends on; or nothing.

    Only what could have been a proof for the author's domain counts: a stranger's
    broken DNS excuses nothing.
    """
    dmarc = proofs.dmarc
    if dmarc.result is Result.TEMPERROR:
        return "dmarc" if rules.dmarc > Measure.TAG else ""
    if dmarc.result is Result.PASS:
        return ""
    top = dmarc.organizational or dmarc.domain
    failing = dmarc.result is Result.FAIL and dmarc.disposition != "none"
    failing = failing and rules.dmarc > Measure.TAG
    if failing and any(
        one.result is Result.TEMPERROR and below(one.domain, top)
        for one in proofs.signatures
    ):
        return "dkim"
    spf = proofs.mailfrom if proofs.sender else proofs.helo
    decides = failing and below(spf.domain, top)
    if spf.result is Result.TEMPERROR and (decides or rules.spf_fail > Measure.TAG):
        return "spf"
    return ""


def below(domain: str, top: str) -> bool:
    """Whether a domain is ``top`` or stands below it."""
    return bool(top) and (domain == top or domain.endswith(f".{top}"))
