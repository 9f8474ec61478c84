"""Variables (RFC 5229): ``set``, the test ``string``, and ``${name}`` in strings.

A name is understood when the script is checked: one of this script, one that
``global`` shares (RFC 6609), or one of a namespace that another extension has.
"""

import re
from collections.abc import Callable
from urllib.parse import quote

from attrs import define, field

from mailsuite.sieve import matching, octets
from mailsuite.sieve.binding import Bound, Scope
from mailsuite.sieve.comparators import casemap
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.limits import TEXT_CHARACTERS
from mailsuite.sieve.program import Condition, Expand, Step, Value, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import (
    CommandShape,
    Extension,
    Kind,
    Modifier,
    Tagged,
    TestShape,
)

CAPABILITY = "variables"
VARIABLES = 500  # of one script, and shared ones; RFC 5229 §6 asks for 128
NAME_CHARACTERS = 64  # RFC 5229 §6 asks for 32
VALUE_CHARACTERS = 16 * 1024  # RFC 5229 §6 asks for 4000; longer ones are cut
MATCHES = 99  # highest match variable; RFC 5229 §6 asks for 9

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*+"
_REFERENCE = re.compile(
    rf"\$\{{((?:{_IDENTIFIER}\.(?>(?:(?:[0-9]++|{_IDENTIFIER})\.)*))?)"
    rf"([0-9]++|{_IDENTIFIER})\}}"
)
_NAME = re.compile(
    rf"((?:{_IDENTIFIER}\.(?>(?:(?:[0-9]++|{_IDENTIFIER})\.)*))?)({_IDENTIFIER})"
)
_CAPITALS = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
IDENTIFIER = re.compile(_IDENTIFIER)
_WILDCARD = re.compile(r"[*?\\]")

Put = Callable[[Run, str], None]


@define(eq=False)
class Names:
    """The names of one script up to the place that is being checked."""

    own: set[str] = field(factory=set)
    """Those it sets."""
    shared: set[str] = field(factory=set)
    """Those that ``global`` names."""


def names(scope: Scope) -> Names:
    """The names of a script."""
    known: Names = scope.memory.setdefault(CAPABILITY, Names())
    return known


def shared(run: Run) -> dict[str, str]:
    """The variables that all scripts of a run share (RFC 6609 §3.4)."""
    found: dict[str, str] = run.state.setdefault("global", {})
    return found


def expand(written: str, scope: Scope) -> Value:
    """A string with variables in it. :raises ValueError: there can be no such."""
    if "${" not in written:
        return written
    pieces: list[Value] = []
    at = 0
    for found in _REFERENCE.finditer(written):
        if found.start() > at:
            pieces.append(written[at : found.start()])
        pieces.append(source(found[1], found[2], scope))
        at = found.end()
    if not pieces:
        return written
    if at < len(written):
        pieces.append(written[at:])
    return _joined(tuple(pieces))


def _joined(pieces: tuple[Value, ...]) -> Expand:
    def joined(run: Run) -> str:
        run.work(len(pieces))
        room = TEXT_CHARACTERS
        told = []
        for piece in pieces:
            one = piece if isinstance(piece, str) else piece(run)
            told.append(one[:room])
            room -= len(one)
            run.work(len(one))
            if room <= 0:
                break
        return octets.settled("".join(told))

    return joined


def source(space: str, name: str, scope: Scope) -> Expand:
    """What reads a variable. :raises ValueError: there can be no such."""
    name = name.lower()
    if space:
        first, _, rest = space.lower().partition(".")
        capability, owner = scope.vocabulary.namespaces.get(first, ("", None))
        if owner is None:
            raise ValueError(f"there is no namespace {first}")
        if capability not in scope.requires:
            raise ValueError(
                f"{first}. belongs to {capability}, which is not asked for"
            )
        return owner.read(rest + name)
    if name[0].isdigit():
        return _match(name)
    if name in names(scope).shared:
        return lambda run: shared(run).get(name, "")
    return lambda run: run.variables.get(name, "")


