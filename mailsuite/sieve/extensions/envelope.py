"""The test of the SMTP envelope (RFC 5228 §5.4); extensions add parts to it."""

from collections.abc import Sequence
from functools import lru_cache

from mailsuite.mime import addresses
from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve import advice, matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.comparators import casemap
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.extensions import imapsieve
from mailsuite.sieve.extensions.headers import address_part
from mailsuite.sieve.program import Condition, Value, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import EnvelopePart, Extension, Kind, TestShape


def _envelope(bound: Bound) -> Condition:
    asked = [_part(bound, name) for name in bound.values(0)]
    match = matching.compiled(bound, 1)
    counted = bound.chosen("match", "is") == "count"
    part = address_part(bound)

    def envelope(run: Run) -> bool:
        run.step()
        imapsieve.at_delivery(run, bound.line, "envelope")  # RFC 6785 §4.6
        found = []
        for one in asked:
            there = one if isinstance(one, EnvelopePart) else _named(bound, run, one)
            for value in there.values(run):
                taken = value if isinstance(value, str) else part(value)
                empty = not counted or not there.divided  # RFC 6009 §5 counts them
                if taken or (taken is not None and empty):
                    found.append(taken)
        return match(run, found)

    return envelope


def _part(bound: Bound, name: Value) -> EnvelopePart | Value:
    """The part of that name, or the name if only the run knows it."""
    if not isinstance(name, str):
        return name
    capability, part = bound.vocabulary.envelope.get(casemap(name), ("", None))
    if part is None:
        known = bound.vocabulary.envelope
        hint = advice.nearest(name, known) or f"there are {', '.join(sorted(known))}"
        raise bound.unsupported(0, f"the envelope has no part {name[:40]!r}", hint)
    if capability not in bound.requires:
        raise bound.unsupported(0, *advice.unasked(name, capability))
    if "address-part" in bound.groups and not part.divided:
        raise bound.error(0, f"{name} is no address and has no parts")
    return part if part.shaped is None else part.shaped(bound)


def _named(bound: Bound, run: Run, name: Value) -> EnvelopePart:
    told = text(run, name)
    capability, part = bound.vocabulary.envelope.get(casemap(told), ("", None))
    if part is None or capability not in bound.requires:
        raise Trouble(f"line {bound.line}: the envelope has no part {told[:40]!r}")
    return part if part.shaped is None else part.shaped(bound)


def _sender(run: Run) -> Sequence[Mailbox | str]:
    sender = run.letter.sender
    return _read(sender) if sender else ("",)


def _recipient(run: Run) -> Sequence[Mailbox | str]:
    return _read(run.letter.recipient)


@lru_cache(100)
def _read(path: str) -> Sequence[Mailbox | str]:
    """The address of a path, without its route."""
    return addresses.parse(f"<{path.strip('<>')}>".encode())[:1]


EXTENSION = Extension(
    "envelope",
    tests=(
        TestShape(
            "envelope",
            _envelope,
            (Kind.STRINGS, Kind.STRINGS),
            families=("match", "comparator", "address"),
        ),
    ),
    envelope={"from": EnvelopePart(_sender), "to": EnvelopePart(_recipient)},
)
