"""A verdict in words: every check, what came of it, and what it meant."""

from collections.abc import Iterator

from mailsuite.model.proofs import Proofs, Result
from mailsuite.policy.authentication.verdict import Judgement

TRACE_CHARACTERS = 1_500
"""Of the explanation stay with the message in the queue and in the log."""
STEP_CHARACTERS = 200
"""Of one step there."""


def explained(proofs: Proofs, judgement: Judgement) -> Iterator[str]:
    """Give a line for each step; those that begin with two spaces explain."""
    reverse = proofs.reverse
    yield from _one(
        f"iprev: {reverse.result.value} for {proofs.ip or 'no address'}", reverse.steps
    )
    for spf in (proofs.helo, proofs.mailfrom):
        who = spf.domain or "nobody"
        by = f", by {spf.mechanism}" if spf.mechanism else ""
        yield from _one(f"spf {spf.scope}: {spf.result.value} for {who}{by}", spf.steps)
    if not proofs.signatures:
        yield "dkim: none, the message is not signed"
    for one in proofs.signatures:
        why = f": {one.reason}" if one.reason else ""
        key = f", {one.algorithm} {one.bits}" if one.bits else ""
        yield from _one(
            f"dkim: {one.result.value} for {one.domain} ({one.selector}{key}){why}",
            one.steps,
        )
    chain = proofs.chain
    sealed = f", {chain.sets} sets" if chain.sets else ""
    why = f": {chain.reason}" if chain.reason else ""
    yield from _one(f"arc: {chain.result.value}{sealed}{why}", chain.steps)
    dmarc = proofs.dmarc
    policy = f", p={dmarc.policy.p}" if dmarc.policy else ""
    why = f": {dmarc.reason}" if dmarc.reason else ""
    yield from _one(
        f"dmarc: {dmarc.result.value} for {dmarc.domain or 'nobody'}{policy}{why}",
        dmarc.steps,
    )
    yield from judgement.steps


def _one(line: str, steps: tuple[str, ...]) -> Iterator[str]:
    yield line
    for step in steps:
        yield f"  {step}"


def compact(proofs: Proofs, judgement: Judgement) -> str:
    """Give what is kept with the message: results and, of failures, the steps."""
    lines: list[str] = []
    quiet = False
    for line in explained(proofs, judgement):
        if not line.startswith("  "):
            quiet = any(f": {one.value} " in f"{line} " for one in _QUIET)
        elif quiet:
            continue
        lines.append(line[:STEP_CHARACTERS])
    text = "\n".join(lines)
    if len(text) <= TRACE_CHARACTERS:
        return text
    verdict = "\n".join(one[:STEP_CHARACTERS] for one in judgement.steps[-3:])
    return f"{text[: max(0, TRACE_CHARACTERS - len(verdict) - 5)]}\n...\n{verdict}"


_QUIET = (Result.PASS, Result.NONE)
"""Results that need no steps in the trace."""


def summary(proofs: Proofs) -> dict[str, str]:
    """Give each method's result in a word."""
    signatures = [one.result for one in proofs.signatures]
    best = Result.PASS if Result.PASS in signatures else None
    dkim = best or (signatures[0] if signatures else Result.NONE)
    return {
        "iprev": proofs.reverse.result.value,
        "spf": proofs.mailfrom.result.value,
        "dkim": dkim.value,
        "arc": proofs.chain.result.value,
        "dmarc": proofs.dmarc.result.value,
    }
