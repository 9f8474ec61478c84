"""The syntax tree of a script (RFC 5228 §8.2); ``at`` are offsets in characters."""

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

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        return place(self.text, at)


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    line = text.count("\n", 0, at) + 1
    return line, at - (text.rfind("\n", 0, at) + 1) + 1
