"""A tree becomes a program: every name, argument and place is checked.

The first thing that is wrong is told with its line, its column and what to do.
"""

from collections.abc import Mapping, Sequence

from attrs import define, field

from mailsuite.sieve import advice
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.sieve.grammar import parse
from mailsuite.sieve.program import Condition, Program, Step, Value
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Kind, Shape, Tagged, Tests
from mailsuite.sieve.tree import (
    Argument,
    Command,
    Number,
    Script,
    Tag,
    Test,
    Text,
    Texts,
)
from mailsuite.sieve.vocabulary import Entry, Vocabulary


def check(
    octets: bytes, vocabulary: Vocabulary = VOCABULARY, *, traced: bool = False
) -> Program:
    """Read and check a script; ``traced`` programs tell each decision.

    :raises BadScript: the first thing that is wrong.
    """
    return Checker(parse(octets), vocabulary, traced).program()


FITTING: dict[Kind, tuple[type, ...]] = {
    Kind.NUMBER: (Number,),
    Kind.STRING: (Text,),
    Kind.STRINGS: (Text, Texts),
}


@define(eq=False)
class Checker:
    """Checks one script from its beginning to its end."""

    _script: Script
    _vocabulary: Vocabulary
    _traced: bool = False
    requires: frozenset[str] = field(default=frozenset(), init=False)
    """Capabilities that are asked for up to here."""

    def program(self) -> Program:
        """The whole script."""
        steps = self._block(self._script.commands, top=True)
        return Program(steps, self.requires)

    def demand(self, name: str, at: int) -> None:
        """A capability that the script asks for. :raises BadScript: unknown."""
        known = self._vocabulary.capabilities
        if name not in known and name not in self._vocabulary.built_in:
            hint = advice.nearest(name, known)
            raise self._fail(at, f"this server has no capability {name}", hint)
        self.requires |= {name, *self._vocabulary.implied.get(name, ())}

    def _block(
        self, commands: Sequence[Command], *, top: bool = False
    ) -> tuple[Step, ...]:
        steps: list[Step] = []
        before = ""
        started = not top
        for command in commands:
            entry = self._known(command, self._vocabulary.commands)
            shape = entry.shape
            assert isinstance(shape, CommandShape)
            if shape.first and started:
                message = f"{command.name} must stand before all other commands"
                hint = "move it to the beginning of the script"
                raise self._fail(command.at, message, hint)
            if shape.follows and before not in shape.follows:
                told = " or ".join(shape.follows)
                raise self._fail(command.at, f"{command.name} must follow {told}")
            started = started or not shape.first
            step = shape.compile(self._bound(command, entry))
            steps.append(self._watched(step, command) if self._traced else step)
            before = command.name
        return tuple(steps)

    def _known(self, node: Command | Test, known: Mapping[str, Entry]) -> Entry:
        entry = known.get(node.name)
        if entry is None:
            message, hint = advice.unknown(node, self._vocabulary)
            raise self._fail(node.at, message, hint)
        self._need(entry.capability, node.at, node.name)
        return entry

    def _need(self, capability: str, at: int, what: str) -> None:
        if capability and capability not in self.requires:
            message, hint = advice.unasked(what, capability)
            raise self._fail(at, message, hint)

    def _bound(self, node: Command | Test, entry: Entry) -> Bound:
        shape = entry.shape
        tags, groups, rest = self._arguments(node, entry)
        positional = self._positional(node, shape, rest)
        conditions = self._conditions(node, shape.tests)
        block: tuple[Step, ...] = ()
        if isinstance(node, Command):
            if (node.block is not None) != shape.block:
                wanted = "needs a block in braces" if shape.block else "takes no block"
                raise self._fail(node.at, f"{node.name} {wanted}")
            block = self._block(node.block) if node.block else ()
        return Bound(
            node,
            self._script.place(node.at)[0],
            tags,
            positional,
            self._interpret,
            self._fail,
            self.requires,
            self._vocabulary,
            groups,
            conditions,
            block,
            self.demand,
        )

    def _arguments(
        self, node: Command | Test, entry: Entry
    ) -> tuple[dict[str, Argument | None], dict[str, str], list[Argument]]:
        tags: dict[str, Argument | None] = {}
        groups: dict[str, str] = {}
        rest: list[Argument] = []
        arguments = iter(node.arguments)
        for argument in arguments:
            if not isinstance(argument, Tag):
                rest.append(argument)
                continue
            if rest:
                hint = "tags stand before the other arguments"
                raise self._fail(argument.at, f":{argument.name} comes too late", hint)
            tag = self._tag(node, argument, entry.tags)
            group = tag.group or tag.name
            if group in groups:
                message, hint = advice.twice(tag.name, groups[group])
                raise self._fail(argument.at, message, hint)
            groups[group] = tag.name
            tags[tag.name] = None
            if tag.value is not None:
                value = next(arguments, None)
                wanted = f"{tag.value.value} behind :{tag.name}"
                tags[tag.name] = self._fitting(value, tag.value, wanted, argument.at)
        return tags, groups, rest

    def _tag(
        self,
        node: Command | Test,
        argument: Tag,
        known: Mapping[str, tuple[Tagged, str]],
    ) -> Tagged:
        found = known.get(argument.name)
        if found is None:
            hint = advice.tags(argument.name, known)
            raise self._fail(argument.at, f"{node.name} has no :{argument.name}", hint)
        tag, capability = found
        self._need(capability, argument.at, f":{argument.name}")
        return tag

    def _positional(
        self, node: Command | Test, shape: Shape, rest: Sequence[Argument]
    ) -> tuple[Argument | None, ...]:
        kinds = shape.positional
        missing = len(kinds) - len(rest)
        if missing < 0:
            message = f"{node.name} takes {advice.counted(kinds)}"
            raise self._fail(rest[len(kinds)].at, message)
        if missing > shape.optional:
            kind = kinds[shape.optional + len(rest) if shape.optional else len(rest)]
            message, hint = advice.missing(node, kind, self._vocabulary)
            raise self._fail(node.at, message, hint)
        for argument, kind in zip(rest, kinds[missing:], strict=True):
            self._fitting(argument, kind, kind.value, argument.at)
        return (*(None for _ in range(missing)), *rest)

    def _fitting(
        self, argument: Argument | None, kind: Kind, wanted: str, at: int
    ) -> Argument:
        if argument is None or not isinstance(argument, FITTING[kind]):
            where = at if argument is None else argument.at
            raise self._fail(where, f"{wanted} is expected here")
        return argument

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
        entry = self._known(test, self._vocabulary.tests)
        made: Condition = entry.shape.compile(self._bound(test, entry))
        return self._judged(made, test) if self._traced else made

    def _interpret(self, text: Text) -> Value:
        value: Value = text.value
        for capability, interpret in self._vocabulary.interprets:
            if capability in self.requires and isinstance(value, str):
                try:
                    value = interpret(value)
                except ValueError as error:
                    raise self._fail(text.at, str(error)) from None
        return value

    def _fail(self, at: int, message: str, hint: str = "") -> BadScript:
        return BadScript(*self._script.place(at), message, hint)

    # Programs that tell what they do.

    def _judged(self, condition: Condition, test: Test) -> Condition:
        line = self._script.place(test.at)[0]

        def judged(run: Run) -> bool:
            result = condition(run)
            run.trail.append((line, f"{test.name}: {'yes' if result else 'no'}"))
            return result

        return judged

    def _watched(self, step: Step, command: Command) -> Step:
        line = self._script.place(command.at)[0]

        def watched(run: Run) -> None:
            before = len(run.actions)
            step(run)
            told = run.actions[before:]
            if command.block is None and command.name != "require":
                text = ", ".join(map(str, told)) or command.name
                run.trail.append((line, text))

        return watched
