"""A tree becomes a program: every name, argument and place is checked.

The first thing that is wrong is told with its line, its column and what to do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from mailsuite.model.lines import printable
from mailsuite.sieve import advice, printing, screening, wrapping
from mailsuite.sieve.arguments import Sorting
from mailsuite.sieve.binding import Bound, Scope
from mailsuite.sieve.doubts import told
from mailsuite.sieve.errors import BadScript, Unsupported
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.sieve.grammar import parse
from mailsuite.sieve.program import Condition, Program, Step, Value
from mailsuite.sieve.shapes import CommandShape, Shape, Tests
from mailsuite.sieve.tree import (
    Command,
    Script,
    Tag,
    Test,
    Text,
)
from mailsuite.sieve.vocabulary import Entry, Vocabulary


def check(
    octets: bytes, vocabulary: Vocabulary = VOCABULARY, *, traced: bool = False
) -> Program:
    """Read and check a script; ``traced`` programs tell each decision.

    :raises BadScript: the first thing that is wrong.
    """
    return Checker(parse(octets), vocabulary, traced).program()


@define(eq=False)
class Checker:
    """Checks one script from its beginning to its end."""

    _script: Script
    _vocabulary: Vocabulary
    _traced: bool = False
    _scope: Scope = field(init=False)
    _sorting: Sorting = field(init=False)
    _nodes: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._scope = Scope(self._vocabulary)
        self._sorting = Sorting(self._scope, self._fail)

    def program(self) -> Program:
        """The whole script."""
        steps = self._block(self._script.commands, top=True)
        scope = self._scope
        screening.known(scope).clear()
        wanted = tuple(dict.fromkeys(scope.wanted))
        doubts = told(self._script)
        return Program(steps, scope.requires, wanted, self._nodes, doubts)

    def demand(self, name: str, at: int) -> None:
        """A capability that the script asks for. :raises BadScript: unknown."""
        known = self._vocabulary.capabilities
        if name not in known and name not in self._vocabulary.built_in:
            hint = advice.capability(name, known)
            raise self._fail(at, f"this server has no capability {name}", hint)
        self._scope.requires |= {name, *self._vocabulary.implied.get(name, ())}

    def _block(
        self, commands: Sequence[Command], *, top: bool = False
    ) -> tuple[Step, ...]:
        steps: list[Step] = []
        before = ""
        started = not top
        for command in commands:
            try:
                entry = self._known(command, self._vocabulary.commands)
                self._placed(command, entry.shape, before, started=started)
                started = started or not getattr(entry.shape, "first", False)
                step: Step = self._made(command, entry)
            except Unsupported as error:
                if not self._scope.lenient:
                    raise
                step = wrapping.deferred(error)
            steps.append(step)
            before = command.name
        return screening.screened(self._scope, commands, steps)

    def _inside(self, node: Command) -> tuple[Step, ...]:
        """The steps of a command's own block."""
        within = self._scope.within
        within.append(node)
        try:
            return self._block(node.block) if node.block else ()
        finally:
            within.pop()

    def _placed(
        self, command: Command, shape: Shape, before: str, *, started: bool
    ) -> None:
        assert isinstance(shape, CommandShape)
        if shape.first and started:
            message = f"{command.name} must stand before all other commands"
            hint = "move it to the beginning of the script"
            raise self._fail(command.at, message, hint)
        if shape.follows and before not in shape.follows:
            told = " or ".join(shape.follows)
            raise self._fail(command.at, f"{command.name} must follow {told}")

    def _known(self, node: Command | Test, known: Mapping[str, Entry]) -> Entry:
        entry = known.get(node.name)
        if entry is None:
            message, hint = advice.unknown(node, self._vocabulary)
            raise self._fail(node.at, message, hint, Unsupported)
        self._sorting.need(entry.capability, node.at, node.name)
        return entry

    def _made(self, node: Command | Test, entry: Entry) -> Any:
        """The step or condition, with what stands around it."""
        self._nodes += 1
        bound = self._bound(node, entry)
        made = self._vocabulary.compiled(bound, entry.shape)
        needs = self._scope.maybe and self._scope.maybe & _needs(node, entry)
        if needs:
            made = wrapping.guarded(made, needs, bound.line)
        if self._traced and isinstance(node, Test):
            return wrapping.judged(made, bound.line, printing.told(node))
        if self._traced and node.name != "require" and not entry.shape.block:
            return wrapping.watched(made, bound.line, printing.told(node))
        return made

    def _bound(self, node: Command | Test, entry: Entry) -> Bound:
        shape = entry.shape
        tags, groups, positional = self._sorting.sorted(node, entry)
        conditions = self._conditions(node, shape.tests)
        block: tuple[Step, ...] = ()
        if isinstance(node, Command):
            if (node.block is not None) != shape.block:
                wanted = "needs a block in braces" if shape.block else "takes no block"
                raise self._fail(node.at, f"{node.name} {wanted}")
            block = self._inside(node)
        return Bound(
            node,
            self._script.place(node.at)[0],
            tags,
            positional,
            self._interpret,
            self._fail,
            self._scope,
            groups,
            conditions,
            block,
            self.demand,
        )

    def _conditions(self, node: Command | Test, wanted: Tests) -> tuple[Condition, ...]:
        given = node.tests
        fits = {
            Tests.NONE: not given,
            Tests.ONE: len(given) == 1 and not node.listed,
            Tests.MANY: node.listed,
        }[wanted]
        if not fits:
            at, message, hint = advice.tests(node, wanted, self._vocabulary)
            raise self._fail(at, message, hint)
        return tuple(map(self._condition, given))

    def _condition(self, test: Test) -> Condition:
        try:
            made: Condition = self._made(
                test, self._known(test, self._vocabulary.tests)
            )
        except Unsupported as error:
            if not self._scope.lenient:
                raise
            return wrapping.deferred(error)
        return made

    def _interpret(self, text: Text) -> Value:
        value: Value = text.value
        scope = self._scope
        try:
            for capability, interpret in self._vocabulary.interprets:
                if capability in scope.requires and isinstance(value, str):
                    value = interpret(value)
            for capability, expand in self._vocabulary.expands:
                if capability in scope.requires and isinstance(value, str):
                    value = expand(value, scope)
        except ValueError as error:
            raise self._fail(text.at, str(error)) from None
        return value

    def _fail(
        self, at: int, message: str, hint: str = "", kind: type[BadScript] = BadScript
    ) -> BadScript:
        return kind(*self._script.place(at), printable(message), printable(hint))


def _needs(node: Command | Test, entry: Entry) -> set[str]:
    """The capabilities that a command or test uses itself."""
    needs = {entry.capability}
    before = ""
    for argument in node.arguments:
        if isinstance(argument, Tag):
            needs.add(entry.tags[argument.name][1])
        elif isinstance(argument, Text) and before == "comparator":
            needs.add(f"comparator-{argument.value}")
        before = argument.name if isinstance(argument, Tag) else ""
    return needs
