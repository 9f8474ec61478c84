"""A second reader of the language, sievelib, agrees on what is valid."""

from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sievelib.parser import Parser
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.extensions.table import EXTENSIONS
from mailsuite.sieve.grammar import parse
from mailsuite.sieve.lexer import tokens
from mailsuite.sieve.printing import render
from mailsuite.sieve.vocabulary import Vocabulary
from tests.support import sievescripts
from tests.support.sieve import errors

SHARED = frozenset(
    ["", "fileinto", "copy", "envelope", "imap4flags", "date", "vacation", "reject",
     "body", "environment", "vacation-seconds", "variables", "relational"]
)  # fmt: skip
"""Capabilities that sievelib knows whole, but for the test ``string``.

It knows no i;ascii-numeric, no subaddress and not all of enotify.
"""

WORDS = Vocabulary.of(
    evolve(one, tests=()) if one.name == "variables" else one
    for one in EXTENSIONS
    if one.name in SHARED
)
SLOW = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def theirs(octets):
    """Whether sievelib takes a script for valid."""
    return bool(Parser().parse(octets))


class SievelibTests(SynchronousTestCase):
    """What one of us takes for a script, the other does, too."""

    @SLOW
    @given(sievescripts.scripts(WORDS))
    def test_valid(self, script):
        """Scripts that check here are valid there."""
        octets = render(script)
        try:
            check(octets, WORDS)
        except BadScript:
            assume(False)
        self.assertTrue(theirs(octets))

    @SLOW
    @given(sievescripts.scripts(WORDS), st.data())
    def test_broken(self, script, data):
        """Scripts that lack a word or mark, so that they are none here, are none there."""
        text = render(script).decode() + "stop;"  # a last ; may be missing there
        places = [at for _, _, at in tokens(text)]
        which = data.draw(st.integers(0, len(places) - 3))
        octets = (text[: places[which]] + text[places[which + 1] :]).encode()
        try:
            parse(octets)
        except BadScript:
            self.assertFalse(theirs(octets))

    def test_invalid(self):
        """Both refuse these."""
        for script in (
            "keep;;", "if { keep; }", "if true keep;", "if true { keep; ",
            "else { keep; }", "elsif true { keep; }", "keep; }", "nothing;",
            'fileinto "x";', 'require "fileinto"; fileinto;', "if size 10 { keep; }",
            'if header :nothing "a" "b" { keep; }', 'if header "a" { keep; }',
            'if header ["a", ] "b" { keep; }', 'if header "a" "b" "c" { keep; }',
            "if anyof true { keep; }", "if not (true) { keep; }", "if nothing { keep; }",
            "redirect;", "redirect 5;", 'if header "a" "b { keep; }', "/* keep;",
            'if size :over "1" { keep; }', "if anyof (true, ) { keep; }",
            'if header :contains :is "a" "b" { keep; }',
        ):  # fmt: skip
            self.assertTrue(errors(script), script)
            self.assertFalse(theirs(script.encode()), script)
