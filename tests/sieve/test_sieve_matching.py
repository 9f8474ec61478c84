"""Match types and comparators: RFC 5228 §2.7, RFC 4790 §9, RFC 5051; relations."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve import globs
from mailsuite.sieve.comparators import CASEMAP, NUMERIC, OCTET, UNICODE
from mailsuite.sieve.matching import Lens, characters
from tests.support.sieve import errors, holds, run_script

NUMBERS = "relational comparator-i;ascii-numeric"
UNICODED = "comparator-i;unicode-casemap"


def matches(kind, value, key, comparator="i;ascii-casemap", requires=""):
    """Whether a field of that value matches."""
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    test = f'header :{kind} :comparator "{comparator}" "x" "{escaped}"'
    return holds(test, f"X: {value}\n\n", requires)


class SubstringTests(SynchronousTestCase):
    """:is and :contains."""

    def test_contains(self):
        """§2.7.1: frobnitzm."""
        for key in ("frob", "nit", "", "frobnitzm", "FROB"):
            self.assertTrue(matches("contains", "frobnitzm", key), key)
        self.assertFalse(matches("contains", "frobnitzm", "fbm"))

    def test_is(self):
        """§2.7.1: only the same is the same; the empty key is only the empty value."""
        self.assertTrue(matches("is", "frobnitzm", "frobnitzm"))
        self.assertFalse(matches("is", "frobnitzm", "frobnitz"))
        self.assertFalse(matches("is", "frobnitzm", ""))
        self.assertTrue(matches("is", "", ""))

    def test_case_of_octets(self):
        """§2.7.3: MAKE MONEY FAST is not Make Money Fast to i;octet."""
        key = "MAKE MONEY FAST"
        for comparator, expected in (("i;octet", False), ("i;ascii-casemap", True)):
            said = matches("contains", "You can Make Money Fast", key, comparator)
            self.assertEqual(said, expected)
            self.assertTrue(matches("contains", f"You can {key}", key, comparator))

    def test_case_beyond_ascii(self):
        """i;ascii-casemap folds ASCII letters and no others."""
        self.assertTrue(matches("is", "\u00e9A", "\u00e9a"))
        self.assertFalse(matches("is", "\u00e9", "\u00c9"))
        self.assertFalse(matches("is", "K", "\u212a"))


class GlobTests(SynchronousTestCase):
    """:matches."""

    def test_wildcards(self):
        """The whole value must match."""
        for key, expected in (
            ("*", True), ("frobnitzm", True), ("frob*", True), ("*m", True),
            ("f*t*", True), ("frob??tzm", True), ("?*?", True), ("frob", False),
            ("*frob", False), ("", False), ("?", False), ("frobnitzm?", False),
            ("*n*n*", False), ("**r**", True), ("FROB*", True),
        ):  # fmt: skip
            self.assertEqual(matches("matches", "frobnitzm", key), expected, key)
        self.assertTrue(matches("matches", "", ""))
        self.assertTrue(matches("matches", "", "*"))

    def test_quoted_wildcards(self):
        r"""``\*`` and ``\?`` stand for themselves, ``\\`` for a backslash."""
        self.assertTrue(matches("matches", "a*b?c", r"a\*b\?c"))
        self.assertFalse(matches("matches", "aXb?c", r"a\*b\?c"))
        self.assertTrue(matches("matches", "a\\bc", r"a\\b?"))
        self.assertTrue(matches("matches", "a\\", "a\\"))

    def test_characters_are_octets(self):
        """§2.7.1: ``?`` is one octet of UTF-8 to the language's own comparators."""
        for comparator in ("i;octet", "i;ascii-casemap"):
            self.assertFalse(matches("matches", "caf\u00e9", "caf?", comparator))
            self.assertTrue(matches("matches", "caf\u00e9", "caf??", comparator))
            self.assertTrue(matches("matches", "caf\u00e9", "?af\u00e9", comparator))

    def test_characters_are_characters(self):
        """§2.7.1: and one character of Unicode to one of Unicode."""
        for value in ("caf\u00e9", "cafe\u0301", "CAF\u00c9"):
            said = matches("matches", value, "caf?", "i;unicode-casemap", UNICODED)
            self.assertTrue(said, value)

    def test_wildcards_of_other_widths(self):
        """What is folded into a wildcard is none."""
        said = matches("matches", "abc", "\uff0a", "i;unicode-casemap", UNICODED)
        self.assertFalse(said)

    @given(st.text("ab*?\\", max_size=10), st.text("abA*?\\", max_size=14))
    def test_as_expressions(self, key, value):
        """It matches what a lazy regular expression matches, at the same places."""
        found = globs.read(key, CASEMAP.fold).match(CASEMAP.fold(value))
        wanted = re.compile(_expression(key.lower()), re.DOTALL).fullmatch(
            value.lower()
        )
        self.assertEqual(found is None, wanted is None)
        if wanted and found:
            parts = Lens(CASEMAP.fold).original(value, value.lower(), found)
            spans = [value[begin:end] for begin, end in wanted.regs]
            self.assertEqual(parts, spans)

    @given(st.text("a\u00e9\ufb01", max_size=5), st.sampled_from([CASEMAP, UNICODE]))
    def test_parts_make_the_value(self, value, comparator):
        """What stars stand for is text again, and all of it."""
        lens = characters(comparator)
        folded = lens.fold(value)
        spans = globs.read("*", lens.fold).match(folded)
        self.assertIsNotNone(spans)
        parts = lens.original(value, folded, spans or ())
        if comparator is CASEMAP:
            self.assertEqual(parts[1], value)


