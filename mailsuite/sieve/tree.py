"""The syntax tree of a script (RFC 5228 §8.2); ``at`` are offsets in characters."""

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from attrs import frozen


@frozen
class Tag:
    """``:name``, in lower case without the colon."""

    name: str
    at: int = 0


@frozen
class Number:
    """A number, its quantifier multiplied in."""

    value: int
    at: int = 0


@frozen
class Text:
    """A string of either form, without quotes and escapes."""

    value: str
    at: int = 0


@frozen
class Texts:
    """A string list in brackets."""

    values: tuple[Text, ...]
    at: int = 0


Argument = Tag | Number | Text | Texts


@frozen
class Test:
    """A test with its arguments; ``name`` in lower case.

    ``listed``: its tests stand in parentheses.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    tests: tuple["Test", ...] = ()
    listed: bool = False
    at: int = 0


@frozen
class Command:
    """A command; ``block`` is None where a semicolon ends it."""

    name: str
    arguments: tuple[Argument, ...] = ()
    tests: tuple[Test, ...] = ()
    listed: bool = False
    block: tuple["Command", ...] | None = None
    at: int = 0


@frozen
class Script:
    """A whole script and its text, from which errors tell their place."""

    commands: tuple[Command, ...]
    text: str = ""

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins."""
        lengths = map(len, self.text.split("\n"))
        return [0, *accumulate(length + 1 for length in lengths)]

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1; once, of a text that is no tree."""
    line = text.count("\n", 0, at) + 1
    return line, at - text.rfind("\n", 0, at)
