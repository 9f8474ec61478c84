"""Variables: every example of RFC 5229, its rules and its limits."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.extensions import variables
from tests.support.sieve import LETTER, errors, run_script

LIST = """\
From: a@example.org
To: coyote@ACME.Example.COM
List-ID: Coyotes <hunt*ers@lists.example.org>
Subject: [acme-users] [fwd] version 1.0 is out

text
"""


def files(script, message=LETTER, requires="", **given_):
    """The mailboxes that a script with variables files into."""
    asked = "".join(f', "{name}"' for name in requires.split())
    head = f'require ["fileinto", "variables"{asked}];\n'
    plan = run_script(head + script, message, **given_)
    assert not plan.trouble, plan.trouble
    return [one.mailbox for one in plan.actions if hasattr(one, "mailbox")]


def told(expression, before="", requires=""):
    """What a string is when the script runs."""
    (name,) = files(f'{before} fileinto "={expression}";', requires=requires)
    return name[1:]


class StringTests(SynchronousTestCase):
    """RFC 5229 §3."""

    def test_an_empty_name_is_left_alone(self):
        """``&%${}!``: the empty string is no identifier."""
        self.assertEqual(told("&%${}!"), "&%${}!")

    def test_an_illegal_name_is_left_alone(self):
        """``${doh!}``: an exclamation mark is illegal."""
        self.assertEqual(told("${doh!}"), "${doh!}")

    def test_an_unknown_variable_is_empty(self):
        """``${full}`` where only company is set."""
        self.assertEqual(told("${full}", 'set "company" "ACME";'), "")

    def test_a_variable(self):
        """``${company}`` is ACME."""
        self.assertEqual(told("${company}", 'set "company" "ACME";'), "ACME")

    def test_a_reference_in_a_broken_one(self):
        """``${BAD${Company}``: the inner one counts, in any case."""
        self.assertEqual(told("${BAD${Company}", 'set "company" "ACME";'), "${BADACME")

    def test_a_reference_in_what_is_none(self):
        """``${President, ${Company} Inc.}``."""
        self.assertEqual(
            told("${President, ${Company} Inc.}", 'set "company" "ACME";'),
            "${President, ACME Inc.}",
        )

    def test_only_one_pass(self):
        """What a value looks like is not expanded again (§3)."""
        before = 'set "dollar" "$"; set "a" "${dollar}{b}"; set "b" "no";'
        self.assertEqual(told("${a}", before), "${b}")

    def test_values_are_those_of_now(self):
        """A statement uses what is current when control reaches it."""
        script = 'set "a" "1"; fileinto "x${a}"; set "a" "2"; fileinto "x${a}";'
        self.assertEqual(files(script), ["x1", "x2"])

    def test_quoted_letters(self):
        r"""§3.1: ``"${fo\o}"`` is the expansion of foo."""
        self.assertEqual(told(r"${fo\o}", 'set "foo" "bar";'), "bar")

    def test_a_backslash_in_a_name(self):
        r"""§3.1: ``"${fo\\o}"`` is an illegal identifier."""
        self.assertEqual(told(r"${fo\\o}", 'set "foo" "bar";'), r"${fo\o}")

    def test_a_quoted_dollar(self):
        r"""§3.1: ``"\${foo}"`` is the expansion of foo."""
        self.assertEqual(told(r"\${foo}", 'set "foo" "bar";'), "bar")

    def test_a_backslash_before_it(self):
        r"""§3.1: ``"\\${foo}"`` is a backslash and the expansion."""
        self.assertEqual(told(r"\\${foo}", 'set "foo" "bar";'), r"\bar")

    def test_how_to_write_a_reference(self):
        """§3.1: the user can define a variable to circumvent expansion."""
        before = 'set "dollar" "$"; set "text" "regarding ${dollar}{beep}";'
        self.assertEqual(told("${text}", before), "regarding ${beep}")

    def test_encoded_characters_come_first(self):
        """§3.1: ``dear${hex:20 24 7b 4e}ame}`` is "dear Ethelbert"."""
        script = """
            set "name" "Ethelbert";
            if header :contains "Subject" "dear${hex:20 24 7b 4e}ame}" {
                fileinto "yes";
            }
        """
        message = "Subject: My dear Ethelbert!\n\n"
        self.assertEqual(files(script, message, "encoded-character"), ["yes"])

    def test_without_require_nothing_is_expanded(self):
        """Strings are what they are in scripts that do not ask for variables."""
        plan = run_script('require "fileinto"; fileinto "${a}";')
        self.assertEqual(plan.actions[0].mailbox, "${a}")

    def test_a_namespace_nobody_asked_for(self):
        """§3: references to namespaces without a prior require are errors."""
        head = 'require ["variables"];'
        self.assertIn("no namespace", errors(f'{head} set "a" "${{foo.bar}}";'))
        self.assertIn("include", errors(f'{head} set "a" "${{global.bar}}";'))

    def test_multi_line_strings(self):
        """§3: they are expanded as well."""
        script = 'set "a" "x"; set "b" text:\nDear ${a}\n.\n;\nif string "${b}" "Dear x\r\n" { fileinto "y"; }'
        self.assertEqual(files(script), ["y"])


class MatchTests(SynchronousTestCase):
    """Match variables (RFC 5229 §3.2)."""

    def test_list_id(self):
        """``*<*@*``: the second star is the name of the list."""
        script = """
            if header :matches "List-ID" "*<*@*" {
                fileinto "INBOX.lists.${2}"; stop;
            }
        """
        self.assertEqual(files(script, LIST), ["INBOX.lists.hunt*ers"])

    def test_stars_take_little(self):
        """``[*] *`` over two bracketed words."""
        script = """
            if header :matches "Subject" "[*] *" {
                fileinto "${1}"; fileinto "${2}"; fileinto "${0}"; stop;
            }
        """
        self.assertEqual(
            files(script, LIST),
            [
                "acme-users",
                "[fwd] version 1.0 is out",
                "[acme-users] [fwd] version 1.0 is out",
            ],
        )

    def test_an_address(self):
        """``coyote@**.com``: the first star is always empty; letters as they came."""
        script = """
            if address :matches ["To", "Cc"] ["coyote@**.com",
                  "wile@**.com"] {
              fileinto "0${0}"; fileinto "1${1}";
              fileinto "INBOX.business.${2}"; stop;
            }
        """
        self.assertEqual(
            files(script, LIST),
            ["0coyote@ACME.Example.COM", "1", "INBOX.business.ACME.Example"],
        )

    def test_no_match_sets_nothing(self):
        """The else branch of that example: no match variables are set."""
        script = """
            if address :matches ["To", "Cc"] ["nobody@**.com"] { stop; }
            else { fileinto "=${0}${2}"; }
        """
        self.assertEqual(files(script, LIST), ["="])

    def test_tests_that_are_not_evaluated_set_nothing(self):
        """``anyof (true, ...)``: the second test is never evaluated."""
        script = """
            if anyof (true, address :domain :matches "To" "*.com") {
                fileinto "=${1}";
            }
        """
        self.assertEqual(files(script, LIST), ["="])

    def test_failed_matches_keep_what_was(self):
        """The list is that of the most recent successful match."""
        script = """
            if header :matches "Subject" "[*] *" {}
            if header :matches "Subject" "nothing *" {}
            fileinto "${1}";
        """
        self.assertEqual(files(script, LIST), ["acme-users"])

    def test_other_match_types_keep_what_was(self):
        """Only :matches sets match variables."""
        script = """
            if header :matches "Subject" "[*] *" {}
            if header :contains "Subject" "version" {}
            if header :is "From" "a@example.org" {}
            if string :contains "${1}" ["x", "${1}"] {}
            fileinto "${1}";
        """
        self.assertEqual(files(script, LIST), ["acme-users"])

    def test_letters_stay_where_literals_repeat(self):
        """What a wildcard stood for has its own letters, not those of a literal."""
        script = 'if string :matches "xABa" "*ab?" { fileinto "${1}${2}"; }'
        self.assertEqual(files(script), ["xa"])

    def test_leading_zeros(self):
        """``${0002}`` is ``${2}``."""
        script = 'if string :matches "a-b" "*-*" { fileinto "${0002}${00}"; }'
        self.assertEqual(files(script), ["ba-b"])

    def test_out_of_range(self):
        """An index that nothing has is the empty string."""
        script = 'if string :matches "a-b" "*-*" { fileinto "=${3}"; }'
        self.assertEqual(files(script), ["="])

    def test_too_high(self):
        """§6: higher indices than are supported are syntax errors."""
        self.assertEqual(told("${99}"), "")
        for index in ("100", "99999999999999999999"):
            said = errors(f'require "variables"; set "a" "${{{index}}}";')
            self.assertIn("match variables end with ${99}", said)


class SetTests(SynchronousTestCase):
    """RFC 5229 §4."""

    def test_names_have_no_case(self):
        """The example of §4 with HONORIFIC."""
        script = """
            set "honorific"  "Mr";
            set "first_name" "Wile";
            set "last_name"  "Coyote";
            set "vacation" text:
