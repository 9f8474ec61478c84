"""One signature on its way to a result, and which of many are looked at."""

from collections.abc import Sequence

from attrs import define, field

from mailsuite.mailauth.dkim import claims, tags
from mailsuite.mailauth.dkim.claims import Claim
from mailsuite.mailauth.dkim.headers import Header
from mailsuite.mailauth.dkim.limits import SIGNATURES_VERIFIED
from mailsuite.mailauth.dkim.names import domain_name, selector_name
from mailsuite.mailauth.dkim.reasons import Unfit
from mailsuite.mailauth.dkim.tags import Tag
from mailsuite.mime import addresses
from mailsuite.model.proofs import Result, Signature

SINGLE = (b"from", b"subject", b"reply-to", b"content-type")
"""Of these none may stand unsigned beside a signed one: readers choose differently
which they show, and a second one put on top is a known way to reuse a signature
(RFC 6376 §8.15)."""

BEGINS = 8  # characters of b= that name a signature, RFC 6008 §4


@define(eq=False)
class Trial:
    """What is known so far of one DKIM-Signature."""

    place: int
    claim: Claim | None = None
    domain: str = ""
    selector: str = ""
    begins: str = ""
    bits: int = 0
    whole: bool = True
    testing: bool = False
    result: Result = Result.NEUTRAL
    reason: str = ""
    settled: bool = False
    _steps: list[str] = field(factory=list)

    def say(self, step: str) -> None:
        """Add to the explanation."""
        self._steps.append(step)

    def settle(self, unfit: Unfit) -> None:
        """Let the signature have failed."""
        self.result, self.reason, self.settled = unfit.result, unfit.reason, True
        self.say(f"{unfit.result.value}: {unfit.reason}")

    def passed(self) -> None:
        """Let the signature be proven."""
        self.result, self.settled = Result.PASS, True
        self.say("pass: the signature matches header and key")

    def signature(self) -> Signature:
        """Give the finding."""
        claim = self.claim
        names = claim.names if claim else ()
        return Signature(
            self.result,
            self.domain,
            self.selector,
            claim.identity if claim else "",
            claim.algorithm if claim else "",
            self.bits,
            self.reason,
            self.begins,
            self.whole,
            self.testing,
            tuple(name.decode("ascii") for name in names),
            tuple(self._steps),
        )


def tried(header: Header, place: int) -> Trial:
    """Read one signature; it may be settled at once."""
    trial = Trial(place)
    try:
        found = claims.listed(header, place)
        _named(trial, found)
        if header.broken:
            raise Unfit(Result.PERMERROR, header.broken)
        claim = trial.claim = claims.read(place, found)
        _introduced(trial, claim)
        _single(header, claim)
    except Unfit as unfit:
        trial.settle(unfit)
    return trial


def _named(trial: Trial, found: dict[bytes, Tag]) -> None:
    """Note whose signature it claims to be, even if the rest is not right."""
    empty = Tag(b"", 0, 0)
    trial.domain = domain_name(found.get(b"d", empty).value)
    trial.selector = selector_name(found.get(b"s", empty).value)
    begins = found.get(b"b", empty).value[: 4 * BEGINS]
    trial.begins = tags.text(begins)[:BEGINS]


def _introduced(trial: Trial, claim: Claim) -> None:
    canons = f"{claim.header_canon.value}/{claim.body_canon.value}"
    trial.say(
        f"d={claim.domain} s={claim.selector} a={claim.algorithm} c={canons}"
        f" i={claim.identity}"
    )
    names = b", ".join(dict.fromkeys(claim.names)).decode("ascii")
    trial.say(f"signs {names}")


def _single(header: Header, claim: Claim) -> None:
    """Refuse a signature that leaves the double of a signed field unsigned."""
    for name in SINGLE:
        mentioned = claim.names.count(name)
        if mentioned and len(header.places(name)) > mentioned:
            reason = f"a further {name.decode().title()} field is not signed"
            raise Unfit(Result.POLICY, reason)


def cut(header: Header, trials: Sequence[Trial]) -> None:
    """Leave only so many open as are verified, the author's domain first."""
    waiting = [each for each in trials if not each.settled]
    if len(waiting) <= SIGNATURES_VERIFIED:
        return
    authors = _authors(header)
    waiting.sort(key=lambda each: not any(_near(each.domain, one) for one in authors))
    for trial in waiting[SIGNATURES_VERIFIED:]:
        limit = f"only {SIGNATURES_VERIFIED} signatures of a message are verified"
        trial.settle(Unfit(Result.NEUTRAL, limit))


def _authors(header: Header) -> set[str]:
    """Domains of the first From field, as they are compared."""
    for place in header.places(b"from"):
        value = header.fields[place].partition(b":")[2]
        return {
            domain_name(one.domain.encode("utf-8", "replace"))
            for one in addresses.parse(value)[:SIGNATURES_VERIFIED]
        } - {""}
    return set()


def _near(one: str, other: str) -> bool:
    """Whether one domain is the other or above or below it."""
    return one == other or one.endswith("." + other) or other.endswith("." + one)
