"""Hypothesis makes scripts out of a vocabulary, and messages to run them over.

Commands, tests and tags are taken from the shapes, so that what an extension adds
is used as soon as it stands in the table. Words that a random string would never
hit are in ``WORDS``: add those of an extension under the name of its command, test
or tag. What a drawn command needs besides is checked by the checker itself: only
commands that check alone are put into a script.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from mailsuite.sieve import printing
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript, Question, Wanted
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.sieve.message import Message
from mailsuite.sieve.program import Program
from mailsuite.sieve.run import Letter, Plan, run
from mailsuite.sieve.shapes import CommandShape, Kind, Tests
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

FIELDS = ("from", "to", "subject", "Received", "date", "X-Spam", "content-type")
GENERAL = (
    "", "a", "*", "a*b?", "${1}", "${a}", "${hex:41}", "${hex:e2 82}", "*${hex:ff}?", "INBOX", "lists/a", "\\Seen",
    "$Junk \\Flagged", "ann@example.org", "Bob <bob@example.net>", "text/plain", "3",
    "hello", "\u00e9\u20ac", "/private/comment", "mailto:ann@example.org", ":x", *FIELDS,
)  # fmt: skip
RELATIONS = ("gt", "ge", "lt", "le", "eq", "ne")
WORDS: dict[str, tuple[str, ...]] = {
    "comparator": tuple(VOCABULARY.comparators),
    "count": RELATIONS,
    "value": RELATIONS,
    "header": FIELDS,
    "address": ("from", "to", "Cc", "sender", "${a}"),
    "exists": FIELDS,
    "envelope": tuple(VOCABULARY.envelope),
    "redirect": ("ann@example.org", "Bob <bob@example.net>", "${a}@example.org"),
    "set": ("a", "b_1", "Subject"),
    "global": ("a", "b_1"),
    "date": ("date", "Received", "year", "hour", "iso8601", "zone", "weekday"),
    "currentdate": ("year", "month", "date", "time", "julian"),
    "zone": ("+0100", "-0930", "${a}"),
    "environment": ("domain", "host", "name", "version", "vnd.dovecot.default-mailbox"),
    "notify": ("mailto:ann@example.org", "mailto:a@example.org?subject=x"),
    "importance": ("1", "2", "3"),
    "include": ("a", "b", "c"),
    "specialuse": ("\\Junk", "\\Archive"),
    "specialuse_exists": ("INBOX", "\\Junk"),
    "ihave": tuple(VOCABULARY.capabilities),
    "ret": ("FULL", "HDRS"),
    "bymode": ("RETURN", "NOTIFY"),
    "flags": ("\\Seen", "$Label1 \\Flagged", "${a}"),
    "from": ("ann@example.org", "Ann <ann@example.org>"),
    "addresses": ("ann@example.org",),
    "regex": ("a+", "(.*)b", "[[:alpha:]]+"),
    "param": ("charset", "name"),
}
REGEXES = ("a+", "(.*)b", "^[0-9]*$")

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
STRINGS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@st.composite
def texts(draw: st.DrawFn, hint: str = "") -> Text:
    """A string that may mean something where it stands."""
    words = WORDS.get(hint, ())
    if words and draw(st.integers(0, 9)):
        return Text(draw(st.sampled_from(words)))
    if draw(st.integers(0, 9)):
        return Text(draw(st.sampled_from(GENERAL)))
    return Text(draw(STRINGS))


@st.composite
def values(draw: st.DrawFn, kind: Kind, hint: str = "") -> Argument:
    """An argument of that kind."""
    if kind is Kind.NUMBER:
        return Number(draw(st.sampled_from([0, 1, 2, 7, 100, 1 << 20, 1 << 40])))
    if kind is Kind.STRINGS and draw(st.booleans()):
        return Texts(tuple(draw(st.lists(texts(hint), min_size=1, max_size=3))))
    return draw(texts(hint))


@st.composite
def arguments(draw: st.DrawFn, entry: Entry) -> tuple[Argument, ...]:
    """Tags, at most one of each group, and what must follow them."""
    shape = entry.shape
    made: list[Argument] = []
    groups = set()
    names = sorted(entry.tags)
    chosen = st.lists(st.sampled_from(names), max_size=3) if names else st.just([])
    for name in draw(chosen):
        tag = entry.tags[name][0]
        group = tag.group or name
        if group not in groups:
            groups.add(group)
            made.append(Tag(name))
            if tag.value is not None:
                made.append(draw(values(tag.value, name)))
    hints = {0: shape.name}
    if any(isinstance(one, Tag) and one.name == "regex" for one in made):
        hints[len(shape.positional) - 1] = "regex"
    left_out = draw(st.integers(0, shape.optional))
    for place, kind in enumerate(shape.positional):
        if place >= left_out:
            made.append(draw(values(kind, hints.get(place, shape.name))))
    return tuple(made)


@st.composite
def tests(draw: st.DrawFn, vocabulary: Vocabulary, depth: int = 0) -> Test:
    """A test, and those in it."""
    name = draw(st.sampled_from(sorted(vocabulary.tests)))
    entry = vocabulary.tests[name]
    inner: tuple[Test, ...] = ()
    if entry.shape.tests is not Tests.NONE:
        if depth > 2:
            return Test("true")
        many = entry.shape.tests is Tests.MANY
        count = draw(st.integers(1, 3)) if many else 1
        inner = tuple(draw(tests(vocabulary, depth + 1)) for _ in range(count))
    return Test(name, draw(arguments(entry)), inner, entry.shape.tests is Tests.MANY)


@st.composite
def commands(draw: st.DrawFn, vocabulary: Vocabulary, depth: int = 0) -> Command:
    """A command that needs none before it, with its block."""
    names = [
        name
        for name, entry in sorted(vocabulary.commands.items())
        if not getattr(entry.shape, "follows", ()) and not _first(entry)
    ]
    entry = vocabulary.commands[draw(st.sampled_from([*names, "if", "if", "if"]))]
    shape = entry.shape
    if shape.block and depth > 2:
        return Command("keep")
    inner: tuple[Test, ...] = ()
    if shape.tests is not Tests.NONE:
        inner = (draw(tests(vocabulary)),)
    block = draw(blocks(vocabulary, depth + 1)) if shape.block else None
    return Command(shape.name, draw(arguments(entry)), inner, False, block)


def _first(entry: Entry) -> bool:
    return isinstance(entry.shape, CommandShape) and entry.shape.first


@st.composite
def blocks(
    draw: st.DrawFn, vocabulary: Vocabulary, depth: int = 0
) -> tuple[Command, ...]:
    """Commands that each check alone, chains of ``if`` among them."""
    made: list[Command] = []
    for command in draw(st.lists(commands(vocabulary, depth), max_size=4)):
        if not _checks(vocabulary, command):
            continue
        made.append(command)
        if command.name == "if":
            if draw(st.booleans()):
                test = draw(tests(vocabulary))
                elsif = evolve(command, name="elsif", tests=(test,))
                if _checks(vocabulary, evolve(elsif, name="if")):
                    made.append(elsif)
            if draw(st.booleans()):
                made.append(evolve(command, name="else", tests=()))
    return tuple(made)


def _checks(vocabulary: Vocabulary, command: Command) -> bool:
    """Whether it can be used by itself, or in a loop if it must be in one."""
    head = required(vocabulary)
    loop = Command("foreverypart", block=(command,))
    for one in (command, loop):
        try:
            check(printing.render(Script((head, one))), vocabulary)
        except BadScript:
            continue
        return True
    return False


@lru_cache(10)
def _requirement(names: tuple[str, ...]) -> Command:
    return Command("require", (Texts(tuple(map(Text, names))),))


def required(vocabulary: Vocabulary) -> Command:
    """What asks for all there is."""
    return _requirement(tuple(sorted(vocabulary.capabilities)))


@st.composite
def scripts(draw: st.DrawFn, vocabulary: Vocabulary = VOCABULARY) -> Script:
    """A script of which each command checks; the whole of it mostly does, too."""
    return Script((required(vocabulary), *draw(blocks(vocabulary))))


# Messages.

LINES = st.sampled_from(
    [
        b"From: Ann <ann@example.org>",
        b"To: bob+list@example.net, g: a@b.example, c@d.example;",
        b"Subject: =?utf-8?q?hello?= and more",
        b"Subject: a b",
        b"Date: Mon, 31 Mar 1997 18:26:10 -0800",
        b"Received: from x; Tue, 1 Apr 1997 09:06:31 +0000",
        b"X-Spam: 5",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="b"',
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Type: message/rfc822",
        b"Content-Transfer-Encoding: base64",
        b"Message-ID: <a@b.example>",
        b"List-Id: <x.example>",
        b" folded",
        b"no field",
        b": \xff",
        b"",
        b"--b",
        b"--b--",
        b"hello",
        b"aGVsbG8=",
        b".",
    ]
)
MESSAGES = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(LINES, st.binary(max_size=40)), max_size=25).map(b"\r\n".join),
)

# The world's answers.

ANSWERS: Mapping[str, Any] = {"include": None, "listed": None, "members": None}
"""Those that are not true or false, by the kind of the question; None: there is none.

``st.SearchStrategy`` values are drawn from.
"""


def finish(
    program: Program, letter: Letter, yes: bool = False, most: int = 200
) -> Plan:
    """Run a program, answering what it asks until it comes to an end."""
    answers: dict[Question, Any] = {}
    while True:
        try:
            return run(program, letter, answers)
        except Wanted as wanted:
            question = wanted.question
            assert question not in answers, f"{question} was answered"
            assert len(answers) < most, f"{most} questions"
            answers[question] = answered(question, yes)


def answered(question: Question, yes: bool = False) -> Any:
    if question.kind in {"metadata", "servermetadata"}:
        return "value" if yes else None
    if question.kind == "members":
        return ["ann@example.org"] if yes else None
    return ANSWERS.get(question.kind, yes)


def letter(octets: bytes) -> Letter:
    """A message on its way, as delivery would have it."""
    return Letter(
        Message.of(octets),
        "ann@example.org",
        "bob+list@example.net",
        now=1.8e9,
        zone=60,
    )
