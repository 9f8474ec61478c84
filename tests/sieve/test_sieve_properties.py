"""What is true of any script, any octets and any message."""

import re

from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.sieve.grammar import parse
from mailsuite.sieve.lexer import tokens
from mailsuite.sieve.limits import NUMBER
from mailsuite.sieve.printing import render
from mailsuite.sieve.run import Plan
from mailsuite.sieve.tree import Command, Number, Script, Tag, Text, Texts
from mailsuite.sieve.tree import Test as Asked
from tests.support import sievescripts
from tests.support.sievescripts import MESSAGES, NAMES, STRINGS

SLOW = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


ARGUMENTS = st.one_of(
    NAMES.map(Tag),
    st.integers(0, NUMBER).map(Number),
    STRINGS.map(Text),
    st.lists(STRINGS.map(Text), min_size=1, max_size=3).map(tuple).map(Texts),
)
MANY = st.lists(ARGUMENTS, max_size=4).map(tuple)


@st.composite
def asked(draw, depth=0):
    """A test, and none, one or a list of them behind it."""
    inner, listed = (), draw(st.booleans())
    if depth < 3:
        strategy = asked(depth + 1)
        if listed:
            inner = tuple(draw(st.lists(strategy, min_size=1, max_size=3)))
        elif draw(st.booleans()):
            inner = (draw(strategy),)
    return Asked(draw(NAMES), draw(MANY), inner, bool(inner) and listed)


@st.composite
def commands(draw, depth=0):
    """A command, with a semicolon or a block."""
    test = draw(asked(2))
    block = None
    if depth < 3 and draw(st.booleans()):
        block = tuple(draw(st.lists(commands(depth + 1), max_size=3)))
    return Command(draw(NAMES), draw(MANY), test.tests, test.listed, block)


TREES = st.lists(commands(), max_size=4).map(tuple).map(Script)


def bare(node):
    """The same without places."""
    match node:
        case Texts():
            return evolve(node, values=tuple(map(bare, node.values)), at=0)
        case Tag() | Number() | Text():
            return evolve(node, at=0)
        case Script():
            return tuple(map(bare, node.commands))
    parts = {
        "arguments": tuple(map(bare, node.arguments)),
        "tests": tuple(map(bare, node.tests)),
        "at": 0,
    }
    if isinstance(node, Command) and node.block is not None:
        parts["block"] = tuple(map(bare, node.block))
    return evolve(node, **parts)


class TreeTests(SynchronousTestCase):
    """Reading and printing."""

    @settings(SLOW, max_examples=40)
    @given(TREES)
    def test_printing_and_parsing(self, tree):
        """What is printed is read as the same tree."""
        self.assertEqual(bare(parse(render(tree))), bare(tree))

    @settings(SLOW, max_examples=40)
    @given(TREES)
    def test_places(self, tree):
        """Each node stands where it says."""
        read = parse(render(tree))
        for command in read.commands:
            line, column = read.place(command.at)
            text = read.text.split("\n")[line - 1][column - 1 :]
            self.assertTrue(text.startswith(command.name))

    @given(STRINGS)
    def test_multi_line_strings(self, text):
        """Any text can be written with text:, dots stuffed, ended by a line end."""
        text = re.sub(r"\r(?!\n)|(?<!\r)\n", "", text)
        stuffed = re.sub(r"^\.", "..", text + "\r\n", flags=re.MULTILINE)
        read = parse(f"a text:\r\n{stuffed}.\r\n;".encode())
        self.assertEqual(read.commands[0].arguments[0].value, text + "\r\n")


FRAGMENTS = st.sampled_from(
    [
        b"if", b"elsif", b"else", b"require", b"keep", b"header", b"anyof", b"not",
        b"address", b":is", b":matches", b":", b"text:", b"text:\r\n", b"\r\n.\r\n",
        b"{", b"}", b"(", b")", b"[", b"]", b",", b";", b'"', b'"a"', b'"\\', b"\\",
        b"/*", b"*/", b"#", b"\n", b"\r", b" ", b"12", b"9" * 30, b"1K", b"\xc3\xa9",
        b"\xff", b"\0", b"${", b"${hex:41}", b'"${a}"', b"redirect", b"\xef\xbb\xbf",
    ]
)  # fmt: skip