def _expression(key):
    made = ""
    characters = iter(key)
    for one in characters:
        if one in "*?":
            made += {"*": "(.*?)", "?": "(.)"}[one]
        else:
            made += re.escape(next(characters, "\\") if one == "\\" else one)
    return made


class ComparatorTests(SynchronousTestCase):
    """What equals what, and what comes before what."""

    def test_numbers(self):
        """RFC 4790 §9.1.1: its examples."""
        same = ["4294967298", "04294967298", "4294967298b"]
        self.assertEqual(len({NUMERIC.fold(one) for one in same}), 1)
        self.assertEqual(len({NUMERIC.order(one) for one in same}), 1)
        self.assertLess(NUMERIC.order("0"), NUMERIC.order("1"))
        self.assertLess(NUMERIC.order("1"), NUMERIC.order("4294967298"))
        self.assertLess(NUMERIC.order("04294967298"), NUMERIC.order(""))
        self.assertEqual(len({NUMERIC.order(one) for one in ("", "x", "y")}), 1)
        self.assertEqual(len({NUMERIC.fold(one) for one in ("", "x", "y")}), 1)

    def test_numbers_without_end(self):
        """Any number of digits is compared, and quickly."""
        large = "9" * 200_000
        self.assertLess(NUMERIC.order(large), NUMERIC.order("1" + large))
        self.assertLess(NUMERIC.order("0" * 200_000 + "1"), NUMERIC.order("2"))

    def test_numbers_are_no_substrings(self):
        """RFC 4790 §9.1.1: the comparator does no substrings."""
        for kind in ("contains", "matches"):
            test = f'header :{kind} :comparator "i;ascii-numeric" "x" "1"'
            said = errors(
                f'require "comparator-i;ascii-numeric"; if {test} {{ keep; }}'
            )
            self.assertIn(f"cannot be used with :{kind}", said)

    def test_numbers_are_equal(self):
        """:is compares them as numbers."""
        one = "comparator-i;ascii-numeric"
        self.assertTrue(matches("is", "007 bond", "7", "i;ascii-numeric", one))
        self.assertFalse(matches("is", "70", "7", "i;ascii-numeric", one))

    def test_order_of_letters(self):
        """RFC 4790 §9.2: letters sort as capitals; octets as they are."""
        self.assertLess(CASEMAP.order("a"), CASEMAP.order("_"))
        self.assertLess(CASEMAP.order("A"), CASEMAP.order("b"))
        self.assertLess(OCTET.order("B"), OCTET.order("a"))
        self.assertLess(OCTET.order("\uffff"), OCTET.order("\U00010000"))

    def test_unicode_folds(self):
        """RFC 5051 §2: titlecase, then decompositions until there are none."""
        self.assertEqual(UNICODE.fold("\u01c4"), "D\u007a\u030c")
        for one, other in (
            ("\u00e9", "\u00c9"), ("\u00e9", "e\u0301"), ("\ufb01", "\ufb01"),
            ("\u01c6", "\u01c4"), ("\u03b1\u0301", "\u0386"), ("abc", "ABC"),
        ):  # fmt: skip
            self.assertEqual(UNICODE.fold(one), UNICODE.fold(other))
        self.assertNotEqual(UNICODE.fold("\u00df"), UNICODE.fold("ss"))

    def test_unicode_in_scripts(self):
        """It serves all match types."""
        name = "i;unicode-casemap"
        self.assertTrue(matches("is", "CAF\u00c9", "caf\u00e9", name, UNICODED))
        self.assertTrue(matches("contains", "CAF\u00c9s", "af\u00e9", name, UNICODED))
        self.assertTrue(matches("matches", "CAF\u00c9s", "*\u00e9*", name, UNICODED))

    def test_unknown_comparators(self):
        """They are errors, and so are those that nobody asked for."""
        script = 'if header :comparator "{}" "x" "y" {{ keep; }}'
        self.assertIn("is unknown", errors(script.format("i;nothing")))
        said = errors(script.format("i;ascii-numeric"))
        self.assertIn('add "comparator-i;ascii-numeric" to require', said)
        said = errors('require "comparator-i;nothing";')
        self.assertIn("no capability comparator-i;nothing", said)

    @given(st.text(), st.text())
    def test_folds(self, one, other):
        """What sorts the same is the same."""
        for comparator in (OCTET, CASEMAP, NUMERIC, UNICODE):
            same = comparator.fold(one) == comparator.fold(other)
            order = comparator.order(one) == comparator.order(other)
            self.assertEqual(same, order, comparator.name)

    @given(st.text())
    def test_folding_twice(self, text):
        """Folding again changes nothing; ASCII folding leaves lengths."""
        for comparator in (OCTET, CASEMAP, NUMERIC):
            folded = comparator.fold(text)
            self.assertEqual(comparator.fold(folded), folded)
        self.assertEqual(len(CASEMAP.fold(text)), len(text))


