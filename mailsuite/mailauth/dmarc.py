"""DMARC: whether the author's domain stands behind a message (RFC 9989, RFC 7489).

What SPF and DKIM proved is given in. With several authors each is judged and the
strictest answer counts: a message passes only if all of its author domains do.
"""

from collections.abc import Sequence

from attrs import define, evolve

from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName
from mailsuite.mailauth.author import Authors
from mailsuite.mailauth.labels import within
from mailsuite.mailauth.records import REQUESTS
from mailsuite.mailauth.suffixes import Suffixes
from mailsuite.mailauth.treewalk import Found, Search
from mailsuite.model.proofs import DMARC, SPF, Policy, Result, Signature

TREE_WALK = "treewalk"
SUFFIX_LIST = "psl"
"""How organizational domains are found, in the words of RFC 9990."""

_SEVERITY = (
    (Result.FAIL, "reject"),
    (Result.FAIL, "quarantine"),
    (Result.TEMPERROR, "none"),
    (Result.FAIL, "none"),
    (Result.PERMERROR, "none"),
    (Result.NONE, "none"),
    (Result.PASS, "none"),
)
"""Of several authors' answers the one that stands first here counts."""


async def judge(
    authors: Authors,
    mailfrom: SPF,
    signatures: Sequence[Signature],
    resolver: IResolver,
    suffixes: Suffixes | None = None,
) -> DMARC:
    """Judge a message whose From field was read. Never raises for DNS or bad mail.

    With ``suffixes`` organizational domains come from the public suffix list
    (RFC 7489), else from the tree walk. Without any author domain the result is
    ``permerror``: RFC 9989 §5.3.1 has no answer, and only broken mail and forgers
    leave it out.
    """
    if not authors.domains:
        reason = authors.trouble or authors.steps[0]
        return DMARC(Result.PERMERROR, "", reason=reason, steps=authors.steps)
    search = Search(resolver, suffixes, list(authors.steps))
    found = []
    for domain in authors.domains:
        judging = _Judging(domain, mailfrom, signatures, search, authors.trouble)
        found.append(await judging.judged(resolver))
    worst = min(found, key=_severity)
    if len(found) > 1:
        search.steps.append(f"the answer for {worst.domain} is the strictest")
    way = TREE_WALK if suffixes is None else SUFFIX_LIST
    return evolve(worst, steps=tuple(search.steps), discovery=way)


def _severity(found: DMARC) -> int:
    return _SEVERITY.index((found.result, found.disposition))


def milder(request: str) -> str:
    """Give the request one level below (``t=y``, RFC 9989 §4.7)."""
    return REQUESTS[max(REQUESTS.index(request) - 1, 0)]


