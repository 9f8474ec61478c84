"""The arguments of a command or test, sorted by what its shape says of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import define

from mailsuite.sieve import advice
from mailsuite.sieve.binding import Scope
from mailsuite.sieve.errors import BadScript, Unsupported
from mailsuite.sieve.shapes import Kind, Shape, Tagged
from mailsuite.sieve.tree import Argument, Command, Number, Tag, Test, Text, Texts
from mailsuite.sieve.vocabulary import Entry

FITTING: dict[Kind, tuple[type, ...]] = {
    Kind.NUMBER: (Number,),
    Kind.STRING: (Text,),
    Kind.STRINGS: (Text, Texts),
}

Sorted = tuple[dict[str, Argument | None], dict[str, str], tuple[Argument | None, ...]]


class Fail(Protocol):
    """Makes an error with its place."""

    def __call__(
        self, at: int, message: str, hint: str = "", kind: type[BadScript] = BadScript
    ) -> BadScript:
        """(offset, message, hint) to an error."""


@define(eq=False)
class Sorting:
    """Sorts the arguments of one script's commands and tests."""

    _scope: Scope
    _fail: Fail

    def sorted(self, node: Command | Test, entry: Entry) -> Sorted:
        """By tag, the tag of each group, and in order. :raises BadScript: they differ."""
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
        return tags, groups, self._positional(node, entry.shape, rest)

    def need(self, capability: str, at: int, what: str) -> None:
        """Look whether a capability is asked for. :raises Unsupported: it is not."""
        if capability and capability not in self._scope.requires:
            message, hint = advice.unasked(what, capability)
            raise self._fail(at, message, hint, Unsupported)

    def _tag(
        self,
        node: Command | Test,
        argument: Tag,
        known: Mapping[str, tuple[Tagged, str]],
    ) -> Tagged:
        found = known.get(argument.name)
        if found is None:
            hint = advice.tags(argument.name, known)
            message = f"{node.name} has no :{argument.name}"
            raise self._fail(argument.at, message, hint, Unsupported)
        tag, capability = found
        self.need(capability, argument.at, f":{argument.name}")
        return tag

    def _positional(
        self, node: Command | Test, shape: Shape, rest: Sequence[Argument]
    ) -> tuple[Argument | None, ...]:
        kinds = shape.positional
        missing = len(kinds) - len(rest)
        if missing < 0:
            message = f"{node.name} takes {advice.counted(kinds)}"
            raise self._fail(rest[len(kinds)].at, message)
        before = min(missing, shape.optional)
        behind = missing - before
        if behind > shape.trailing:
            kind = kinds[before + len(rest)]
            message, hint = advice.missing(node, kind, self._scope.vocabulary)
            raise self._fail(node.at, message, hint)
        there = kinds[before : len(kinds) - behind]
        for argument, kind in zip(rest, there, strict=True):
            self._fitting(argument, kind, kind.value, argument.at)
        return (*(None for _ in range(before)), *rest, *(None for _ in range(behind)))

    def _fitting(
        self, argument: Argument | None, kind: Kind, wanted: str, at: int
    ) -> Argument:
        if argument is None or not isinstance(argument, FITTING[kind]):
            where = at if argument is None else argument.at
            raise self._fail(where, f"{wanted} is expected here")
        return argument
