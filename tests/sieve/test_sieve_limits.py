"""The bounds of scripts and runs, one by one, and what hostile ones cost."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve import limits
from mailsuite.sieve.actions import Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.comparators import CASEMAP
from mailsuite.sieve.errors import Exhausted
from mailsuite.sieve.extensions.table import VOCABULARY
from mailsuite.sieve.globs import read
from mailsuite.sieve.message import Message
from mailsuite.sieve.program import Program
from mailsuite.sieve.run import Budget, Letter, Run, planned
from tests.support.sieve import errors, holds, run_script

_NAMES = ", ".join(f'"{one}"' for one in sorted(VOCABULARY.capabilities))
ANYTHING = f"require [{_NAMES}];"


class ScriptTests(SynchronousTestCase):
    """What may be uploaded."""

    def test_size(self):
        """A script has at most 100 KiB."""
        self.assertEqual(limits.SCRIPT_OCTETS, 102_400)
        self.assertEqual(errors(b"#" * limits.SCRIPT_OCTETS), "")
        said = errors(b"#" * (limits.SCRIPT_OCTETS + 1))
        self.assertIn("at most 102400 octets are allowed", said)

    def test_blocks(self):
        """Fifteen nested blocks are allowed (RFC 5228 §2.10.7), and no more."""
        for depth, allowed in ((15, True), (16, False), (5_000, False)):
            script = "if true {" * depth + "keep;" + "}" * depth
            self.assertEqual(not errors(script), allowed, depth)
        plan = run_script("if true {" * 15 + "discard;" + "}" * 15)
        self.assertFalse(plan.trouble)

    def test_tests(self):
        """Fifteen nested test lists are allowed (RFC 5228 §2.10.7)."""
        for depth, allowed in ((15, True), (16, False), (5_000, False)):
            test = "anyof (" * depth + "true" + ")" * depth
            self.assertEqual(not errors(f"if {test} {{ }}"), allowed)
        self.assertTrue(holds("anyof (" * 15 + "true" + ")" * 15))
        self.assertIn("nested deeper", errors("if " + "not " * 5_000 + "true { }"))

    def test_tokens(self):
        """A script has at most 40,000 words and marks."""
        script = 'if header "a" [' + ",".join(['"a"'] * (limits.TOKENS // 2)) + "] {}"
        self.assertIn("at most 40000 words and marks", errors(script))
        self.assertEqual(errors(script.replace('"a",', "", 100)), "")

    def test_nodes(self):
        """And at most 5,000 commands and tests."""
        self.assertEqual(errors("keep;" * limits.NODES), "")
        said = errors("keep;" * (limits.NODES + 1))
        self.assertIn("at most 5000 commands and tests are allowed", said)
        said = errors("if true{}" * (limits.NODES // 2) + "keep;")
        self.assertIn("at most 5000 commands and tests are allowed", said)

    def test_shapes_of_large_scripts(self):
        """Large scripts of one thing are read, or refused, without recursion."""
        size = limits.SCRIPT_OCTETS
        for piece in (
            b"(", b"[", b"{", b"if ", b"not ", b"/*", b"#\n", b"a ", b"a;", b":a ",
            b'"', b'"a",', b"9", b"keep;", b"if true{}", b"text:\n", b"\\", b"\r",
            b'require"copy";', b"}", b"..\r\n", b"*/", b"/", b"anyof(", b"1 ",
        ):  # fmt: skip
            errors(piece * (size // len(piece)))
            errors(b'if header "a" [' + piece * (size // len(piece) - 9))

    def test_numbers(self):
        """A number of any length is refused, not converted."""
        self.assertIn("too large", errors(f"if size :over {'9' * 90_000} {{ }}"))


class RunTests(SynchronousTestCase):
    """What one run may do."""

    def test_redirects(self):
        """Four redirects; a fifth is an error, and the message is kept."""
        script = "".join(f'redirect "a{n}@b.example";' for n in range(4))
        self.assertEqual(len(run_script(script).actions), limits.REDIRECTS)
        plan = run_script(script + 'redirect "other@b.example";')
        self.assertEqual(plan.actions, (Keep(implicit=True),))
        self.assertIn("more than 4 redirects", plan.trouble)
        plan = run_script(script + 'redirect "a0@b.example";')
        self.assertFalse(plan.trouble)

    def test_actions(self):
        """Thirty-two actions."""
        script = 'require "fileinto";' + "".join(
            f'fileinto "{n}";' for n in range(limits.ACTIONS)
        )
        self.assertFalse(run_script(script).trouble)
        plan = run_script(script + "keep;")
        self.assertIn("more than 32 actions", plan.trouble)

    def test_commands(self):
        """Ten thousand commands and tests."""
        step = check(b'if exists "a" { }').steps[0]
        letter = Letter(Message.of(b"A: b\r\n\r\n"))
        for count, ends in ((limits.COMMANDS // 2, True), (limits.COMMANDS, False)):
            plan = planned(Run(letter), Program((step,) * count, frozenset()))
            self.assertEqual(not plan.trouble, ends)
        self.assertIn("more than 10000 commands", plan.trouble)

    def test_smaller_budgets(self):
        """A run may be given less."""
        letter = Letter(Message.of(b"A: b\r\n\r\n"))
        plan = planned(Run(letter, {}, Budget(1, 100)), check(b"keep; keep;"))
        self.assertIn("more than 1 commands", plan.trouble)

    def test_fields(self):
        """A thousand fields of a message are looked at."""
        header = "".join(f"X-{n}: a\n" for n in range(limits.FIELDS + 1)) + "\n"
        self.assertTrue(holds(f'exists "X-{limits.FIELDS - 1}"', header))
        self.assertFalse(holds(f'exists "X-{limits.FIELDS}"', header))


def cost(script, message):
    """What a script counts for; the whole budget if it is ended."""
    running = Run(Letter(Message.of(message)))
    plan = planned(running, check((ANYTHING + script).encode()))
    return limits.WORK_OCTETS - running.left.octets, plan.trouble


LONG = b"X: " + b"ab" * 400_000 + b"\r\n"


class WorkTests(SynchronousTestCase):
    """Every look at text is counted, by what it costs."""

    def test_small_scripts_are_cheap(self):
        """A usual rule over a usual message costs a thousandth of what is allowed."""
        script = 'if anyof (header :contains ["to", "subject"] ["a", "b"], '
        script += 'address :matches "from" "*@x.example") { discard; }'
        spent, trouble = cost(
            script, b"From: a@x.example\r\nTo: b\r\nSubject: c\r\n\r\n"
        )
        self.assertFalse(trouble)
        self.assertLess(spent, limits.WORK_OCTETS // 1_000)

    def test_each_key_counts(self):
        """Looking for more keys costs more."""
        keys = ", ".join(f'"q{n}"' for n in range(1_000))
        for kind in ("contains", "matches"):
            _, trouble = cost(f'if header :{kind} "x" [{keys}] {{ }}', LONG + b"\r\n")
            self.assertIn("too much text", trouble)

    def test_each_value_counts(self):
        """Many short values cost, too."""
        header = b"X:\r\n" * limits.FIELDS + b"\r\n"
        script = 'if header :contains "x" "q" { }' * 2_000
        _, trouble = cost(script, header)
        self.assertIn("too much text", trouble)

    def test_each_name_counts(self):
        """Long lists of names cost."""
        names = ", ".join('"x"' for _ in range(10_000))
        spent, _ = cost(f"if exists [{names}] {{ }}", LONG + b"\r\n")
        self.assertGreaterEqual(spent, 10_000)

    def test_patterns_cost_in_proportion(self):
        """No pattern, however made, costs more than its length times the text's."""
        for pattern in (
            "*a" * 200, "?" * 500, "*?a" * 100, "*" * 500, "?a" * 200 + "*",
            "*" + "a?" * 100 + "b*", "a" * 400 + "?b", "*" + "ab" * 30 + "aa*",
        ):  # fmt: skip
            glob = read(pattern, CASEMAP.fold)
            self.assertLessEqual(glob.cost, len(pattern) + 8)
            value = "ab" * 500
            counted = Counted(value)
            glob.match(counted)
            self.assertLessEqual(counted.looks, (glob.cost + 1) * len(value) + 1_000)

    def test_runs_end_by_work(self):
        """A run that looks at the longest text again and again is ended."""
        for test in (
            'header :matches "x" "*a?b*c"',
            'header :contains "x" "abababababababababababababababac"',
            'header :is "x" "${a}"',
            'header :value "gt" "x" "b"',
            'header :regex "x" "(a|b)*c"',
            'header :comparator "i;unicode-casemap" :contains "x" "q"',
            'address :contains "to" "q"',
        ):
            with self.subTest(test=test):
                header = LONG + b"To: " + b"a@b.example, " * 9_000 + b"\r\n\r\n"
                _, trouble = cost('set "a" "q";' + f"if {test} {{ }}" * 1_500, header)
                self.assertIn("too much text", trouble)

    def test_repeated_actions(self):
        """Actions that change nothing cost as well."""
        names = "".join(f'fileinto "{n}";' for n in range(30))
        program = check((ANYTHING + names).encode())
        again = check(b'require "fileinto"; fileinto "29";').steps[1]
        running = Run(Letter(Message.of(b"\r\n")))
        steps = (*program.steps, *(again,) * 9_000)
        plan = planned(running, Program(steps, program.requires))
        self.assertIn("too much text", plan.trouble)

    def test_exhaustion_is_trouble(self):
        """The owner is told, and the message is kept."""
        running = Run(Letter(Message.of(b"\r\n")))
        self.assertRaises(Exhausted, running.work, limits.WORK_OCTETS + 1)


class Counted(str):
    """A text that counts how often somebody looks at it."""

    __slots__ = ("looks",)

    def __new__(cls, value):
        """Begin at nothing."""
        made = super().__new__(cls, value)
        made.looks = 0
        return made

    def find(self, *arguments):
        """Count what lies between, and the place where it ends."""
        found = super().find(*arguments)
        self.looks += (found if found >= 0 else len(self)) - arguments[1] + 1
        return found

    def startswith(self, *arguments):
        """Count a look."""
        self.looks += 1
        return super().startswith(*arguments)
