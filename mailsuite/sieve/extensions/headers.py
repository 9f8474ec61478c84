"""The language's tests of a message: header, address, exists, size (RFC 5228 §5)."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve import advice, constant, matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.comparators import casemap
from mailsuite.sieve.constant import NAME_OCTETS, Fields
from mailsuite.sieve.message import bare
from mailsuite.sieve.program import Condition, Values, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.seen import Seen
from mailsuite.sieve.shapes import AddressPart, Extension, Kind, Tagged, TestShape
from mailsuite.sieve.vocabulary import everything

MATCHES = tuple(Tagged(name, group="match") for name in ("is", "contains", "matches"))
COMPARATOR = (Tagged("comparator", Kind.STRING),)
PARTS = tuple(
    Tagged(name, group="address-part") for name in ("all", "localpart", "domain")
)

_LISTS = "from to cc bcc sender reply-to"  # RFC 5322 §3.6.2, §3.6.3, §3.6.6
_OTHERS = """delivered-to x-original-to envelope-to x-envelope-to envelope-from
    apparently-to return-path errors-to mail-followup-to mail-reply-to author
    disposition-notification-to return-receipt-to read-receipt-to
    x-confirm-reading-to return-receipt-requested registered-mail-reply-requested-by
    abuse-reports-to x-complaints-to x-report-abuse-to x-admin x-beenthere
    x-original-from x-forwarded-to for-approval for-comment for-handling"""
ADDRESSES = frozenset(
    {*_LISTS.split(), *_OTHERS.split(), *(f"resent-{one}" for one in _LISTS.split())}
)
"""Fields with addresses in them, which alone ``address`` may look at."""

_ATOMS = re.compile(r'[^\s\x00-\x20\x7f()<>\[\]:;@\\,"]+')
_PAIRED = re.compile(r'(["\\])')
_NAME = re.compile(r"[!-9;-~]+")


def whole(one: Mailbox) -> str:
    """The address as it is written, or what stands where one should be."""
    if not one.domain:
        return one.local
    if _ATOMS.fullmatch(one.local):
        return f"{one.local}@{one.domain}"
    quoted = _PAIRED.sub(r"\\\1", one.local)
    return f'"{quoted}"@{one.domain}'


WHOLE: dict[str, AddressPart] = {
    "all": whole,
    "localpart": lambda one: one.local if one.local and one.domain else None,
    "domain": lambda one: one.domain if one.local and one.domain else None,
}
"""What an address part takes of an address (RFC 5228 §2.7.4)."""


def address_part(bound: Bound) -> AddressPart:
    """What a test takes of addresses; ``:count`` counts them whole (RFC 5231 §4.2)."""
    if bound.chosen("match", "is") == "count":
        return whole
    return bound.vocabulary.parts[bound.chosen("address-part", "all")]


def _header(bound: Bound) -> Condition:
    names, known = lowered(bound.values(0))
    keys = bound.keys(1)
    narrow = bound.vocabulary.narrowed(bound)
    usual = len(known) == len(names) and narrow is everything
    if usual and (made := constant.condition(bound, Fields(known), keys)):
        return made
    match = matching.matcher(bound, keys)
    if usual:
        return _usual(known, None, match)

    def header(run: Run) -> bool:
        run.step()
        run.work(NAME_OCTETS * len(names))
        found: list[tuple[str, bytes]] = []
        for name in texts(run, names):
            values = run.message.values(name)
            there = run.message.undecoded(casemap(name))
            found += zip(values, there, strict=True)
        taken = narrow(found)
        seen = Seen((one for one, _ in taken), lambda: [bare(raw) for _, raw in taken])
        return match(run, seen)

    return header


def _usual(
    names: tuple[str, ...],
    part: AddressPart | None,
    match: matching.Matcher,
) -> Condition:
    """A test of fields whose names are known now."""
    octets = NAME_OCTETS * len(names)

    def usual(run: Run) -> bool:
        run.step(octets)
        return match(run, run.message.seen(names, part))

    return usual


def _address(bound: Bound) -> Condition:
    names, known = lowered(bound.values(0))
    for name in known:
        if not _addressed(name):
            hint = advice.nearest(name, ADDRESSES) or "header looks at it"
            raise bound.error(0, f"the field {name[:40]} holds no addresses", hint)
    keys, part = bound.keys(1), address_part(bound)
    narrow = bound.vocabulary.narrowed(bound)
    usual = len(known) == len(names) and narrow is everything
    if usual and (made := constant.condition(bound, Fields(known, part), keys)):
        return made
    match = matching.matcher(bound, keys)
    if usual:
        return _usual(known, part, match)
    return _narrowed(names, part, narrow, match)


def _narrowed(
    names: Values,
    part: AddressPart,
    narrow: Callable[[Sequence[Any]], Sequence[Any]],
    match: matching.Matcher,
) -> Condition:
    """Of some of the fields only."""

    def address(run: Run) -> bool:
        run.step()
        run.work(NAME_OCTETS * len(names))
        fields: list[Sequence[Mailbox]] = []
        for name in texts(run, names):
            if _addressed(name):
                fields += run.message.mailboxes(name)
        told = (part(mailbox) for field in narrow(fields) for mailbox in field)
        return match(run, [taken for taken in told if taken is not None])

    return address


def lowered(names: Values) -> tuple[Values, tuple[str, ...]]:
    """Names of fields as they are looked for, and those that are known now."""
    made = tuple(casemap(one) if isinstance(one, str) else one for one in names)
    return made, tuple(one for one in made if isinstance(one, str))


def _addressed(name: str) -> bool:
    """Whether addresses may be looked for: in no field if the name is none."""
    return casemap(name) in ADDRESSES or not _NAME.fullmatch(name)


def _exists(bound: Bound) -> Condition:
    names, _ = lowered(bound.values(0))
    octets = NAME_OCTETS * len(names)

    def exists(run: Run) -> bool:
        run.step(octets)
        there = run.message.undecoded
        return all(
            there(one if isinstance(one, str) else casemap(one(run))) for one in names
        )

    return exists


def _size(bound: Bound) -> Condition:
    limit = bound.number(0)
    over = bound.chosen("size", "")
    if not over:
        hint = "write size :over 1M, or size :under 1M"
        raise bound.error(None, "size needs :over or :under", hint)

    def size(run: Run) -> bool:
        run.step()
        octets = run.message.size
        return octets > limit if over == "over" else octets < limit

    return size


EXTENSION = Extension(
    "",
    tests=(
        TestShape(
            "header",
            _header,
            (Kind.STRINGS, Kind.STRINGS),
            families=("match", "comparator", "header"),
        ),
        TestShape(
            "address",
            _address,
            (Kind.STRINGS, Kind.STRINGS),
            families=("match", "comparator", "address", "header"),
        ),
        TestShape("exists", _exists, (Kind.STRINGS,), families=("exists",)),
        TestShape(
            "size",
            _size,
            (Kind.NUMBER,),
            tags=(Tagged("over", group="size"), Tagged("under", group="size")),
        ),
    ),
    tags={"@match": MATCHES, "@comparator": COMPARATOR, "@address": PARTS},
    parts=WHOLE,
)