def _match(digits: str) -> Expand:
    index = int(digits) if len(digits.lstrip("0")) < 4 else MATCHES + 1
    if index > MATCHES:
        raise ValueError(f"match variables end with ${{{MATCHES}}}")

    def matched(run: Run) -> str:
        found = run.matched
        return found[index] if index < len(found) else ""

    return matched


def target(name: str, scope: Scope) -> Put:
    """What sets a variable, its value cut to what fits.

    Other extensions set them as well (RFC 5232, RFC 5703).

    :raises ValueError: no variable can have this name, or nobody may set it.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name[:NAME_CHARACTERS]!r} is no name of a variable")
    space, name = found[1].lower(), found[2].lower()
    if len(name) > NAME_CHARACTERS:
        raise ValueError(f"names have at most {NAME_CHARACTERS} characters")
    if space:
        return _foreign(space, name, scope)
    known = names(scope)
    if name in known.shared:
        return put_shared(name)
    known.own.add(name)
    if len(known.own) > VARIABLES:
        raise ValueError(f"a script has at most {VARIABLES} variables")

    def put(run: Run, value: str) -> None:
        run.variables[name] = value[:VALUE_CHARACTERS]

    return put


def _foreign(space: str, name: str, scope: Scope) -> Put:
    first, _, rest = space.partition(".")
    source(space, name, scope)
    write = scope.vocabulary.namespaces[first][1].write
    if write is None:
        raise ValueError(f"variables of {first}. cannot be set")
    return write(rest + name)


def put_shared(name: str) -> Put:
    """What sets a variable that all scripts of a run share."""

    def put(run: Run, value: str) -> None:
        known = shared(run)
        if name not in known and len(known) >= VARIABLES:
            raise Trouble(f"more than {VARIABLES} global variables")
        known[name] = value[:VALUE_CHARACTERS]

    return put


def _set(bound: Bound) -> Step:
    try:
        put = target(bound.constant(0), bound.scope)
    except ValueError as error:
        raise bound.error(0, str(error)) from None
    (value,) = bound.keys(1)
    known = bound.vocabulary.modifiers
    chosen = [known[tag] for tag in bound.tags if tag in known]
    chosen.sort(key=lambda one: -one.precedence)
    changes = [one.change for one in chosen]

    def assign(run: Run) -> None:
        run.step()
        now = text(run, value)
        for change in changes:
            now = change(now)
        put(run, now)

    return assign


def _string(bound: Bound) -> Condition:
    sources = bound.keys(0)
    match = matching.compiled(bound, 1)
    counted = bound.chosen("match", "is") == "count"

    def string(run: Run) -> bool:
        run.step()
        found = texts(run, sources)
        if counted:  # RFC 5229 §5: an empty string counts for nothing
            found = [one for one in found if one]
        return match(run, found)

    return string


def _upper(value: str) -> str:
    return value.translate(_CAPITALS)


MODIFIERS = {
    "lower": Modifier(40, casemap),
    "upper": Modifier(40, _upper),
    "lowerfirst": Modifier(30, lambda value: casemap(value[:1]) + value[1:]),
    "upperfirst": Modifier(30, lambda value: _upper(value[:1]) + value[1:]),
    "quotewildcard": Modifier(20, lambda value: _WILDCARD.sub(r"\\\g<0>", value)),
    "encodeurl": Modifier(15, lambda value: quote(octets.octets(value), safe="-._~")),
    "length": Modifier(10, lambda value: str(len(value))),
}
"""RFC 5229 §4.1, and ``:encodeurl`` of RFC 5435 §6."""


def modifying(name: str, precedence: int, needs: str = "") -> Tagged:
    """The tag of a modifier; only one of a precedence can be given."""
    return Tagged(name, group=f"modifier {precedence}", needs=needs)


EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape(
            "set",
            _set,
            (Kind.STRING, Kind.STRING),
            tags=tuple(
                modifying(name, one.precedence, "enotify" * (name == "encodeurl"))
                for name, one in MODIFIERS.items()
            ),
        ),
    ),
    tests=(
        TestShape(
            "string",
            _string,
            (Kind.STRINGS, Kind.STRINGS),
            families=("match", "comparator"),
        ),
    ),
    expand=expand,
    modifiers=MODIFIERS,
)
