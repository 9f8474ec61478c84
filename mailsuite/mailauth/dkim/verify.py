"""Signatures verified (RFC 6376 §6) while the message comes in.

:func:`begin` with the header, :meth:`Bodies.feed` with each block after the blank
line, then :func:`verify`. Nothing is asked of DNS for a signature that fails by
itself. ARC finds the hashes that it needs in the same :class:`Bodies`.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from hashlib import sha256

from attrs import define, field

from mailsuite.interfaces.resolving import IResolver
from mailsuite.mailauth.dkim import claims, headers, keys
from mailsuite.mailauth.dkim.bodies import Body
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.claims import Claim
from mailsuite.mailauth.dkim.headers import Header
from mailsuite.mailauth.dkim.limits import RSA_BITS_STRONG, SIGNATURES_SEEN
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.mailauth.dkim.trials import Trial, cut, tried
from mailsuite.model.proofs import Result, Signature

Fetched = tuple[bytes, ...] | Unfit
Fetching = Coroutine[object, object, Fetched]
Gather = Callable[[Sequence[Fetching]], Awaitable[Sequence[Fetched]]]
"""Awaits several questions at once and gives the answers in their order."""

FIELD = b"dkim-signature"
SEALED = b"arc-message-signature"
REPORT = b"tls-report-domain"
"""Signed in TLS reports, whose keys may be for them alone (RFC 8460 §3)."""


@define(eq=False)
class Bodies:
    """A header, its signatures, and the running hashes of its body."""

    header: Header
    trials: list[Trial] = field(factory=list)
    _running: dict[Canon, Body] = field(factory=dict)

    def feed(self, block: bytes) -> None:
        """Take the next octets of the body, which begins after the blank line."""
        for body in self._running.values():
            body.feed(block)

    @property
    def idle(self) -> bool:
        """Whether no signature needs the body."""
        return not self._running

    def digest(self, canon: Canon, mark: int | None = None) -> bytes | None:
        """Give the SHA-256 of the body or of its first ``mark`` octets (``l=``).

        None: the body is shorter, or no signature of the header announced it.
        """
        body = self._running.get(canon)
        return body.digest(mark) if body else None

    def length(self, canon: Canon) -> int:
        """Octets of the canonical body; 0 if no signature needs it."""
        body = self._running.get(canon)
        return body.length if body else 0


def begin(header: bytes) -> Bodies:
    """Read a header and prepare what its signatures need of the body.

    At most :data:`SIGNATURES_SEEN` of them are looked at, from the top.
    """
    known = headers.read(header)
    places = known.places(FIELD)[:SIGNATURES_SEEN]
    trials = [tried(known, place) for place in places]
    cut(known, trials)
    wanted = [each.claim for each in trials if each.claim and not each.settled]
    needs = [(claim.body_canon, claim.length) for claim in wanted]
    if not known.broken:
        needs += _sealed(known)
    marks: dict[Canon, set[int]] = {}
    for canon, length in needs:
        marks.setdefault(canon, set()).update(() if length is None else (length,))
    running = {canon: Body(canon, frozenset(of)) for canon, of in marks.items()}
    return Bodies(known, trials, running)


def _sealed(header: Header) -> list[tuple[Canon, int | None]]:
    """Tell what the ARC-Message-Signatures need; broken ones need nothing."""
    needs = []
    for place in header.places(SEALED)[:SIGNATURES_SEEN]:
        try:
            found = claims.listed(header, place)
            length = claims.number(found, b"l", claims.LENGTH_DIGITS)
            needs.append((claims.canons(found)[1], length))
        except Unfit:
            continue
    return needs


async def one_by_one(works: Sequence[Fetching]) -> Sequence[Fetched]:
    """Await one question after the other."""
    return [await work for work in works]


async def verify(
    bodies: Bodies, resolver: IResolver, now: float, gather: Gather = one_by_one
) -> tuple[Signature, ...]:
    """Judge the signatures once the whole body has been fed.

    ``now`` is in wall seconds. Give a ``gather`` to ask for several keys at once.
    The results stand in the order of the header; without signatures there are none.
    """
    for trial in bodies.trials:
        _alone(bodies, trial, now)
    asked: dict[tuple[str, str], Fetching] = {}
    for trial in bodies.trials:
        if trial.claim and not trial.settled:
            where = trial.claim.domain, trial.claim.selector
            if where not in asked:
                asked[where] = _fetched(resolver, *where)
    records = dict(zip(asked, await gather(list(asked.values())), strict=True))
    for trial in bodies.trials:
        if trial.claim and not trial.settled:
            found = records[trial.claim.domain, trial.claim.selector]
            _proven(bodies.header, trial, trial.claim, found)
    return tuple(trial.signature() for trial in bodies.trials)


async def _fetched(resolver: IResolver, domain: str, selector: str) -> Fetched:
    """Ask for key records; a failure is an answer too."""
    try:
        return await keys.fetch(resolver, domain, selector)
    except Unfit as unfit:
        return unfit


def _alone(bodies: Bodies, trial: Trial, now: float) -> None:
    """Judge what needs no key: clock and body."""
    claim = trial.claim
    if claim is None or trial.settled:
        return
    try:
        claims.timely(claim, now)
        _embodied(bodies, trial, claim)
    except Unfit as unfit:
        trial.settle(unfit)


def _embodied(bodies: Bodies, trial: Trial, claim: Claim) -> None:
    """Hold ``bh=`` and ``l=`` against the body."""
    digest = bodies.digest(claim.body_canon, claim.length)
    octets = bodies.length(claim.body_canon)
    if digest is None:
        reason = f"l={claim.length} is more than the body's {octets} octets"
        raise Unfit(Result.FAIL, reason[:100])
    if claim.length is not None and claim.length < octets:
        trial.whole = False
        left = octets - claim.length
        trial.say(f"l= leaves the last {left} octets of the body unsigned")
    if digest != claim.body_hash:
        raise Unfit(Result.FAIL, "the body was changed: its hash differs from bh=")
    trial.say(f"the body's hash matches ({claim.body_canon.value}, {octets} octets)")


def _proven(header: Header, trial: Trial, claim: Claim, found: Fetched) -> None:
    """Try the records in their order until one proves the signature."""
    if isinstance(found, Unfit):
        trial.settle(found)
        return
    digest = sha256(claim.signed(header)).digest()
    service = b"tlsrpt" if REPORT in claim.names else b"email"
    refused: Unfit | None = None
    for record in found:
        try:
            key = keys.read(record, claim.key_type, service)
            _proven_by(trial, claim, key, digest)
        except Unfit as unfit:
            if len(found) > 1:
                trial.say(f"one of {len(found)} key records: {unfit.reason}")
            if refused is None or unfit.result is Result.FAIL:
                refused = unfit
        else:
            trial.passed()
            return
    if refused:
        trial.settle(refused)


def _proven_by(trial: Trial, claim: Claim, key: keys.Key, digest: bytes) -> None:
    trial.bits, trial.testing = key.bits, key.testing
    where = keys.place(claim.domain, claim.selector)
    weak = " (weak)" if key.kind == "rsa" and key.bits < RSA_BITS_STRONG else ""
    testing = ", being tested (t=y)" if key.testing else ""
    trial.say(f"key at {where}: {key.kind}, {key.bits} bits{weak}{testing}")
    if key.strict and claims.identified(claim) != claim.domain:
        raise Unfit(Result.PERMERROR, "the key (t=s) allows no i= below d=")
    if not key.proves(digest, claim.signature):
        raise Unfit(Result.FAIL, "the signature does not match header and key")