Dear ${HONORIFIC} ${last_name},
I'm out, please leave a message after the meep.
.
            ;
            if string :is "${vacation}" text:
Dear Mr Coyote,
I'm out, please leave a message after the meep.
.
            { fileinto "yes"; }
        """
        self.assertEqual(files(script), ["yes"])

    def test_keep_stands(self):
        """To set a variable does not affect the implicit keep."""
        plan = run_script('require "variables"; set "a" "b";')
        self.assertTrue(plan.actions[0].implicit)

    def _modified(self, modifiers, value):
        before = f'set "a" "juMBlEd lETteRS"; set {modifiers} "b" "{value}";'
        return told("${b}", before)

    def test_plain(self):
        """§4.1: the value itself."""
        self.assertEqual(told("${a}", 'set "a" "juMBlEd lETteRS";'), "juMBlEd lETteRS")

    def test_length(self):
        """§4.1: 15."""
        self.assertEqual(self._modified(":length", "${a}"), "15")

    def test_lower(self):
        """§4.1: jumbled letters."""
        self.assertEqual(self._modified(":lower", "${a}"), "jumbled letters")

    def test_upperfirst(self):
        """§4.1: JuMBlEd lETteRS."""
        self.assertEqual(self._modified(":upperfirst", "${a}"), "JuMBlEd lETteRS")

    def test_two_modifiers(self):
        """§4.1: the larger precedence first, however they are written."""
        for tags in (":upperfirst :lower", ":lower :UpperFirst"):
            self.assertEqual(self._modified(tags, "${a}"), "Jumbled letters")

    def test_quotewildcard(self):
        r"""§4.1: ``Rock\*``."""
        self.assertEqual(self._modified(":quotewildcard", "Rock*"), r"Rock\*")
        self.assertEqual(self._modified(":quotewildcard", r"a\\b?"), r"a\\b\?")

    def test_upper_and_lowerfirst(self):
        """§4.1.3: ASCII letters alone are changed."""
        self.assertEqual(self._modified(":upper", "straße é"), "STRAßE é")
        self.assertEqual(self._modified(":lowerfirst :upper", "abc"), "aBC")
        self.assertEqual(self._modified(":lowerfirst", ""), "")

    def test_length_counts_characters(self):
        """§4.1.1: characters, after the other modifiers."""
        self.assertEqual(self._modified(":length", "äöü"), "3")
        self.assertEqual(self._modified(":length :quotewildcard", "a*"), "3")

    def test_same_precedence(self):
        """§4.1: two of the same precedence are an error."""
        head = 'require "variables"; set'
        for tags in (":lower :upper", ":lowerfirst :upperfirst", ":lower :lower"):
            self.assertNotEqual(errors(f'{head} {tags} "a" "b";'), "")

    def test_unknown_modifiers(self):
        """§4.1: they are syntax errors."""
        said = errors('require "variables"; set :lowr "a" "b";')
        self.assertIn("did you mean :lower?", said)

    def test_invalid_names(self):
        """§4: they are detected as syntax errors, with the place."""
        for name in ("1", "0", "a b", "", "a-b", "ä", "${a}", "a.b", "x" * 65):
            said = errors(f'require "variables"; set "{name}" "b";')
            self.assertIn("line 1, column 26", said, name)

    def test_a_word_behind_precedence_needs_its_capability(self):
        """:encodeurl belongs to enotify (RFC 5435 §6)."""
        said = errors('require "variables"; set :encodeurl "a" "b";')
        self.assertIn("enotify", said)


class StringTestTests(SynchronousTestCase):
    """The test ``string`` (RFC 5229 §5)."""

    def test_state(self):
        """The example: the test always succeeds."""
        script = """
            set "state" "${state} pending";
            if string :matches " ${state} " "* pending *" { fileinto "yes"; }
        """
        self.assertEqual(files(script), ["yes"])

    def test_white_space_stays(self):
        """White space is not stripped."""
        self.assertEqual(files('if string " a" "a" { fileinto "yes"; }'), [])

    def test_count(self):
        """Empty strings count for nothing, others for one."""
        script = """
            if string :count "eq" :comparator "i;ascii-numeric"
                ["", "a", "${none}", "b"] "2" { fileinto "yes"; }
        """
        names = "relational comparator-i;ascii-numeric"
        self.assertEqual(files(script, requires=names), ["yes"])

    def test_keys_may_hold_variables(self):
        """Source and keys are both expanded."""
        script = 'set "a" "X"; if string "x" "${a}" { fileinto "yes"; }'
        self.assertEqual(files(script), ["yes"])


class LimitTests(SynchronousTestCase):
    """RFC 5229 §6 and what keeps the server well."""

    def test_what_must_be_possible(self):
        """128 variables with names of 32 characters and 4000 characters each."""
        many = [f"v{number:031}" for number in range(128)]
        script = "".join(f'set "{name}" "{"x" * 300}";' for name in many)
        script += 'set :length "l" "${v' + "0" * 31 + '}"; fileinto "${l}";'
        self.assertEqual(files(script), ["300"])
        script = f'set "a" "{"x" * 4000}"; set :length "l" "${{a}}"; fileinto "${{l}}";'
        self.assertEqual(files(script), ["4000"])

    def test_too_many_variables(self):
        """More than a script may have are an error when it is checked."""
        script = "".join(f'set "v{number}" "";' for number in range(501))
        self.assertIn("at most 500", errors(f'require "variables"; {script}'))

    def test_doubling_is_cut(self):
        """Values are cut to what a variable holds; it is no error."""
        script = 'set "a" "0123456789abcdef";' + 'set "a" "${a}${a}";' * 40
        script += 'set :length "l" "${a}"; fileinto "${l}";'
        self.assertEqual(files(script), [str(variables.VALUE_CHARACTERS)])

    def test_work_is_counted(self):
        """A script that builds long strings all the time comes to an end."""
        script = 'set "a" "0123456789abcdef";' + 'set "a" "${a}${a}";' * 12
        long = 'set "b" "${a}${a}${a}${a}${a}";'
        head = 'require "variables";'
        self.assertEqual(run_script(head + script + long * 100).trouble, "")
        plan = run_script(head + script + long * 1_000)
        self.assertIn("too much text", plan.trouble)

    @given(st.text(alphabet="${}.a1_\\! ", max_size=60))
    def test_any_string(self, text):
        """Whatever stands in a string, it is expanded or refused with its place."""
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        script = f'require ["variables"]; set "x" "{quoted}";'
        if not errors(script):
            self.assertEqual(run_script(script).trouble, "")
