"""The arguments of one command or test, sorted by its shape and checked.

What compiles a command asks its :class:`Bound` for values and never sees syntax.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from mailsuite.sieve import octets
from mailsuite.sieve.errors import BadScript, Question, Unsupported
from mailsuite.sieve.program import Condition, Step, Value, Values, text
from mailsuite.sieve.tree import Argument, Command, Number, Test, Text, Texts
from mailsuite.sieve.vocabulary import Vocabulary

Interpret = Callable[[Text], Value]
"""Turns a string of the script into a value; extensions may have it expanded."""


@define(eq=False)
class Scope:
    """What is known of one script up to the place that is being checked."""

    vocabulary: Vocabulary = field(repr=False)
    requires: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    """Of them those that ``ihave`` alone grants, when the script runs."""
    lenient: bool = False
    """Whether an ``ihave`` asked for what is not here: unknown names that follow
    are errors only if the script comes to them (RFC 5463 §4)."""
    wanted: list[Question] = field(factory=list)
    """What a run is likely to ask."""
    memory: dict[str, Any] = field(factory=dict)
    """What extensions keep while they check a script, by their capability."""
    within: list[Command] = field(factory=list)
    """The commands in whose blocks the place is, the outermost first."""


@define(eq=False)
class Bound:
    """``tags`` by name with the argument behind them, ``positional`` in order."""

    node: Command | Test
    line: int
    tags: Mapping[str, Argument | None]
    positional: tuple[Argument | None, ...]
    interpret: Interpret
    fail: Callable[[int, str, str], BadScript]
    """(offset, message, hint) to an error with its place."""
    scope: Scope = field(repr=False)
    groups: Mapping[str, str] = field(factory=dict)
    """The tag that was given of each group."""
    conditions: tuple[Condition, ...] = ()
    steps: tuple[Step, ...] = ()
    demand: Callable[[str, int], None] = field(default=lambda _, __: None, repr=False)
    """Asks for a capability (name, offset) from here on: ``require``."""

    @property
    def requires(self) -> frozenset[str]:
        """Capabilities that are asked for up to here."""
        return self.scope.requires

    @property
    def vocabulary(self) -> Vocabulary:
        """What the server knows."""
        return self.scope.vocabulary

    def texts(self, which: int | str) -> tuple[Text, ...]:
        """A string list as it stands in the script."""
        argument = self._argument(which)
        if isinstance(argument, Text):
            return (argument,)
        assert isinstance(argument, Texts)
        return argument.values

    def has(self, tag: str) -> bool:
        """Whether a tag was given."""
        return tag in self.tags

    def chosen(self, group: str, default: str) -> str:
        """Which tag of a group was given."""
        return self.groups.get(group, default)

    def number(self, which: int | str) -> int:
        """A number by its position or its tag."""
        argument = self._argument(which)
        assert isinstance(argument, Number)
        return argument.value

    def value(self, which: int | str) -> Value:
        """A string by its position or its tag, without octets that are no UTF-8."""
        argument = self._argument(which)
        assert isinstance(argument, Text)
        return _plain(self.interpret(argument))

    def values(self, which: int | str) -> Values:
        """A string list, which may be a string alone; without odd octets."""
        return tuple(map(_plain, self.keys(which)))

    def keys(self, which: int | str) -> Values:
        """As :meth:`values`, with whatever octets there are: to compare and keep."""
        return tuple(map(self.interpret, self.texts(which)))

    def constant(self, which: int | str) -> str:
        """A string that must be known now: a comparator's name.

        :raises BadScript: it depends on variables.
        """
        value = self.value(which)
        if not isinstance(value, str):
            raise self.error(which, "this must be a constant string")
        return value

    def given(self, which: int | str) -> bool:
        """Whether an optional argument, or a tag's value, is there."""
        if isinstance(which, str):
            return self.tags.get(which) is not None
        return self.positional[which] is not None

    def error(self, which: int | str | None, message: str, hint: str = "") -> BadScript:
        """An error at an argument, or at the command itself."""
        argument = None if which is None else self._found(which)
        return self.fail(
            self.node.at if argument is None else argument.at, message, hint
        )

    def unsupported(self, which: int | str, message: str, hint: str = "") -> BadScript:
        """As ``error``, for what another server may have."""
        made = self.error(which, message, hint)
        return Unsupported(made.line, made.column, made.message, made.hint)

    def _found(self, which: int | str) -> Argument | None:
        return (
            self.tags.get(which) if isinstance(which, str) else self.positional[which]
        )

    def _argument(self, which: int | str) -> Argument:
        argument = self._found(which)
        assert argument is not None
        return argument


def _plain(value: Value) -> Value:
    if isinstance(value, str):
        return octets.plain(value)
    return lambda run: octets.plain(text(run, value))
