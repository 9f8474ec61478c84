"""A verdict in words: every check, what came of it, and what it meant."""

from collections.abc import Iterator

from mailsuite.model.lines import printable
from mailsuite.model.proofs import Proofs, Result
from mailsuite.policy.authentication.verdict import Judgement

TRACE_CHARACTERS = 1_500
"""Of the explanation stay with the message in the queue and in the log."""
STEP_CHARACTERS = 200
"""Of one step there."""


Part = tuple[Result, str, tuple[str, ...]]
"""A check's result, the line that tells it, and its steps."""

_QUIET = (Result.PASS, Result.NONE)
"""Results that need no steps in the trace."""


def _parts(proofs: Proofs) -> Iterator[Part]:
    reverse, chain, dmarc = proofs.reverse, proofs.chain, proofs.dmarc
    result = reverse.result
    told = f"iprev: {result.value} for {proofs.ip or 'no address'}"
    yield result, told, reverse.steps
    for spf in (proofs.helo, proofs.mailfrom):
        by = f", by {spf.mechanism}" if spf.mechanism else ""
        told = f"spf {spf.scope}: {spf.result.value} for {spf.domain or 'nobody'}{by}"
        yield spf.result, told, spf.steps
    if not proofs.signatures:
        yield Result.NONE, "dkim: none, the message is not signed", ()
    for one in proofs.signatures:
        key = f", {one.algorithm} {one.bits}" if one.bits else ""
        told = f"dkim: {one.result.value} for {one.domain} ({one.selector}{key})"
        yield one.result, told + _why(one.reason), one.steps
    sealed = f", {chain.sets} sets" if chain.sets else ""
    told = f"arc: {chain.result.value}{sealed}{_why(chain.reason)}"
    yield chain.result, told, chain.steps
    policy = f", p={dmarc.policy.p}" if dmarc.policy else ""
    told = f"dmarc: {dmarc.result.value} for {dmarc.domain or 'nobody'}{policy}"
    yield dmarc.result, told + _why(dmarc.reason), dmarc.steps
    if proofs.bimi is not None:
        told = f"bimi: {proofs.bimi.result}{_why(proofs.bimi.reason)}"
        yield Result.NONE, told, proofs.bimi.steps


def _why(reason: str) -> str:
    return f": {reason}" if reason else ""


def explained(proofs: Proofs, judgement: Judgement) -> Iterator[str]:
    """Give a line for each step; those that begin with two spaces explain."""
    for _, told, steps in _parts(proofs):
        yield printable(told)
        for step in steps:
            yield f"  {printable(step)}"
    yield from map(printable, judgement.steps)


def compact(proofs: Proofs, judgement: Judgement) -> str:
    """Give what is kept with the message: results and, of failures, the steps."""
    lines: list[str] = []
    for result, told, steps in _parts(proofs):
        lines.append(printable(told[:STEP_CHARACTERS]))
        if result not in _QUIET:
            lines += [f"  {printable(step[:STEP_CHARACTERS])}" for step in steps]
    verdict = [printable(step[:STEP_CHARACTERS]) for step in judgement.steps[-3:]]
    room = TRACE_CHARACTERS - sum(map(len, verdict)) - len(verdict)
    text = "\n".join(lines)
    if len(text) > room:
        text = f"{text[: room - 4]}\n..."
    return "\n".join([text, *verdict])


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