@define(eq=False)
class _Judging:
    """One author domain; ``_trouble`` keeps it from passing."""

    _domain: str
    _mailfrom: SPF
    _signatures: Sequence[Signature]
    _search: Search
    _trouble: str
    _unsure: str = ""

    async def judged(self, resolver: IResolver) -> DMARC:
        """Judge it; what DNS could not tell is ``temperror`` unless it passed."""
        domain, say = self._domain, self._search.steps.append
        try:
            found = await self._search.policy(domain)
        except NoAnswer:
            reason = f"DNS gave no answer about DMARC of {domain}"
            say(reason)
            return DMARC(Result.TEMPERROR, domain, reason=reason)
        if found is None or not found.record.applies:
            why = "asks for nothing" if found else "was found"
            reason = self._trouble or f"no DMARC record for {domain} {why}"
            say(reason)
            result = Result.PERMERROR if self._trouble else Result.NONE
            return DMARC(result, domain, reason=reason)
        policy = found.record.policy
        dkim = await self._dkim(policy)
        spf = await self._spf(policy, decided=dkim)
        organizational = self._search.known(domain) or domain
        passed = (spf or dkim) and not self._trouble
        made = DMARC(Result.PASS, domain, organizational, policy, spf=spf, dkim=dkim)
        if passed:
            say(f"{domain} stands behind the message: pass")
            return made
        return await self._failed(made, found, resolver)

    async def _failed(self, made: DMARC, found: Found, resolver: IResolver) -> DMARC:
        """Give what the owner asks for."""
        say = self._search.steps.append
        reason = self._trouble or "neither SPF nor DKIM passed in alignment"
        try:
            request = await self._request(found, resolver)
        except NoAnswer:
            request = found.record.policy.sp or found.record.policy.p
            self._unsure = f"DNS did not tell whether {made.domain} exists"
        if self._unsure and not self._trouble:
            say(f"{self._unsure}: nothing can be said yet")
            return evolve(made, result=Result.TEMPERROR, reason=self._unsure)
        say(f"{reason}: fail, and the owner asks for {request}")
        if found.record.policy.testing and request != "none":
            request = milder(request)
            say(f"the owner only tests (t=y): {request}")
        if found.record.policy.percent < 100:
            say(f"pct={found.record.policy.percent} has no meaning any more (RFC 9989)")
        return evolve(made, result=Result.FAIL, disposition=request, reason=reason)

    async def _request(self, found: Found, resolver: IResolver) -> str:
        """Give ``p``, or for what lies below the record ``sp`` or ``np``."""
        policy = found.record.policy
        if not found.inherited:
            return policy.p
        existing = policy.sp or policy.p
        if policy.np in {"", existing}:
            return existing
        try:
            _ = await resolver.addresses(self._domain)
        except NoSuchName:
            self._search.steps.append(f"{self._domain} does not exist: np counts")
            return policy.np
        return existing

    async def _spf(self, policy: Policy, *, decided: bool) -> bool:
        """Whether SPF counts; not asked for if it changes nothing and nobody is told.

        A sender may have a new domain for every message, each a question to DNS.
        """
        found = self._mailfrom
        told = policy.rua or policy.ruf
        if decided and not told and found.domain != self._domain:
            self._search.steps.append(
                f"SPF {found.result.value} for {found.domain or 'nobody'}:"
                " not compared, DKIM proves enough"
            )
            return False
        return await self._counts("SPF", found.result, found.domain, policy.aspf)

    async def _dkim(self, policy: Policy) -> bool:
        aligned = False
        for found in self._signatures:
            if aligned:
                break
            if found.result is Result.PASS and not found.whole:
                self._search.steps.append(
                    f"DKIM of {found.domain} leaves out a part of the body (l=):"
                    " it does not count"
                )
            elif found.fields and "from" not in found.fields:
                continue  # RFC 6376 §5.4 demands it; whoever verified should too
            else:
                aligned = await self._counts(
                    "DKIM", found.result, found.domain, policy.adkim
                )
        return aligned

    async def _counts(self, what: str, result: Result, domain: str, mode: str) -> bool:
        """Whether a result is a pass in alignment; notes what may yet become one."""
        if result not in {Result.PASS, Result.TEMPERROR} or not domain:
            return False
        say = self._search.steps.append
        try:
            aligned = await self._aligned(domain, mode)
        except NoAnswer:
            self._unsure = f"DNS did not tell to whom {domain} belongs"
            say(self._unsure)
            return False
        strictness = "strict" if mode == "s" else "relaxed"
        answer = "aligned" if aligned else "not aligned"
        say(f"{what} {result.value} for {domain}: {answer} ({strictness})")
        if aligned and result is Result.TEMPERROR:
            self._unsure = f"{what} of {domain} could not be checked for now"
        return aligned and result is Result.PASS

    async def _aligned(self, identity: str, mode: str) -> bool:
        """Compare an identifier with the author domain (RFC 9989 §4.4)."""
        if identity == self._domain:
            return True
        if mode == "s":
            return False
        organizational = await self._search.organizational(self._domain)
        # What does not lie below it cannot share it: no need to ask for more.
        if not within(identity, organizational):
            return False
        return await self._search.organizational(identity) == organizational
