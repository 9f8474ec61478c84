"""All commands, tests and tags that a server knows, by their names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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

    @property
    def built_in(self) -> frozenset[str]:
        """Comparators of the language itself, which may be asked for as well."""
        return frozenset(f"comparator-{name}" for name in self.comparators)

    @classmethod
    def of(cls, extensions: Iterable[Extension]) -> "Vocabulary":
        """Put extensions together. Later ones may not redefine a name."""
        commands: dict[str, Entry] = {}
        tests: dict[str, Entry] = {}
        tags: dict[str, dict[str, tuple[Tagged, str]]] = {}
        names = set()
        implied = {}
        interprets = []
        comparators: dict[str, Comparator] = {}
        matches: dict[str, MatchType] = {}
        parts: dict[str, AddressPart] = {}
        completes: dict[str, Complete] = {}
        expands: list[tuple[str, Callable[[str, Scope], Value]]] = []
        namespaces: dict[str, tuple[str, Namespace]] = {}
        modifiers: dict[str, Modifier] = {}
        narrows: dict[str, Narrow] = {}
        variants: dict[tuple[str, str], Callable[[Bound], Any]] = {}
        envelope: dict[str, tuple[str, EnvelopePart]] = {}
        for extension in extensions:
            name = extension.name
            if name:
                names.add(name)
                implied[name] = frozenset(extension.implies)
            if extension.interpret is not None:
                interprets.append((name, extension.interpret))
            comparators |= extension.comparators
            matches |= extension.matches
            parts |= extension.parts
            completes |= extension.completes
            if extension.expand is not None:
                expands.append((name, extension.expand))
            namespaces |= {one: (name, it) for one, it in extension.namespaces.items()}
            modifiers |= extension.modifiers
            narrows |= extension.narrows
            variants |= extension.variants
            envelope |= {one: (name, it) for one, it in extension.envelope.items()}
            for command in extension.commands:
                commands.setdefault(command.name, Entry(command, name))
            for test in extension.tests:
                tests.setdefault(test.name, Entry(test, name))
            for target, added in extension.tags.items():
                known = tags.setdefault(target, {})
                for tag in added:
                    known.setdefault(tag.name, (tag, tag.needs or name))
        return cls(
            frozenset(names),
            _tagged(commands, tags),
            _tagged(tests, tags),
            implied,
            tuple(interprets),
            comparators,
            matches,
            parts,
            completes,
            tuple(expands),
            namespaces,
            modifiers,
            narrows,
            variants,
            envelope,
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
