"""A vacation without knowledge of Sieve: a script that is written for its owner.

It replies, and then includes (RFC 6609) the script that was active before, which thus
goes on to decide what becomes of the mail, and can be changed meanwhile. Everybody
can read it: a client of ManageSieve shows it as any other script.
"""

from collections.abc import Iterator, Sequence

from attrs import frozen

from mailsuite.sieve.extensions.vacation import DAYS
from mailsuite.sieve.grammar import parse
from mailsuite.sieve.printing import render
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

NAME = "vacation"
"""Of the script that is written."""
MARK = b"# Written by mailsuite vacation;"
_HEAD = MARK + b' "mailsuite vacation clear" ends it.\r\n'


@frozen
class Away:
    """A reply. ``begin`` and ``end`` are the first and last day, or empty.

    Days are those of the server's zone, written YYYY-MM-DD. ``addresses`` are more of
    the owner's; ``days`` pass before a sender gets it again. ``includes``: the script
    that decides what becomes of the mail, empty: none.
    """

    text: str
    subject: str = ""
    begin: str = ""
    end: str = ""
    addresses: tuple[str, ...] = ()
    days: int = DAYS
    includes: str = ""


def written(away: Away) -> bytes:
    """The script."""
    tests = [
        _test("currentdate", Tag("value"), *map(Text, (relation, "date", day)))
        for relation, day in (("ge", away.begin), ("le", away.end))
        if day
    ]
    reply = Command("vacation", tuple(_arguments(away)))
    commands = [Command("if", (), (_all(tests),), block=(reply,)) if tests else reply]
    asked = ["vacation", *(("date", "relational") if tests else ())]
    if away.includes:
        asked.append("include")
        words = (Tag("personal"), Tag("optional"), Text(away.includes))
        commands.append(Command("include", words))
    require = Command("require", (Texts(tuple(map(Text, sorted(asked)))),))
    return _HEAD + render(Script((require, *commands)))


def _test(name: str, *arguments: Argument) -> Test:
    return Test(name, arguments)


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return Test("allof", tests=tuple(tests), listed=True)


def _arguments(away: Away) -> Iterator[Argument]:
    yield from (Tag("days"), Number(away.days))
    if away.subject:
        yield from (Tag("subject"), Text(away.subject))
    if away.addresses:
        yield from (Tag("addresses"), Texts(tuple(map(Text, away.addresses))))
    lines = away.text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    yield Text(lines.replace("\n", "\r\n"))


def read(content: bytes) -> Away | None:
    """What such a script says; None: it is not one of ours.

    :raises BadScript: somebody has broken it.
    """
    if not content.startswith(MARK):
        return None
    tree = parse(content)
    replies = [one for one in commands(tree) if one.name == "vacation"]
    given = _given(replies[0].arguments) if replies else {}
    bounds = {"ge": "", "le": ""}
    for node in commands(tree):
        for test in (*node.tests, *(t for one in node.tests for t in one.tests)):
            if test.name == "currentdate" and len(test.arguments) >= 4:
                _, relation, _, day = map(_text, test.arguments[:4])
                bounds[relation] = day
    includes = [one.arguments[-1] for one in tree.commands if one.name == "include"]
    days = given.get("days")
    return Away(
        _text(given.get("")),
        _text(given.get("subject")),
        bounds["ge"],
        bounds["le"],
        _texts(given.get("addresses")),
        days.value if isinstance(days, Number) else DAYS,
        _text(includes[0]) if includes else "",
    )


def commands(tree: Script) -> Iterator[Command]:
    """Every command of a script, those in blocks too."""
    waiting = list(reversed(tree.commands))
    while waiting:
        command = waiting.pop()
        yield command
        waiting += reversed(command.block or ())


def _given(arguments: Sequence[Argument]) -> dict[str, Argument]:
    """The values of tags by their names; the empty one is what stands alone."""
    found: dict[str, Argument] = {}
    name = ""
    for one in arguments:
        if isinstance(one, Tag):
            name = one.name
        else:
            found[name] = one
            name = ""
    return found


def _text(one: Argument | None) -> str:
    return one.value if isinstance(one, Text) else ""


def _texts(one: Argument | None) -> tuple[str, ...]:
    if isinstance(one, Texts):
        return tuple(text.value for text in one.values)
    return (one.value,) if isinstance(one, Text) else ()
