"""The language's tests of a message: header, address, exists, size (RFC 5228 §5)."""

from collections.abc import Sequence

from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve import matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.program import Condition, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import AddressPart, Extension, Kind, Tagged, TestShape

MATCHES = tuple(Tagged(name, group="match") for name in ("is", "contains", "matches"))
COMPARATOR = (Tagged("comparator", Kind.STRING),)
PARTS = tuple(
    Tagged(name, group="address-part") for name in ("all", "localpart", "domain")
)

WHOLE: dict[str, AddressPart] = {
    "all": lambda one: f"{one.local}@{one.domain}" if one.domain else one.local,
    "localpart": lambda one: one.local,
    "domain": lambda one: one.domain,
}
"""What an address part takes of an address (RFC 5228 §2.7.4)."""


def _header(bound: Bound) -> Condition:
    names = bound.values(0)
    match = matching.compiled(bound, 1)
    narrow = bound.vocabulary.narrowed(bound)

    def header(run: Run) -> bool:
        run.step()
        found: list[str] = []
        for name in texts(run, names):
            found += run.message.values(name)
        return match(run, narrow(found))

    return header


def _address(bound: Bound) -> Condition:
    names = bound.values(0)
    match = matching.compiled(bound, 1)
    part = bound.vocabulary.parts[bound.chosen("address-part", "all")]
    narrow = bound.vocabulary.narrowed(bound)

    def address(run: Run) -> bool:
        run.step()
        fields: list[Sequence[Mailbox]] = []
        for name in texts(run, names):
            fields += run.message.mailboxes(name)
        found = [
            taken
            for field in narrow(fields)
            for mailbox in field
            if (taken := part(mailbox)) is not None
        ]
        return match(run, found)

    return address


def _exists(bound: Bound) -> Condition:
    names = bound.values(0)

    def exists(run: Run) -> bool:
        run.step()
        wanted: Sequence[str] = texts(run, names)
        there = {one.name for one in run.message.fields}
        return all(name.lower() in there for name in wanted)

    return exists


def _size(bound: Bound) -> Condition:
    limit = bound.number(0)
    over = bound.chosen("size", "")
    if not over:
        raise bound.error(None, "size needs :over or :under")

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
