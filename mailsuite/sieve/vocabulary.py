"""All commands, tests and tags that a server knows, by their names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, field, frozen

from mailsuite.sieve.comparators import Comparator
from mailsuite.sieve.matching import MatchType
from mailsuite.sieve.program import Value
from mailsuite.sieve.shapes import (
    AddressPart,
    CommandShape,
    Complete,
    EnvelopePart,
    Extension,
    Modifier,
    Namespace,
    Narrow,
    Shape,
    Tagged,
    TestShape,
)

if TYPE_CHECKING:
    from mailsuite.sieve.binding import Bound, Scope
    from mailsuite.sieve.run import Run

K = TypeVar("K")
T = TypeVar("T")


@frozen
class Entry:
    """A shape and the capability it comes with; empty: the language itself.

    ``tags``: every tag it may take, with the capability that each needs.
    """

    shape: Shape
    capability: str
    tags: Mapping[str, tuple[Tagged, str]] = field(factory=dict, repr=False)


@frozen
class Vocabulary:
    """Made once from the extensions that are switched on."""

    capabilities: frozenset[str]
    commands: Mapping[str, Entry]
    tests: Mapping[str, Entry]
    implied: Mapping[str, frozenset[str]]
    interprets: tuple[tuple[str, Callable[[str], Value]], ...]
    """What extensions make of strings, in the order of the extensions."""
    comparators: Mapping[str, Comparator]
    matches: Mapping[str, MatchType]
    parts: Mapping[str, AddressPart]
    completes: Mapping[str, Complete]
    expands: "tuple[tuple[str, Callable[[str, Scope], Value]], ...]"
    namespaces: Mapping[str, tuple[str, Namespace]]
    """With the capability of each."""
    modifiers: Mapping[str, Modifier]
    narrows: Mapping[str, Narrow]
    variants: "Mapping[tuple[str, str], Callable[[Bound], Any]]"
    envelope: Mapping[str, tuple[str, EnvelopePart]]
    """With the capability of each."""
    zones: Callable[[str], bool] | None = None
    """Whether there is a time zone of that name; None: it turns out in a run."""

    @property
    def built_in(self) -> frozenset[str]:
        """Comparators of the language itself, which may be asked for as well."""
        return frozenset(f"comparator-{name}" for name in self.comparators)

    @classmethod
    def of(cls, extensions: Iterable[Extension]) -> "Vocabulary":
        """Put extensions together. Later ones may not redefine a name."""
        all_ = tuple(extensions)
        tags: dict[str, dict[str, tuple[Tagged, str]]] = {}
        for extension in all_:
            for target, added in extension.tags.items():
                known = tags.setdefault(target, {})
                for tag in added:
                    known.setdefault(tag.name, (tag, tag.needs or extension.name))
        return cls(
            capabilities=frozenset(one.name for one in all_ if one.name),
            commands=_tagged(_entries(all_, lambda one: one.commands), tags),
            tests=_tagged(_entries(all_, lambda one: one.tests), tags),
            implied={one.name: frozenset(one.implies) for one in all_ if one.name},
            interprets=_given(all_, lambda one: one.interpret),
            comparators=_merged(all_, lambda one: one.comparators),
            matches=_merged(all_, lambda one: one.matches),
            parts=_merged(all_, lambda one: one.parts),
            completes=_merged(all_, lambda one: one.completes),
            expands=_given(all_, lambda one: one.expand),
            namespaces=_owned(all_, lambda one: one.namespaces),
            modifiers=_merged(all_, lambda one: one.modifiers),
            narrows=_merged(all_, lambda one: one.narrows),
            variants=_merged(all_, lambda one: one.variants),
            envelope=_owned(all_, lambda one: one.envelope),
        )

    def completed(self, bound: "Bound") -> Callable[["Run", Any], Any]:
        """What the tags of a command, and extensions without one, add to its action."""
        made = [
            self.completes[tag](bound) for tag in bound.tags if tag in self.completes
        ]

        def complete(run: "Run", action: Any) -> Any:
            for one in made:
                action = one(run, action)
            return action

        return complete

    def narrowed(self, bound: "Bound") -> Callable[[Sequence[Any]], Sequence[Any]]:
        """Which of the fields it found a test with these tags looks at."""
        made = [self.narrows[tag](bound) for tag in bound.tags if tag in self.narrows]
        told = [one for one in made if one is not None]
        return told[0] if told else everything

    def compiled(self, bound: "Bound", shape: Shape) -> Any:
        """A step or condition, as its tags want it."""
        for tag in bound.tags:
            variant = self.variants.get((shape.name, tag))
            if variant is not None:
                return variant(bound)
        return shape.compile(bound)

    def command(self, name: str) -> CommandShape | None:
        """A command by its name."""
        entry = self.commands.get(name)
        return entry.shape if entry and isinstance(entry.shape, CommandShape) else None

    def test(self, name: str) -> TestShape | None:
        """A test by its name."""
        entry = self.tests.get(name)
        return entry.shape if entry and isinstance(entry.shape, TestShape) else None


def everything(found: Sequence[Any]) -> Sequence[Any]:
    """What a test looks at whose tags narrow nothing."""
    return found


def _entries(
    extensions: Iterable[Extension], shapes: Callable[[Extension], Iterable[Shape]]
) -> dict[str, Entry]:
    """Shapes by their names, the first of each."""
    found: dict[str, Entry] = {}
    for one in extensions:
        for shape in shapes(one):
            found.setdefault(shape.name, Entry(shape, one.name))
    return found


def _merged(
    extensions: Iterable[Extension], part: Callable[[Extension], Mapping[K, T]]
) -> dict[K, T]:
    """What all of them have."""
    return {key: value for one in extensions for key, value in part(one).items()}


def _owned(
    extensions: Iterable[Extension], part: Callable[[Extension], Mapping[K, T]]
) -> dict[K, tuple[str, T]]:
    """As ``_merged``, with the capability of each."""
    return {
        key: (one.name, value) for one in extensions for key, value in part(one).items()
    }


def _given(
    extensions: Iterable[Extension], part: Callable[[Extension], T | None]
) -> tuple[tuple[str, T], ...]:
    """The capability and what it has, of those that have it."""
    found = ((one.name, part(one)) for one in extensions)
    return tuple((name, value) for name, value in found if value is not None)


def _tagged(
    entries: Mapping[str, Entry], tags: Mapping[str, Mapping[str, tuple[Tagged, str]]]
) -> dict[str, Entry]:
    """The entries with all tags that extensions add to them and their families."""
    made = {}
    for name, entry in entries.items():
        shape = entry.shape
        found = {tag.name: (tag, tag.needs) for tag in shape.tags}
        for target in (*(f"@{family}" for family in shape.families), name):
            found.update(tags.get(target, {}))
        made[name] = evolve(entry, tags=found)
    return made
