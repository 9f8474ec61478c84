"""The Authenticated Received Chain validated (RFC 8617 §5.2), all failures for good.

:func:`validate` takes the same :class:`~mailsuite.mailauth.dkim.verify.Bodies` as the
verification of signatures, fed with the whole message. A sealer counts as trusted
only if every newer one is trusted too: whoever came later could have changed both
the message and what the chain proves of it.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from attrs import define, field

from mailsuite.interfaces.resolving import IResolver
from mailsuite.mailauth import arcsets
from mailsuite.mailauth.arcsets import MESSAGE, NAMES, SEAL, Broken, Set
from mailsuite.mailauth.dkim import claims, keys
from mailsuite.mailauth.dkim.canonical import Canon
from mailsuite.mailauth.dkim.claims import Claim
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.mailauth.dkim.trials import SINGLE
from mailsuite.mailauth.dkim.verify import Bodies, Fetched, Gather, one_by_one
from mailsuite.model.proofs import Chain, Result

OLDER_TRIED = 10  # message signatures before the newest; RFC 8617 §5.2, step 5

Where = tuple[str, str]
"""Domain and selector of a key."""


async def validate(
    bodies: Bodies,
    resolver: IResolver,
    now: float,
    trusted: Collection[str] = (),
    gather: Gather = one_by_one,
) -> Chain:
    """Judge the chain of a message whose whole body has been fed.

    ``trusted`` are domains of sealers; ``.example.org`` stands for all below it.
    ``now`` is in wall seconds.
    """
    judging = _Judging(bodies, now)
    try:
        judging.sets = arcsets.collect(bodies.header)
        if not judging.sets:
            return Chain(Result.NONE, steps=("there is no ARC field",))
        judging.alone()
        judging.records = await _fetched(judging.wanted(), resolver, gather)
        judging.prove()
    except Broken as broken:
        return judging.failed(str(broken))
    return judging.passed(trusted)


async def _fetched(
    wanted: Sequence[Where], resolver: IResolver, gather: Gather
) -> Mapping[Where, Fetched]:
    """Ask for each key once."""

    async def one(domain: str, selector: str) -> Fetched:
        try:
            return await keys.fetch(resolver, domain, selector)
        except Unfit as unfit:
            return unfit

    asked = [one(*where) for where in wanted]
    return dict(zip(wanted, await gather(asked), strict=True))


@define(eq=False)
class _Judging:
    """One chain; ``sets`` stand in it oldest first."""

    bodies: Bodies
    now: float
    sets: Sequence[Set] = ()
    records: Mapping[Where, Fetched] = field(factory=dict)
    _newest: Claim | None = None
    _older: list[Claim | None] = field(factory=list)
    """Those before the newest, the nearest first; None cannot verify."""
    _oldest: int | None = None
    _steps: list[str] = field(factory=list)

    def alone(self) -> None:
        """Judge what needs no key. :raises Broken: the chain fails by itself."""
        steps = [f"{len(self.sets)} sets, complete and in order"]
        self._steps += steps
        newest = len(self.sets)
        try:
            self._newest = self._message(newest, self.sets[-1].message)
        except Unfit as unfit:
            raise Broken(f"the message signature {newest}: {unfit.reason}") from unfit
        for before, one in enumerate(reversed(self.sets[:-1][-OLDER_TRIED:]), 1):
            try:
                self._older.append(self._message(newest - before, one.message))
            except Unfit as unfit:
                said = (
                    f"the message signature {newest - before} is past: {unfit.reason}"
                )
                self._steps.append(said)
                self._older.append(None)
                break

    def _message(self, instance: int, place: int) -> Claim:
        """Read an ARC-Message-Signature and hold it against clock and body."""
        header = self.bodies.header
        found = claims.listed(header, place)
        claim = claims.signature(found, place, found[b"i"])
        if b"from" not in claim.names:
            raise Unfit(Result.FAIL, "h= does not name From")
        covered = [name for name in NAMES if name in claim.names]
        if covered:
            raise Unfit(Result.FAIL, f"h= names {covered[0].decode()}")
        for name in SINGLE:
            mentioned = claim.names.count(name)
            if mentioned and len(header.places(name)) > mentioned:
                raise Unfit(Result.FAIL, f"a further {name.decode()} is not signed")
        claims.timely(claim, self.now)
        length = self.bodies.length(claim.body_canon)
        if claim.length is not None and claim.length != length:
            raise Unfit(Result.FAIL, "l= is not the length of the body")
        digest = self.bodies.digest(claim.body_canon, claim.length)
        if digest is None or digest != claim.body_hash:
            raise Unfit(Result.FAIL, "the body was changed: its hash differs from bh=")
        self._steps.append(
            f"message signature {instance}: d={claim.domain} s={claim.selector},"
            " the body's hash matches"
        )
        return claim

    def wanted(self) -> list[Where]:
        """Name the keys to ask for, the newest first."""
        known = [claim for claim in (self._newest, *self._older) if claim]
        places = [(claim.domain, claim.selector) for claim in known]
        places += [(one.seal.domain, one.seal.selector) for one in reversed(self.sets)]
        return list(dict.fromkeys(places))

    def prove(self) -> None:
        """Verify signatures. :raises Broken: one that must, does not."""
        assert self._newest is not None
        header, newest = self.bodies.header, len(self.sets)
        self._proven(self._newest, f"the message signature {newest}")
        self._oldest = newest
        for before, claim in enumerate(self._older, 1):
            try:
                if claim is None:
                    break
                self._proven(claim, f"the message signature {newest - before}")
            except Broken as broken:
                self._steps.append(str(broken))
                break
            self._oldest = newest - before
        if self._oldest == 1:
            self._oldest = 0
        running = sha256()
        for number, one in enumerate(self.sets, 1):
            running.update(header.canonical(one.results, Canon.RELAXED))
            running.update(header.canonical(one.message, Canon.RELAXED))
            sealed = running.copy()
            sealed.update(header.without(one.place, *one.seal.cut, Canon.RELAXED))
            self._matches(
                (one.seal.domain, one.seal.selector),
                one.seal.kind,
                sealed.digest(),
                one.seal.signature,
                f"the seal {number}",
            )
            self._steps.append(f"seal {number}: d={one.seal.domain} verifies")
            running.update(header.canonical(one.place, Canon.RELAXED))

    def _proven(self, claim: Claim, what: str) -> None:
        digest = sha256(claim.signed(self.bodies.header)).digest()
        where = claim.domain, claim.selector
        self._matches(where, claim.key_type, digest, claim.signature, what)

    def _matches(
        self, where: Where, kind: str, digest: bytes, signature: bytes, what: str
    ) -> None:
        """Try the key's records. :raises Broken: none proves the signature."""
        found = self.records[where]
        if isinstance(found, Unfit):
            raise Broken(f"{what}: {found.reason}")
        reason = "the signature does not match header and key"
        for record in found:
            try:
                if keys.read(record, kind).proves(digest, signature):
                    return
            except Unfit as unfit:
                reason = unfit.reason
        raise Broken(f"{what}: {reason}")

    # What comes of it.

    @property
    def _sealers(self) -> tuple[str, ...]:
        return tuple(one.seal.domain for one in reversed(self.sets))

    def failed(self, reason: str) -> Chain:
        """Give the finding of a chain that fails."""
        steps = (*self._steps, f"fail: {reason}")
        count = len(self.sets) or self._claimed()
        return Chain(Result.FAIL, count, self._sealers, reason=reason, steps=steps)

    def _claimed(self) -> int:
        """Count sets of a chain without shape."""
        header = self.bodies.header
        return max(len(header.places(MESSAGE)), len(header.places(SEAL)))

    def passed(self, trusted: Collection[str]) -> Chain:
        """Give the finding of a chain that passes."""
        known = list(self._sealers)
        trusting = 0
        while trusting < len(known) and _among(known[trusting], trusted):
            trusting += 1
        said = ""
        if trusting:
            place = self.sets[len(known) - trusting].results
            said = arcsets.text(self.bodies.header, place)
            self._steps.append(f"the last {trusting} sealers are trusted")
        return Chain(
            Result.PASS,
            len(known),
            tuple(known),
            known[0] if trusting else "",
            said,
            steps=(*self._steps, "pass"),
            oldest=self._oldest,
        )


def _among(name: str, listed: Collection[str]) -> bool:
    return any(
        name.endswith(one) if one.startswith(".") else name == one
        for one in map(str.lower, listed)
    )
