"""How commands and tests are declared: names, arguments, and what compiles them.

An extension is a value: its capability and the shapes and tags it adds. Checking
a script needs nothing else, and a new extension touches no other file than its own
and the table.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import Factory, frozen

if TYPE_CHECKING:
    from mailsuite.mime.addresses import Mailbox
    from mailsuite.sieve.binding import Bound, Scope
    from mailsuite.sieve.comparators import Comparator
    from mailsuite.sieve.matching import MatchType
    from mailsuite.sieve.program import Value
    from mailsuite.sieve.run import Run

AddressPart = Callable[["Mailbox"], str | None]
"""The part of an address, None: it has none (``:detail``)."""

Complete = Callable[["Bound"], "Callable[[Run, Any], Any]"]
"""Gives what turns an action into the same with what the tag says."""

Narrow = Callable[["Bound"], Callable[[Sequence[Any]], Sequence[Any]] | None]
"""Gives what leaves some of the fields that a test found, None: it leaves all."""


@frozen
class Namespace:
    """Variables whose names begin with one word and a dot (RFC 5229 §3).

    Both are asked with the rest of the name when a script is checked.
    """

    read: "Callable[[str], Callable[[Run], str]]"
    """:raises ValueError: there can be no such name."""
    write: "Callable[[str], Callable[[Run, str], None]] | None" = None
    """None: scripts cannot set them."""


@frozen
class Modifier:
    """What a tag of ``set`` makes of a value; larger precedences come first."""

    precedence: int
    change: Callable[[str], str]


@frozen
class EnvelopePart:
    """What the test ``envelope`` finds under one name (RFC 5228 §5.4).

    ``values``: mailboxes, of which an address part is taken, and texts that are
    matched whole. ``divided``: whether address parts may be asked for. ``shaped``
    gives the part as the tags of one test want it.
    """

    values: "Callable[[Run], Sequence[Mailbox | str]]"
    divided: bool = True
    shaped: "Callable[[Bound], EnvelopePart] | None" = None


class Kind(Enum):
    """What an argument may be; the value is what errors call it."""

    NUMBER = "a number"
    STRING = "a string"
    STRINGS = "a string or a list of strings"


class Tests(Enum):
    """How many tests a command or test takes."""

    NONE = "no test"
    ONE = "one test"
    MANY = "a list of tests in parentheses"


@frozen
class Tagged:
    """A tag, and the value behind it if it has one.

    At most one of a ``group`` may be given (RFC 5228 §2.7.1: one match type);
    without a group a tag stands for itself. ``needs`` is a capability beyond that of
    the command it belongs to.
    """

    name: str
    value: Kind | None = None
    group: str = ""
    needs: str = ""


@frozen
class Shape:
    """A command or test.

    ``positional`` arguments follow the tags, in this order; the first ``optional``
    of them may be left out, and the last ``trailing``. ``families`` names sets of tags that several take and
    extensions add to: ``match``, ``comparator``, ``address``.
    """

    name: str
    compile: "Callable[[Bound], Any]"
    positional: tuple[Kind, ...] = ()
    optional: int = 0
    trailing: int = 0
    tags: tuple[Tagged, ...] = ()
    families: tuple[str, ...] = ()
    tests: Tests = Tests.NONE
    block: bool = False


@frozen
class CommandShape(Shape):
    """Compiles to a step (:data:`~mailsuite.sieve.program.Step`).

    ``follows`` are the commands it must come right behind (``elsif``); ``first``:
    only commands of that same name may come before it (``require``).
    """

    follows: tuple[str, ...] = ()
    first: bool = False


@frozen
class TestShape(Shape):
    """Compiles to a condition (:data:`~mailsuite.sieve.program.Condition`)."""


@frozen
class Extension:
    """What one capability adds; an empty ``name`` is the language itself.

    ``tags`` are added to commands and tests by their names, and to families by
    ``@name``. ``implies`` are capabilities that come with this one.
    """

    name: str
    commands: tuple[CommandShape, ...] = ()
    tests: tuple[TestShape, ...] = ()
    tags: Mapping[str, tuple[Tagged, ...]] = Factory(dict)
    implies: tuple[str, ...] = ()
    interpret: "Callable[[str], Value] | None" = None
    """What it makes of each string (``${name}``). :raises ValueError: nothing."""
    comparators: "Mapping[str, Comparator]" = Factory(dict)
    matches: "Mapping[str, MatchType]" = Factory(dict)
    """Match types by their tags, which stand in ``tags`` at ``@match``."""
    parts: "Mapping[str, AddressPart]" = Factory(dict)
    """Address parts by their tags, which stand in ``tags`` at ``@address``."""
    completes: "Mapping[str, Complete]" = Factory(dict)
    """By tag, what it adds to the actions of commands that have it: ``:flags``."""
    expand: "Callable[[str, Scope], Value] | None" = None
    """As ``interpret``, afterwards, and knowing the script up to that place."""
    namespaces: Mapping[str, Namespace] = Factory(dict)
    """Variables that this capability brings, by their first word."""
    modifiers: Mapping[str, Modifier] = Factory(dict)
    """Of ``set`` by their tags, which stand in ``tags`` at ``set``."""
    narrows: "Mapping[str, Narrow]" = Factory(dict)
    """By tag, which of the fields it found a test looks at: ``:index``."""
    variants: "Mapping[tuple[str, str], Callable[[Bound], Any]]" = Factory(dict)
    """(command or test, tag) to what compiles it instead where the tag stands."""
    envelope: Mapping[str, EnvelopePart] = Factory(dict)
    """Parts of the envelope that this capability adds, in lower case."""
