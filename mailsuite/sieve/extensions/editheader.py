"""``addheader`` and ``deleteheader`` (RFC 5293).

What says where a message has been and what was found about it stays as it is:
changes to these fields are passed over in silence (§6). Line ends in a value can
never make another field.
"""

import re

from mailsuite.mime import compose, words
from mailsuite.sieve import matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Exhausted, Trouble
from mailsuite.sieve.limits import EDITED_OCTETS, TEXT_CHARACTERS
from mailsuite.sieve.parts import Field
from mailsuite.sieve.program import Step, Value, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged
from mailsuite.sieve.tree import Text

CAPABILITY = "editheader"
NAME_CHARACTERS = 76  # of a field's name that is added
UNTOUCHED = frozenset(("received", "auto-submitted", "authentication-results"))
"""Fields that no script deletes: RFC 5293 §6, and what this server found."""
UNADDED = UNTOUCHED - {"auto-submitted"}

_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8
_FOLD = re.compile(r"\r?\n(?=[ \t])|(?:\r?\n)+$")
_ENDS = re.compile(r"[\r\n\0]")


def _name(bound: Bound, which: int) -> Value:
    name = bound.value(which)
    if isinstance(name, str) and not _valid(name):
        raise bound.error(which, f"{name[:NAME_CHARACTERS]!r} is no name of a field")
    return name


def _valid(name: str) -> bool:
    return len(name) <= NAME_CHARACTERS and bool(_NAME.fullmatch(name))


def _named(run: Run, name: Value, line: int) -> str:
    found = text(run, name)
    if not _valid(found):
        raise Trouble(f"line {line}: {found[:NAME_CHARACTERS]!r} is no name of a field")
    return found


def _addheader(bound: Bound) -> Step:
    name = _name(bound, 0)
    value = bound.value(1)
    if isinstance(value, str) and _ENDS.search(_FOLD.sub(" ", value)):
        hint = "write it in one line, or begin each further line with a space"
        raise bound.error(1, "a value cannot begin another field", hint)
    last = bound.has("last")

    def addheader(run: Run) -> None:
        run.step()
        named = _named(run, name, bound.line)
        if named.lower() in UNADDED:
            return
        whole = _FOLD.sub("", text(run, value))
        raw = compose.unstructured(named, whole, TEXT_CHARACTERS)
        _count(run, len(raw))
        message = run.editable()
        place = len(message.fields) if last else 0
        message.fields.insert(place, Field(named.lower(), raw))
        message.edited(len(raw))

    return addheader


def _count(run: Run, octets: int) -> None:
    """Bound what is added: a script may be a bomb."""
    run.work(octets)
    added = run.state.get(CAPABILITY, 0) + octets
    if added > EDITED_OCTETS:
        raise Exhausted(f"more than {EDITED_OCTETS} octets of header fields are added")
    run.state[CAPABILITY] = added


def _deleteheader(bound: Bound) -> Step:
    patterns = bound.given(0)
    if not patterns and not isinstance(bound.positional[1], Text):
        raise bound.error(1, "one name of a field is expected here")
    if bound.has("last") and not bound.has("index"):
        raise bound.error(None, ":last can only stand beside :index", "add :index 1")
    name = _name(bound, 0 if patterns else 1)
    match = matching.compiled(bound, 1) if patterns else None
    index = bound.number("index") if bound.has("index") else 0
    if bound.has("index") and not index:
        raise bound.error("index", "fields are counted from 1")
    last = bound.has("last")

    def deleteheader(run: Run) -> None:
        run.step()
        named = _named(run, name, bound.line).lower()
        found = [one for one in run.message.fields if one.name == named]
        if named in UNTOUCHED or not found:
            return
        if index:
            found = _numbered(found, -index if last else index - 1)
        gone = [one for one in found if match is None or match(run, [_value(one)])]
        if gone:
            message = run.editable()
            there = {id(one) for one in gone}
            message.fields[:] = [f for f in message.fields if id(f) not in there]
            message.edited(-sum(len(one.raw) for one in gone))

    return deleteheader


def _numbered(found: list[Field], place: int) -> list[Field]:
    return [found[place]] if -len(found) <= place < len(found) else []


def _value(one: Field) -> str:
    return words.decode(one.value).strip()


EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape(
            "addheader",
            _addheader,
            (Kind.STRING, Kind.STRING),
            tags=(Tagged("last"),),
        ),
        CommandShape(
            "deleteheader",
            _deleteheader,
            (Kind.STRING, Kind.STRINGS),
            optional=1,
            tags=(Tagged("index", Kind.NUMBER), Tagged("last")),
            families=("match", "comparator"),
        ),
    ),
)
