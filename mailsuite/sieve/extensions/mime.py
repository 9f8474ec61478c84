"""``:mime`` at header, address and exists (RFC 5703 §4).

They look at the header of the part that a loop is at, outside of loops at that of
the message; with ``:anychild`` at those of all parts in it as well.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mailsuite.mime import addresses, parameters, words
from mailsuite.mime.quoting import unfolded
from mailsuite.sieve import looking, matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions import loops
from mailsuite.sieve.parts import Field, walk
from mailsuite.sieve.program import Condition, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Tagged

CAPABILITY = "mime"

Element = Callable[[Run, Field], Iterable[str]]
"""What a test takes of a field."""


def _headers(run: Run, *, anychild: bool) -> Iterator[Sequence[Field]]:
    """The header of each part that counts."""
    path = loops.current(run) or ()
    if not path and not anychild:
        yield run.message.fields
        return
    whole = looking.lying(run, path, inside=anychild)
    part = whole.part(path)
    for one in walk(part) if anychild else (part,):
        run.work(one.body - one.start + 1)
        yield run.message.fields if one is whole.structure else whole.fields(one)


def _fields(bound: Bound) -> Callable[[Run], Sequence[Field]]:
    """The fields that a test is about, of those it names."""
    if not bound.has("mime"):
        raise bound.error(None, "this can only be asked with :mime", "add :mime")
    anychild = bound.has("anychild")
    names = bound.values(0)
    narrow = bound.vocabulary.narrowed(bound)

    def fields(run: Run) -> Sequence[Field]:
        wanted = [name.lower() for name in texts(run, names)]
        found: list[Field] = []
        for header in _headers(run, anychild=anychild):
            found += [one for name in wanted for one in header if one.name == name]
        return narrow(found)

    return fields


def _header(bound: Bound) -> Condition:
    fields = _fields(bound)
    match = matching.compiled(bound, 1)
    chosen = bound.chosen("element", "")
    element = _parameters(bound) if chosen == "param" else _ELEMENTS[chosen]

    def header(run: Run) -> bool:
        run.step()
        return match(run, [one for it in fields(run) for one in element(run, it)])

    return header


def _address(bound: Bound) -> Condition:
    fields = _fields(bound)
    match = matching.compiled(bound, 1)
    part = bound.vocabulary.parts[bound.chosen("address-part", "all")]

    def address(run: Run) -> bool:
        run.step()
        found = [
            taken
            for one in fields(run)
            for mailbox in addresses.parse(one.value)
            if (taken := part(mailbox)) is not None
        ]
        return match(run, found)

    return address


def _exists(bound: Bound) -> Condition:
    fields = _fields(bound)
    names = bound.values(0)

    def exists(run: Run) -> bool:
        run.step()
        there = {one.name for one in fields(run)}
        return there.issuperset(name.lower() for name in texts(run, names))

    return exists


def _value(_: Run, one: Field) -> Iterable[str]:
    return (words.decode(one.value).strip(),)


def _kind(one: Field) -> tuple[str, str]:
    """Type and subtype; a disposition has no subtype, other fields have neither."""
    if one.name not in {"content-type", "content-disposition"}:
        return "", ""
    main = words.decode(parameters.parse(unfolded(one.value))[0])
    if one.name == "content-disposition":
        return main, ""
    kind, _, subtype = main.partition("/")
    return kind.strip(), subtype.strip()


def _type(_: Run, one: Field) -> Iterable[str]:
    return (_kind(one)[0],)


def _subtype(_: Run, one: Field) -> Iterable[str]:
    return (_kind(one)[1],)


def _contenttype(_: Run, one: Field) -> Iterable[str]:
    kind, subtype = _kind(one)
    return (f"{kind}/{subtype}" if subtype else kind,)


_ELEMENTS: dict[str, Element] = {
    "": _value,
    "type": _type,
    "subtype": _subtype,
    "contenttype": _contenttype,
}


def _parameters(bound: Bound) -> Element:
    names = bound.values("param")

    def found(run: Run, one: Field) -> Iterable[str]:
        pairs = parameters.parse(unfolded(one.value))[1]
        known = parameters.decode(pairs)
        wanted = (known.get(name.lower()) for name in texts(run, names))
        return [_worded(value) for value in wanted if value is not None]

    return found


def _worded(value: str) -> str:
    """Encoded words in a parameter are against RFC 2047 §5, and common."""
    return words.decode(value.encode("utf-8", "replace")) if "=?" in value else value


_TAGS = (Tagged("mime"), Tagged("anychild"))
_OF_HEADER = (
    *(Tagged(name, group="element") for name in ("type", "subtype", "contenttype")),
    Tagged("param", Kind.STRINGS, group="element"),
)
_COMPILED: dict[str, tuple[tuple[Tagged, ...], Callable[[Bound], Any]]] = {
    "header": ((*_TAGS, *_OF_HEADER), _header),
    "address": (_TAGS, _address),
    "exists": (_TAGS, _exists),
}

EXTENSION = Extension(
    CAPABILITY,
    tags={name: tags for name, (tags, _) in _COMPILED.items()},
    variants={
        (name, tag.name): compiled
        for name, (tags, compiled) in _COMPILED.items()
        for tag in tags
    },
)
