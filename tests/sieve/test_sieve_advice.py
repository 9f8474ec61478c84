"""Errors say where, what, and what to write; traced runs are read by people."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.wrapping import described
from tests.support.sieve import errors, trail


class AdviceTests(SynchronousTestCase):
    """The mistakes that people make."""

    def _said(self, script, place, *told):
        said = errors(script)
        line, column = place
        self.assertTrue(said.startswith(f"line {line}, column {column}: "), said)
        for words in told:
            self.assertIn(words, said)

    def test_misspelled_names(self):
        """The nearest name is told."""
        self._said("kep;", (1, 1), "no command kep", "did you mean keep?")
        self._said('if heder "a" "b" {}', (1, 4), "no test heder", "mean header?")
        self._said("if size :ovr 10 {}", (1, 9), "size has no :ovr", "mean :over?")
        self._said('require "filinto";', (1, 9), "mean fileinto?")

    def test_absent(self):
        """What has another name here is told with it."""
        name = "vnd.cyrus.imip"
        said = "processcalendar"
        self._said(f'require "{name}";', (1, 9), f"no capability {name}", said)

    def test_tests_without_if(self):
        """A test that stands where a command should."""
        self._said('header "a" "b";', (1, 1), "it is a test; write if before it")
        self._said('heder "a";', (1, 1), "did you mean header, which is a test")

    def test_commands_without_braces(self):
        """A command that stands where a test should."""
        self._said('if header "a" "b" keep;', (1, 19), "put keep in a block in braces")
        self._said("if keep {}", (1, 4), "it is a command")

    def test_missing_semicolons(self):
        """The place is the one where it is missing before."""
        self._said("keep\nif true {}", (2, 1), "a ; is missing before if")
        self._said('fileinto "a"\nstop;', (1, 1), "fileinto")
        self._said("if true { keep }", (1, 16), "; is missing before }")
        self._said("keep", (1, 5), "; is missing before the end of the script")
        for end in ("\n", "\n\n# more\n", " # and\n}"):
            self._said(f"#a\n  keep{end}", (2, 3), "; is missing before")

    def test_braces(self):
        """What is open, and what nothing opened."""
        self._said("\nif true {\nkeep;\n", (4, 1), "the block of line 2 is still open")
        self._said("keep; }", (1, 7), "no block is open")
        self._said("if true;", (1, 1), "needs a block in braces")
        self._said("keep {}", (1, 1), "takes no block")

    def test_missing_colons_and_quotes(self):
        """A tag without its colon, a string without its quotes."""
        self._said('if header contains "a" "b" {}', (1, 4), "did you mean :contains?")
        self._said(
            'require "fileinto"; fileinto inbox;', (1, 21), "inbox has no quotes"
        )

    def test_words_of_other_languages(self):
        """What is written here instead."""
        self._said('move "x";', (1, 1), "write fileinto")
        self._said("if true {} elif true {}", (1, 12), "did you mean elsif?")
        self._said("if true {} else if true {}", (1, 17), "write elsif")
        test = 'header "a" "b"'
        self._said(f"if {test} and {test} {{}}", (1, 19), "allof (one, another)")
        self._said("if (true) {}", (1, 1), "anyof or allof before the parentheses")
        self._said("if anyof true {}", (1, 10), "write anyof (true ...)")

    def test_what_there_is(self):
        """Where nothing is near, a list."""
        said = errors("if size :xyz 10 {}")
        self.assertIn("there are :over, :under", said)
        said = errors('if header :comparator "x" "a" "b" {}')
        self.assertIn("known are i;ascii-casemap, i;ascii-numeric", said)

    def test_what_to_require(self):
        """The line to write."""
        self._said('fileinto "x";', (1, 1), 'write require "fileinto";')
        self._said('redirect :copy "a@b.example";', (1, 10), ":copy belongs to copy")

    def test_arguments(self):
        """Which are missing, wrong, or too many."""
        self._said('if header "a" {}', (1, 4), "one more argument, a string or a list")
        self._said('if size :over "1" {}', (1, 15), "a number is expected here")
        self._said('redirect ["a@b.example"];', (1, 10), "a string is expected here")
        self._said('keep "a";', (1, 6), "takes no argument")
        self._said('redirect "a@b.c" "d";', (1, 18), "takes one argument")
        self._said('if header :comparator 1 "a" "b" {}', (1, 23), "behind :comparator")

    def test_unended(self):
        """Strings, texts and comments without an end."""
        self._said('keep;\n"a', (2, 1), "this string has no end")
        self._said("keep; /* a", (1, 7), "close it with */")
        self._said("a text:\nb\n", (1, 3), "a line with a dot alone ends it")

    def test_long_words(self):
        """What is told of a script is short."""
        self.assertLess(len(errors("a" * 50_000 + ";")), 450)
        self.assertLess(len(errors(f'require "{"a" * 50_000}";')), 450)
        self.assertLess(len(errors(f'redirect "{"a" * 50_000}";')), 450)
        self.assertLess(len(errors(f"if size :{'a' * 50_000} 1 {{}}")), 450)
        self.assertLess(
            len(errors(f'if header :comparator "{"a" * 9_000}" "" "" {{}}')), 450
        )
        self.assertLess(len(errors(f'if address "{"a" * 9_000}" "" {{}}')), 450)


class TrailTests(SynchronousTestCase):
    """What a traced run tells."""

    def test_each_decision(self):
        """Tests with what came of them, actions, and commands that ran."""
        script = """require ["fileinto", "copy"];
if anyof (header :contains "subject" ["x", "present"],
          size :over 1M) {
    fileinto :copy "lists"; keep;
} elsif true { discard; }
if exists "x" { keep; }
stop;
keep;"""
        self.assertEqual(
            trail(script),
            [
                (2, 'header :contains "subject" ["x", "present"]: yes'),
                (2, "anyof (\u2026): yes"),
                (4, 'fileinto "lists"'),
                (4, "keep"),
                (6, 'exists "x": no'),
                (7, "stop"),
            ],
        )

    def test_long_arguments(self):
        """They are cut, and stand on one line."""
        ((_, told),) = trail(f'if header "a" "{"b " * 9_000}\n" {{ }}')
        self.assertLess(len(told), 150)
        self.assertNotIn("\n", told)

    def test_actions(self):
        """What an action says besides its first word."""
        action = FileInto("a b", flags=("\\Seen", "x"), create=True, at=3)
        self.assertEqual(described(action), 'fileinto "a b" flags "\\\\Seen x" create')
        self.assertEqual(described(Keep(at=1)), "keep")