class RelationalTests(SynchronousTestCase):
    """RFC 5231: its examples, and each relation."""

    message = (
        "received: a\nreceived: b\nsubject: example\n"
        "to: foo@example.com, baz@example.com\ncc: qux@example.com\n\n"
    )

    def _holds(self, test):
        return holds(test, self.message, NUMBERS)

    def test_counts_of_addresses(self):
        """§6: to and cc have three addresses together, and neither has alone."""
        head = 'address :count "ge" :comparator "i;ascii-numeric"'
        self.assertTrue(self._holds(f'{head} ["to", "cc"] ["3"]'))
        alone = f'anyof ( {head} ["to"] ["3"], {head} ["cc"] ["3"] )'
        self.assertFalse(self._holds(alone))

    def test_counts_of_fields(self):
        """§6: fields are counted, not the addresses in them."""
        head = 'header :count "ge" :comparator "i;ascii-numeric"'
        self.assertFalse(self._holds(f'{head} ["received"] ["3"]'))
        self.assertTrue(self._holds(f'{head} ["received", "subject"] ["3"]'))
        self.assertFalse(self._holds(f'{head} ["to", "cc"] ["3"]'))

    def test_counts_of_the_envelope(self):
        """§4.2: the null sender is no address, the recipient is always one."""
        head = 'envelope :count "eq" :comparator "i;ascii-numeric"'
        both = f"{NUMBERS} envelope"
        for sender, number in (("", "0"), ("a@b.example", "1")):
            test = f'{head} "from" "{number}"'
            self.assertTrue(holds(test, requires=both, sender=sender))
        test = f'{head} ["from", "to"] "2"'
        known = {"sender": "a@b.example", "recipient": "c@d.example"}
        self.assertTrue(holds(test, requires=both, **known))

    def test_relations(self):
        """§4: each of them, in any case of letters."""
        for name, results in (
            ("gt", (False, False, True)), ("ge", (False, True, True)),
            ("lt", (True, False, False)), ("LE", (True, True, False)),
            ("eq", (False, True, False)), ("ne", (True, False, True)),
        ):  # fmt: skip
            test = f'header :value "{name}" :comparator "i;ascii-numeric" "x" "10"'
            said = tuple(holds(test, f"X: {n}\n\n", NUMBERS) for n in (9, 10, 11))
            self.assertEqual(said, results, name)

    def test_any_pair(self):
        """§4.1: one value and one key suffice."""
        test = 'header :value "lt" :comparator "i;ascii-numeric" "x" ["3", "7"]'
        self.assertTrue(holds(test, "X: 9\nX: 5\n\n", NUMBERS))
        self.assertFalse(holds(test, "X: 9\nX: 8\n\n", NUMBERS))
        self.assertFalse(holds(test, "Y: 1\n\n", NUMBERS))

    def test_unknown_relations(self):
        """They are errors that name the six."""
        said = errors('require "relational"; if header :value "gr" "x" "y" { keep; }')
        self.assertIn("write one of gt, ge, lt, le, eq, ne", said)

    def test_extended_example(self):
        """§7."""
        script = """
      require ["relational", "comparator-i;ascii-numeric", "fileinto"];
      if header :value "lt" :comparator "i;ascii-numeric"
                ["x-priority"] ["3"]
      {
         fileinto "Priority";
      }
      elsif address :count "gt" :comparator "i;ascii-numeric"
                 ["to"] ["5"]
      {
         # everything with more than 5 recipients in the "to" field
         # is considered SPAM
         fileinto "SPAM";
      }
      elsif address :value "gt" :all :comparator "i;ascii-casemap"
                 ["from"] ["M"]
      {
         fileinto "From N-Z";
      } else {
         fileinto "From A-M";
      }
      if allof ( address :count "eq" :comparator "i;ascii-numeric"
                         ["to", "cc"] ["1"] ,
                 address :all :comparator "i;ascii-casemap"
                         ["to", "cc"] ["me@foo.example.com"] )
      {
         fileinto "Only me";
      }"""
        many = ", ".join(f"a{n}@example.com" for n in range(6))
        for message, names in (
            ("X-Priority: 1 (Highest)", ["Priority"]),
            (f"To: {many}", ["SPAM"]),
            ("From: zoe@example.com", ["From N-Z"]),
            ("From: Ann@example.com\nTo: ME@foo.example.com", ["From A-M", "Only me"]),
        ):
            plan = run_script(script, message + "\n\n")
            self.assertEqual([one.mailbox for one in plan.actions], names)
