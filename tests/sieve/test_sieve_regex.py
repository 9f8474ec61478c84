"""Regular expressions: the examples of draft-ietf-sieve-regex, and their bounds."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.extensions import regex
from mailsuite.sieve.extensions.table import EXTENSIONS
from mailsuite.sieve.vocabulary import Vocabulary
from tests.support.sieve import errors, holds, run_script


def matches(subject, pattern, comparator="i;ascii-casemap"):
    """Whether a subject matches."""
    quoted = pattern.replace("\\", "\\\\").replace('"', '\\"')
    test = f'header :regex :comparator "{comparator}" "subject" "{quoted}"'
    return holds(test, f"Subject: {subject}\n\n", "regex")


class DraftTests(SynchronousTestCase):
    """The examples of the draft."""

    junk = r"""
        require ["regex"];
        if anyof (
          not address :regex ["to", "cc", "bcc"]
            "me(\\+.*)?@company\\.com",
          header :regex :comparator "i;octet" "subject"
            "^[^[:lower:]]+$" ) {
          discard;
        }
    """

    def _junk(self, to, subject):
        plan = run_script(self.junk, f"To: {to}\nSubject: {subject}\n\n")
        return type(plan.actions[0]).__name__ == "Discard"

    def test_not_to_me(self):
        """A message to somebody else is discarded."""
        self.assertTrue(self._junk("you@company.com", "hello"))
        self.assertTrue(self._junk("me@companyXcom", "hello"))

    def test_to_me_with_detail(self):
        """An optional detail is no reason."""
        self.assertFalse(self._junk("me@company.com", "hello"))
        self.assertFalse(self._junk("me+lists@company.com", "hello"))

    def test_all_uppercase(self):
        """Subjects in capitals are discarded: i;octet minds the case."""
        self.assertTrue(self._junk("me@company.com", "BUY THIS!"))

    def test_list_id(self):
        """``<(.*)@`` is a match variable."""
        script = """
            require ["fileinto", "regex", "variables"];
            if header :regex "List-ID" "<(.*)@" {
                fileinto "lists.${1}"; stop;
            }
        """
        plan = run_script(script, "List-ID: Us <sieve@lists.example>\n\n")
        self.assertEqual(plan.actions[0].mailbox, "lists.sieve")

    def test_stars_take_much(self):
        """Over two bracketed words the first group takes both (longest match)."""
        script = r"""
            require ["fileinto", "regex", "variables"];
            if header :regex "Subject" "^\\[(.*)\\] (.*)$" {
                fileinto "${1}"; fileinto "${2}"; stop;
            }
        """
        plan = run_script(script, "Subject: [acme-users] [fwd] version 1.0 is out\n\n")
        names = [one.mailbox for one in plan.actions]
        self.assertEqual(names, ["acme-users] [fwd", "version 1.0 is out"])

    VARIABLES = r"""
        require ["fileinto", "regex", "variables"];

        if header :regex "List-ID" "<(.*)@" {
            fileinto "lists.${1}"; stop;
        }

        # Imagine the header
        # Subject: [acme-users] [fwd] version 1.0 is out
        if header :regex "Subject" "%s" {
            # ${1} will hold "acme-users] [fwd"
            fileinto "${1}"; stop;
        }
    """

    def test_variables_as_printed(self):
        """Without backslashes before its brackets the second one is a set, never met.

        (``.*)]`` in brackets is one of four characters, which the subject has not at
        its beginning.)
        """
        subject = "Subject: [acme-users] [fwd] version 1.0 is out\n\n"
        (action,) = run_script(self.VARIABLES % "^[(.*)] (.*)$", subject).actions
        self.assertTrue(action.implicit)
        meant = self.VARIABLES % r"^\\[(.*)\\] (.*)$"
        (action,) = run_script(meant, subject).actions
        self.assertEqual(action.mailbox, "acme-users] [fwd")
        (action,) = run_script(meant, f"List-ID: <a@b.example>\n{subject}").actions
        self.assertEqual(action.mailbox, "lists.a")

    def test_quoteregex(self):
        """All that has a meaning is quoted, and matches itself alone."""
        special = r".*+?^$()[]{}|\a"
        self.assertTrue(matches(special, f"^{regex.quoted(special)}$", "i;octet"))
        script = """
            require ["fileinto", "regex", "variables"];
            set :quoteregex "b" "Rock* (1.0)";
            fileinto "${b}";
        """
        mailbox = run_script(script).actions[0].mailbox
        self.assertEqual(mailbox, r"Rock\* \(1\.0\)")

    def test_quoteregex_beside_quotewildcard(self):
        """Both have precedence 20: only one may stand."""
        head = 'require ["regex", "variables"];'
        said = errors(f'{head} set :quoteregex :quotewildcard "b" "x";')
        self.assertIn("cannot stand beside", said)


class MeaningTests(SynchronousTestCase):
    """POSIX extended regular expressions, as far as RE2 knows them."""

    def test_anywhere(self):
        """An expression matches any part of the value."""
        self.assertTrue(matches("a present for you", "present"))

    def test_case(self):
        """The comparator decides whether case matters."""
        self.assertTrue(matches("Hello", "hello"))
        self.assertFalse(matches("Hello", "hello", "i;octet"))

    def test_classes(self):
        """Bracket expressions and their classes."""
        self.assertTrue(matches("a1 b", "^[[:alpha:]][[:digit:]][[:space:]]b$"))
        self.assertTrue(matches("]x", "^[]x]+$"))

    def test_intervals(self):
        """Bounds in braces."""
        self.assertTrue(matches("aaa", "^a{2,3}$"))
        self.assertFalse(matches("aaaa", "^a{2,3}$"))

    def test_longest(self):
        """Of alternatives the longest matches, not the first."""
        script = """
            require ["fileinto", "regex", "variables"];
            if header :regex "subject" "a|ab|abc" { fileinto "${0}"; }
        """
        mailbox = run_script(script, "Subject: xabcd\n\n").actions[0].mailbox
        self.assertEqual(mailbox, "abc")

    def test_words(self):
        r"""``\w``, ``\b`` and their like are let through."""
        self.assertTrue(matches("order 123", r"\border\s\d+\b"))

    def test_groups_that_did_not_take_part(self):
        """They are empty."""
        script = """
            require ["fileinto", "regex", "variables"];
            if header :regex "subject" "(a)|(b)" { fileinto "=${1}.${2}"; }
        """
        mailbox = run_script(script, "Subject: b\n\n").actions[0].mailbox
        self.assertEqual(mailbox, "=.b")

    def test_letters_beyond_ascii(self):
        """Characters, not octets, are matched, and given back."""
        self.assertTrue(matches("=?utf-8?q?=C3=A4=C3=B6?=", "^..$"))
        script = """
            require ["fileinto", "regex", "variables"];
            if header :regex "subject" "^(.)(.)$" { fileinto "${2}"; }
        """
        mailbox = run_script(script, "Subject: =?utf-8?q?=C3=A4=C3=B6?=\n\n")
        self.assertEqual(mailbox.actions[0].mailbox, "ö")

    def test_without_variables_nothing_is_kept(self):
        """A script without variables matches as well."""
        self.assertTrue(matches("b", "(a)|(b)"))

    def test_numbers_have_no_parts(self):
        """i;ascii-numeric cannot be used."""
        names = 'require ["regex", "comparator-i;ascii-numeric"];'
        test = 'header :regex :comparator "i;ascii-numeric" "subject" "a"'
        self.assertIn("cannot be used", errors(f"{names} if {test} {{}}"))


class BoundTests(SynchronousTestCase):
    """Expressions come from users, texts from anybody."""

    def test_errors_have_their_place(self):
        """What is no expression is refused when the script is checked."""
        for pattern in ("(a", "[a", "a{2,1}", "*a", r"(a)\\1", "a{5000}"):
            said = errors(f'require "regex";\nif header :regex "s" "{pattern}" {{}}')
            self.assertIn("line 2, column 22: this is no regular", said, pattern)

    def test_too_large(self):
        """Expressions have a size."""
        said = errors(f'require "regex"; if header :regex "s" "{"a" * 2001}" {{}}')
        self.assertIn("at most 2000 characters", said)
        said = errors('require "regex"; if header :regex "s" "((a{9}){99}b){9}" {}')
        self.assertNotEqual(said, "")

    def test_from_variables(self):
        """What a message makes of an expression fails the run, not the server."""
        script = """
            require ["regex", "variables"];
            set "a" "(";
            if header :regex "subject" "${a}" { discard; }
        """
        plan = run_script(script, "Subject: b\n\n")
        self.assertIn("line 4: this is no regular expression", plan.trouble)

    def test_a_bomb_is_linear(self):
        """``(a*)*b`` over a long value is no work worth a word."""
        self.assertFalse(matches("a" * 900, "^(a*)*b$"))

    def test_work_is_counted(self):
        """Large expressions over long texts come to an end."""
        script = (
            """
            require ["regex", "variables"];
            if header :matches "subject" "*" { set "s" "${1}"; }
        """
            + 'if string :regex "${s}" "(a|b)*a(a|b){500}c" {}' * 60
        )
        plan = run_script(script, f"Subject: {'ababba' * 150}\n\n")
        self.assertIn("too much text", plan.trouble)

    def test_few_are_kept_compiled(self):
        """The cache has a bound."""
        self.assertEqual(regex.expression.cache_info().maxsize, regex.EXPRESSIONS)

    def test_without_re2_nobody_can_ask(self):
        """Without the package the capability is not offered."""
        rest = [one for one in EXTENSIONS if one.name != "regex"]
        said = errors('require "regex";', Vocabulary.of(rest))
        self.assertIn("no capability regex", said)


class CountTests(SynchronousTestCase):
    """How many expressions a script may have."""

    def script(self, count):
        keys = ", ".join(f'"a{n % count}{{900}}"' for n in range(count + 5))
        return f'require "regex"; if header :regex "subject" [{keys}] {{ keep; }}'

    def test_most(self):
        """As many as are kept compiled; equal ones count once."""
        run_script(self.script(regex.EXPRESSIONS), "Subject: x\n\n")

    def test_more(self):
        """One more is an error with its place, and says what to do."""
        told = errors(self.script(regex.EXPRESSIONS + 1))
        self.assertIn("at most 256 regular expressions: join", told)