class OctetsTests(SynchronousTestCase):
    """Any octets."""

    def _reads(self, octets):
        try:
            check(octets)
        except BadScript as error:
            lines = octets.decode("utf-8", "replace").split("\n")
            self.assertTrue(1 <= error.line <= len(lines))
            self.assertTrue(1 <= error.column <= len(lines[error.line - 1]) + 1)
            self.assertTrue(str(error).isprintable() or "'" in str(error))

    @given(st.binary(max_size=300))
    def test_binary(self, octets):
        """They are a script, or tell where they are none."""
        self._reads(octets)

    @SLOW
    @given(st.lists(FRAGMENTS, max_size=40), st.sampled_from([b"", b" "]))
    def test_fragments(self, parts, between):
        """And so does what looks like a script."""
        self._reads(between.join(parts))

    @SLOW
    @given(sievescripts.scripts(), st.data())
    def test_damaged(self, script, data):
        """And so does a script from which something was cut."""
        octets = render(script)
        begin = data.draw(st.integers(0, len(octets)))
        end = data.draw(st.integers(begin, min(len(octets), begin + 20)))
        self._reads(octets[:begin] + data.draw(st.binary(max_size=3)) + octets[end:])

    @given(STRINGS)
    def test_tokens_end(self, text):
        """The end is a token, and the last one."""
        try:
            found = tokens(text)
        except BadScript:
            return
        self.assertEqual([one[0].name for one in found].index("END"), len(found) - 1)


class RunTests(SynchronousTestCase):
    """Any script that checks also runs, on any message, within its bounds."""

    @SLOW
    @given(sievescripts.scripts(), MESSAGES, st.booleans())
    def test_runs(self, script, message, yes):
        """A run ends with a plan, whatever the world answers."""
        program = _checked(render(script))
        plan = sievescripts.finish(program, sievescripts.letter(message), yes)
        self.assertIsInstance(plan, Plan)
        self.assertEqual(len(plan.actions), len(plan.messages))
        self.assertEqual(plan.message.written()[:0], b"")
        if plan.trouble:
            self.assertTrue(plan.actions[0].implicit)

    @SLOW
    @given(sievescripts.scripts(), MESSAGES)
    def test_traced(self, script, message):
        """A run that tells what it does plans the same."""
        octets = render(script)
        program, traced = _checked(octets), check(octets, traced=True)
        letter = sievescripts.letter(message)
        plain, told = (sievescripts.finish(one, letter) for one in (program, traced))
        self.assertEqual((plain.actions, plain.trouble), (told.actions, told.trouble))

    @SLOW
    @given(sievescripts.scripts(), MESSAGES)
    def test_runs_again(self, script, message):
        """A run leaves the letter as it was: another one plans the same."""
        program = _checked(render(script))
        letter = sievescripts.letter(message)
        first, second = (sievescripts.finish(program, letter) for _ in range(2))
        self.assertEqual(
            (first.actions, first.trouble), (second.actions, second.trouble)
        )
        self.assertEqual(first.message.written(), second.message.written())
        self.assertEqual(letter.message.written(), message)

    def test_most_scripts_check(self):
        """The scripts that these tests make are mostly of use, and of everything."""
        used, checked, made = set(), 0, []

        @settings(max_examples=300, database=None, deadline=None, derandomize=True,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(sievescripts.scripts())
        def collect(script):
            made.append(script)

        collect()
        for script in made:
            try:
                check(render(script))
            except BadScript:
                continue
            checked += 1
            used |= _names(script.commands)
        self.assertGreater(checked, len(made) // 2)
        words = {*VOCABULARY.commands, *VOCABULARY.tests}
        self.assertGreater(len(used & words), len(words) * 2 // 3)


def _checked(octets):
    try:
        return check(octets)
    except BadScript:
        assume(False)
        raise


def _names(nodes):
    found = set()
    for node in nodes:
        found.add(node.name)
        found |= _names(node.tests) | _names(getattr(node, "block", None) or ())
    return found
