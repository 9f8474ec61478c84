"""Rules that are passed over, and tests of known keys, find what others find."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, FileInto, Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Budget, Letter, Run, planned
from tests.support.sieve import octets, run_script

RULES = "".join(
    f'if header :contains "subject" "word{n}" {{ fileinto "w{n}"; stop; }}\n'
    f'elsif anyof (header :is "list-id" "<l{n}.example.org>",\n'
    f'    allof (address :domain :is "from" "h{n}.example.org",\n'
    f'           header :matches "subject" "*offer {n}?*")) {{ discard; }}\n'
    for n in range(25)
)
FILE = 'require "fileinto";\n'
PIECES = ("a", "B", "Ä", "\x00", "*", "?", "\\", "", "ab", "@", " ", "ß")
KEYS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
TESTS = (
    *('header :is "x"', 'header :contains "x"', 'header :matches "x"'),
    *('header :contains ["y", "X"]', 'header :matches ["x", "y"]'),
    'header :comparator "i;octet" :contains "x"',
    'header :comparator "i;unicode-casemap" :matches "x"',
    *('address :is "to"', 'address :localpart :contains "to"'),
    *('address :domain :matches ["to", "from"]', 'address :all :contains "to"'),
)
REQUIRE = 'require ["variables", "comparator-i;unicode-casemap", "encoded-character"];'


def message(subject="nothing", sender="ann@example.net", more=""):
    return octets(f"From: {sender}\nSubject: {subject}\n{more}\nA line.\n")


def ran(script, raw, budget, *, traced):
    """The plan and what was left; traced scripts try each test by itself."""
    program = check(octets(script), traced=traced)
    running = Run(Letter(Message.of(raw)), {}, budget)
    return planned(running, program), running.left, running.branched


def taken(script, raw):
    """Whether the one test of a script was true."""
    plan = run_script(script, raw)
    assert not plan.trouble, plan.trouble
    return isinstance(plan.actions[0], Discard)


def quoted(text):
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + inner.replace("\0", "${hex:00}") + '"'


class PassedTests(SynchronousTestCase):
    """Rules whose words are not in a message."""

    def same(self, script, raw, budget=None):
        budget = budget or Budget()
        found = ran(script, raw, budget, traced=False)
        other = ran(script, raw, budget, traced=True)
        self.assertEqual(found[0].actions, other[0].actions)
        self.assertEqual(found[0].trouble, other[0].trouble)
        if not found[0].trouble:
            self.assertEqual(found[1:], other[1:])
        return found[0]

    def test_nothing_applies(self):
        """The message is kept, and every test was counted."""
        plan = self.same(FILE + RULES, message())
        self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_each_rule(self):
        """A rule that applies does so wherever it stands among the others."""
        for n in (0, 9, 10, 11, 24):
            plan = self.same(FILE + RULES, message(f"a WORD{n} b"))
            self.assertEqual(plan.actions[0].mailbox, f"w{next(self.first(n))}")

    def first(self, n):
        """The first rule whose word is there, too: ``word1`` is in ``word11``."""
        return (one for one in range(25) if f"word{n}".startswith(f"word{one}"))

    def test_word_without_a_match(self):
        """A word that is there need not make its test true."""
        raw = message("an offer 3", more="List-Id: x <l7.example.org>\n")
        self.assertEqual(self.same(FILE + RULES, raw).actions, (Keep(implicit=True),))

    def test_others_between(self):
        """What stands between rules happens in its place."""
        script = FILE + RULES + 'fileinto "between";\n' + RULES
        plan = self.same(script, message("word3"))
        self.assertEqual([one.mailbox for one in plan.actions], ["w3"])
        plan = self.same(script, message())
        self.assertEqual([one.mailbox for one in plan.actions], ["between"])

    def test_else(self):
        """A rule with ``else`` is never passed over."""
        script = FILE + RULES + 'if header "subject" "word" { keep; }\n'
        script += 'else { fileinto "else"; }\n'
        self.assertEqual(self.same(script, message()).actions[0].mailbox, "else")

    def test_not(self):
        """A test that is true of messages without words is always tried."""
        script = FILE + 'if not header :contains "subject" ["a", "b", "c"]'
        script += ' { fileinto "without"; }'
        self.assertEqual(
            self.same(script, message("xyz")).actions[0].mailbox, "without"
        )

    def test_empty_keys(self):
        """An empty key is in every value, and in no field that is not there."""
        tests = ('header :contains "subject" ""', 'header :is "subject" ["", "x", "y"]')
        for test in tests:
            script = FILE + f'if anyof ({test}, {test}, {test}) {{ fileinto "a"; }}'
            self.assertIsInstance(self.same(script, message("")).actions[0], FileInto)
            other = script.replace("subject", "x-other")
            self.assertEqual(
                self.same(other, message("")).actions, (Keep(implicit=True),)
            )

    def test_all_of_none_is_tried(self):
        """Only the first of ``allof`` counts where it is false."""
        script = 'if allof (header :contains "x" ["a", "b", "c"], false) { stop; }'
        for raw in (message(), message(more="X: b\n")):
            self.same(script, raw)

    def test_edited(self):
        """A field that the script added itself is seen."""
        script = 'require ["fileinto", "editheader"];\n' + RULES
        script += 'addheader "List-Id" "<l4.example.org>";\n' + RULES + "keep;"
        plan = self.same(script, message())
        self.assertEqual(len(plan.actions), 2)

    def test_limits(self):
        """What may be done ends at the same place."""
        script = 'fileinto "before";\n' + RULES + 'fileinto "behind";'
        for steps in (1, 2, 20, 60, 120, 130, 200):
            self.same(FILE + script, message(), Budget(steps))
        for many in (100, 3_000, 10_000, 20_000, 60_000, 10**6):
            self.same(FILE + script, message(), Budget(octets=many))

    def test_two_values_are_not_one(self):
        """No key is found across the end of a value."""
        raw = message(more="X: a\nX: b\n")
        for key in ("ab", "a\x00b", "a\x00", "\x00"):
            script = REQUIRE + f'if header :contains "x" [{quoted(key)}, "c", "d"] '
            script += "{ discard; }"
            self.assertEqual(
                self.same(script, raw).actions, (Keep(implicit=True),), key
            )


class KnownTests(SynchronousTestCase):
    """Keys that are known when the script is checked."""

    @given(
        st.sampled_from(TESTS),
        st.lists(KEYS, min_size=1, max_size=3),
        st.lists(KEYS, max_size=3),
    )
    @settings(max_examples=400, deadline=None)
    def test_as_with_variables(self, test, keys, values):
        """A test finds the same whether its keys are known or come from variables."""
        raw = "".join(f"X: {v}\nTo: {v} <{v}@b.a>\n" for v in values).encode()
        raw += b"Y: aB\n\nA line.\n"
        names = [f"v{n}" for n, _ in enumerate(keys)]
        sets = "".join(
            f"set {quoted(name)} {quoted(key)};\n"
            for name, key in zip(names, keys, strict=True)
        )
        told = ", ".join(map(quoted, keys))
        variable = ", ".join(f'"${{{name}}}"' for name in names)
        found = [
            taken(f"{REQUIRE}{sets}if {test} [{each}] {{ discard; }}", raw)
            for each in (told, variable)
        ]
        plain = REQUIRE.replace('"variables", ', "")
        found.append(taken(f"{plain}if {test} [{told}] {{ discard; }}", raw))
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])
