"""Scripts within scripts: every example of RFC 6609, its rules and its bounds."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import BadScript, Question, Wanted
from mailsuite.sieve.extensions.reject import Reject
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter, Run, planned, run
from tests.support.sieve import LETTER, errors, octets


def question(name, location="personal"):
    """What a program asks for a script."""
    return Question("script", (location, name))


def answers(**scripts):
    """Answers by the names of scripts; ``g_`` before a name: a global one."""
    found = {}
    for name, script in scripts.items():
        where = "global" if name.startswith("g_") else "personal"
        key = question(name.removeprefix("g_"), where)
        try:
            found[key] = None if script is None else check(octets(script))
        except BadScript as error:
            found[key] = str(error)
    return found


def included(script, message=LETTER, name="", **scripts):
    """Run a script that includes others."""
    letter = Letter(Message.of(octets(message)), script=name)
    return run(check(octets(script)), letter, answers(**scripts))


def names(plan):
    """What a plan does, briefly."""
    assert not plan.trouble, plan.trouble
    return [getattr(one, "mailbox", type(one).__name__) for one in plan.actions]


DEFAULT = """
    require ["include"];
    include :personal "always_allow";
    include :global "spam_tests";
    include :personal "spam_tests";
    include :personal "mailing_lists";
"""
SCRIPTS = {
    "always_allow": """
        if address :is "from" "boss@example.com"
        {
            keep;
        }
        elsif address :is "from" "ceo@example.com"
        {
            keep;
        }
    """,
    "spam_tests": """
        require ["reject"];

        if header :contains "Subject" "XXXX"
        {
            reject "Subject XXXX is unacceptable.";
        }
        elsif address :is "from" "money@example.com"
        {
            reject "Mail from this sender is unwelcome.";
        }
    """,
    "mailing_lists": """
        require ["fileinto"];
        if header :is "List-ID" "sieve.ietf.org"
        {
            fileinto "lists.sieve";
        }
        elsif header :is "List-ID" "ietf-imapext.imc.org"
        {
            fileinto "lists.imapext";
        }
    """,
    "g_spam_tests": """
        require ["reject"];

        if anyof (header :contains "Subject" "$$",
                  header :contains "Subject" "Make money")
        {
            reject "No thank you.";
        }
    """,
}


class ExampleTests(SynchronousTestCase):
    """RFC 6609 §3.2 to §4, as it is printed."""

    def _default(self, head):
        return names(included(DEFAULT, f"{head}\n\n", **SCRIPTS))

    def test_always_allow(self):
        """The boss is kept, by a keep that somebody wrote."""
        letter = Letter(Message.of(b"From: boss@example.com\r\n\r\n"))
        plan = run(check(octets(DEFAULT)), letter, answers(**SCRIPTS))
        self.assertEqual([one.implicit for one in plan.actions], [False])

    def _refused(self, head):
        """Why a message is refused, which is all that is done with it."""
        plan = included(DEFAULT, f"{head}\n\n", **SCRIPTS)
        self.assertEqual(plan.trouble, "")
        (action,) = plan.actions
        self.assertIsInstance(action, Reject)
        return action.reason

    def test_global(self):
        """The site's tests."""
        self.assertEqual(self._refused("Subject: Make money fast"), "No thank you.")
        self.assertEqual(self._refused("Subject: $$"), "No thank you.")

    def test_personal(self):
        """The owner's own of the same name."""
        said = self._refused("Subject: XXXX")
        self.assertEqual(said, "Subject XXXX is unacceptable.")
        said = self._refused("From: money@example.com")
        self.assertEqual(said, "Mail from this sender is unwelcome.")

    def test_together(self):
        """What is always allowed cannot be refused as well: it is kept, with trouble."""
        plan = included(DEFAULT, "From: ceo@example.com\nSubject: $$\n\n", **SCRIPTS)
        self.assertIn("refused and delivered", plan.trouble)
        self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_lists(self):
        """The last one files."""
        self.assertEqual(self._default("List-ID: sieve.ietf.org"), ["lists.sieve"])

    def test_nothing(self):
        """Whether the implicit keep stands is decided over all scripts."""
        self.assertEqual(self._default("Subject: x"), ["Keep"])

    active = """
        require ["fileinto", "include", "variables", "relational"];
        global "test";
        global "test_mailbox";

        set "test" "$$";
        include "subject_tests";

        set "test" "Make money";
        include "subject_tests";

        if string :count "eq" "${test_mailbox}" "1"
        {
            fileinto "${test_mailbox}";
            stop;
        }
    """
    subject_tests = """
        require ["include", "variables"];
        global ["test", "test_mailbox"];

        if header :contains "Subject" "${test}"
        {
            set "test_mailbox" "spam-${test}";
        }
    """

    def test_a_subroutine(self):
        """§3.4.1: the test that matches last leaves its value."""
        for subject, expected in (
            ("$$ Make money", ["spam-Make money"]),
            ("some $$", ["spam-$$"]),
            ("hello", ["Keep"]),
        ):
            plan = included(
                self.active, f"Subject: {subject}\n\n", subject_tests=self.subject_tests
            )
            self.assertEqual(names(plan), expected)

    def test_the_namespace(self):
        """§3.4.2: ``set "global.i_am_on_vacation"`` is valid."""
        script = 'require ["variables", "include"]; set "global.i_am_on_vacation" "1";'
        self.assertEqual(names(included(script)), ["Keep"])

    def test_not_in_the_namespace(self):
        """§3.4.2: what is not allowed, and what is not valid."""
        head = 'require ["variables", "include"];'
        for command in (
            'set "global.data.from" "me@example.com";',
            'set "global.12" "value";',
        ):
            self.assertNotEqual(errors(f"{head} {command}"), "")
        said = errors('require "variables"; set "global.a" "1";')
        self.assertIn("include", said)

    def test_two_syntaxes(self):
        """§3.4.2: declared ones and those of the namespace are the same."""
        script = """
            require ["variables", "include", "vacation"];
            global "i_am_on_vacation";

            set "global.i_am_on_vacation" "1";

            if string :is "${i_am_on_vacation}" "1"
            {
                vacation "It's true, I am on vacation.";
            }
        """
        letter = Letter(
            Message.of(b"To: me@example.com\r\n\r\n"),
            sender="you@example.com",
            recipient="me@example.com",
        )
        plan = run(check(octets(script)), letter, {})
        self.assertEqual(plan.trouble, "")
        reply, keep = plan.actions
        self.assertEqual(reply.reason, "It's true, I am on vacation.")
        self.assertTrue(keep.implicit)

    def test_edited_headers(self):
        """§3.5: an included script sees no field that was removed, and the added one."""
        script = """
            require ["include", "editheader", "fileinto", "copy"];
            deleteheader "X-First";
            addheader "X-Second" "2";
            include "inner";
            if exists "X-Second" { fileinto :copy "second is here still"; }
            if exists "X-Third" { fileinto :copy "third is here"; }
        """
        inner = """
            require ["editheader", "fileinto", "copy"];
            if exists "X-First" { fileinto :copy "first is here"; }
            if exists "X-Second" { fileinto :copy "second is here"; }
            deleteheader "X-Second";
            addheader "X-Third" "3";
        """
        plan = included(script, "X-First: 1\n\n", inner=inner)
        self.assertEqual(names(plan), ["second is here", "third is here", "Keep"])
        header = plan.messages[-1].written()
        self.assertEqual(header, b"X-Third: 3\r\n\r\n")

    def test_reject_goes_on(self):
        """§3.5: reject is for the whole message, and the scripts go on behind it."""
        script = """
            require ["include", "variables"];
            include "inner";
            if string "${global.a}" "1" { include "other"; }
        """
        inner = """
            require ["include", "variables", "reject"];
            reject "no"; set "global.a" "1";
        """
        other = 'require ["editheader", "imap4flags"]; addflag "x";'
        plan = included(script, inner=inner, other=other)
        self.assertEqual(names(plan), ["Reject"])

    def test_hostile_names(self):
        """§4: names that attack are errors."""
        for name in ("./../..//etc/passwd", "foo$(`rm star`)", "", "a/b", "x" * 129):
            said = errors(f'require "include"; include "{name}";')
            self.assertIn("no script may be named", said, name)
        self.assertEqual(errors('require "include"; include "Süß (1), it\'s";'), "")


class RuleTests(SynchronousTestCase):
    """RFC 6609 §3."""

    def test_nobody_is_asked_when_a_script_is_checked(self):
        """§3.1: missing and recursive scripts are no errors of uploading."""
        self.assertEqual(errors('require "include"; include "nothing";'), "")

    def test_what_is_wanted(self):
        """A program tells what it will ask, and asks for it."""
        program = check(
            b'require "include"; include "a"; include :global "b"; include "a";'
        )
        self.assertEqual(program.wanted, (question("a"), question("b", "global")))
        with self.assertRaises(Wanted) as caught:
            run(program, Letter(Message.of(octets(LETTER))), {})
        self.assertEqual(caught.exception.question, question("a"))

    def test_missing(self):
        """A script that is not there is an error of the run: all is kept."""
        plan = included('require "include"; discard; include "a";', a=None)
        self.assertIn("line 1: there is no personal script a", plan.trouble)
        self.assertEqual(len(plan.actions), 1)

    def test_optional(self):
        """:optional goes on."""
        plan = included('require "include"; include :optional "a"; discard;', a=None)
        self.assertEqual(names(plan), ["Discard"])

    def test_invalid(self):
        """An invalid one is told with its own place, :optional or not."""
        plan = included('require "include"; include :optional "a";', a="\n  kep;")
        self.assertIn("line 2, column 3: there is no command kep", plan.trouble)

    def test_once(self):
        """:once runs what has not run before."""
        script = 'require "include"; include "a"; include :once "a"; include :once "b";'
        a = 'require ["include", "variables"]; set "global.x" "${global.x}a";'
        b = """require ["include", "variables", "fileinto"];
               fileinto "${global.x}";"""
        self.assertEqual(names(included(script, a=a, b=b)), ["a"])

    def test_itself(self):
        """§3.1: a script cannot include itself, directly or not."""
        again = 'require "include"; include "a";'
        plan = included(again, a=again)
        self.assertIn("a: line 1: a includes itself", plan.trouble)
        plan = included(
            again,
            a='require "include"; include "b";',
            b='require "include"; include "a";',
        )
        self.assertIn("a: b: line 1: a includes itself", plan.trouble)

    def test_the_first_script(self):
        """The one that runs first is known by its name."""
        again = 'require "include"; include "me";'
        self.assertIn("me includes itself", included(again, name="me").trouble)
        once = 'require "include"; include :once "me"; discard;'
        self.assertEqual(names(included(once, name="me")), ["Discard"])

    def test_once_and_itself(self):
        """§3.2: :once of a recursion is no error, and does nothing."""
        a = 'require "include"; include :once "a"; discard;'
        self.assertEqual(
            names(included('require "include"; include "a";', a=a)), ["Discard"]
        )

    def test_global_and_personal_of_one_name(self):
        """They are two scripts."""
        a = 'require "include"; include :global "a";'
        self.assertEqual(
            names(included('require "include"; include "a";', a=a, g_a="discard;")),
            ["Discard"],
        )

    def test_depth(self):
        """Ten are possible, eleven are an error."""
        chain = {
            f"s{number}": f'require "include"; include "s{number + 1}";'
            for number in range(1, 12)
        }
        first = 'require "include"; include "s1";'
        plan = included(first, **chain | {"s10": "discard;"})
        self.assertEqual(names(plan), ["Discard"])
        plan = included(first, **chain | {"s11": "discard;"})
        self.assertIn("deeper than 10", plan.trouble)

    def test_storms(self):
        """Scripts that include each other many times come to an end."""
        chain = {
            f"s{number}": 'require "include";' + f'include "s{number + 1}";' * 10
            for number in range(1, 9)
        }
        plan = included('require "include"; include "s1";', s9="", **chain)
        self.assertIn("commands and tests", plan.trouble)

    def test_stop(self):
        """§3.2: stop ends all scripts."""
        plan = included('require "include"; include "a"; discard;', a="stop;")
        self.assertEqual(names(plan), ["Keep"])

    def test_return(self):
        """§3.3: return ends the included script alone."""
        a = """
            require "include";
            if true { return; }
            keep;
        """
        plan = included('require "include"; include "a"; discard;', a=a)
        self.assertEqual(names(plan), ["Discard"])

    def test_return_of_the_first(self):
        """§3.3: in the first script it is stop."""
        plan = included('require "include"; return; discard;')
        self.assertEqual(names(plan), ["Keep"])

    def test_chains_go_on(self):
        """What an included script branches does not matter to who includes it."""
        script = """
            require "include";
            if true { include "a"; } else { discard; }
        """
        self.assertEqual(names(included(script, a="if false {}")), ["Keep"])

    def test_requires_are_its_own(self):
        """§3.2: capabilities are neither inherited nor passed on."""
        plan = included(
            'require ["include", "fileinto"]; include "a";', a='fileinto "x";'
        )
        self.assertIn("fileinto is not asked for", plan.trouble)
        said = errors('require "include"; include "a"; fileinto "x";')
        self.assertIn("fileinto is not asked for", said)

    def test_the_name_is_constant(self):
        """§3.2: variables are not expanded in it."""
        said = errors('require ["include", "variables"]; include "${a}";')
        self.assertIn("constant", said)

    def test_one_location(self):
        """§3.2: it must not be specified more than once."""
        said = errors('require "include"; include :global :personal "a";')
        self.assertIn("cannot stand beside", said)

    def test_the_trail_tells_which(self):
        """Decisions of an included script are told with its name."""
        program = check(b'require "include";\r\ninclude "a";', traced=True)
        inner = check(b"\r\ndiscard;", traced=True)
        running = Run(Letter(Message.of(octets(LETTER))), {question("a"): inner})
        planned(running, program)
        self.assertIn((2, "a: discard"), running.trail)


PARTS = """\
From: a@example.org
Subject: outer
Content-Type: multipart/mixed; boundary=AA

--AA
Content-Type: text/plain
Subject: first

Hello
--AA
Content-Type: multipart/alternative; boundary=BB
Subject: second

--BB
Content-Type: text/html
Subject: third

<p>World</p>
--BB--
--AA--
"""
LOOP = """
    require ["include", "foreverypart", "variables", "fileinto", "copy"];
    foreverypart { include "inner"; }
"""


class PartTests(SynchronousTestCase):
    """RFC 6609 §3.5: the part a loop is at is the whole message to an included script."""

    HEAD = """require ["include", "foreverypart", "mime", "body", "variables", "fileinto",
        "copy", "editheader", "replace", "enclose", "reject"];"""

    def _done(self, inner, loop=LOOP, **scripts):
        plan = included(loop, PARTS, inner=self.HEAD + inner, **scripts)
        self.assertEqual(plan.trouble, "")
        return plan

    def test_header(self):
        """Tests for fields, with and without :mime, are about the part."""
        for mime in ("", ":mime"):
            inner = f"""if header {mime} :matches "subject" "*" {{
                fileinto :copy "${{1}}"; }}"""
            found = names(self._done(inner))
            self.assertEqual(found, ["outer", "first", "second", "third", "Keep"])
        inner = 'if exists "from" { fileinto :copy "once"; } else { discard; }'
        self.assertEqual(names(self._done(inner)), ["once", "Discard"])

    def test_content(self):
        """So are tests for the body and the size."""
        inner = """if allof (header :matches "subject" "*", size :under 100,
            body :contains "World") { fileinto :copy "${1}"; }"""
        self.assertEqual(names(self._done(inner)), ["third", "Keep"])
        inner = inner.replace("100", "1K")
        self.assertEqual(names(self._done(inner)), ["outer", "second", "third", "Keep"])

    def test_loops(self):
        """A loop of the included script goes through the part, and break is its own."""
        inner = """if header :matches "subject" "*" { set "at" "${1}"; }
            foreverypart { if header :mime :matches "subject" "*" {
                set "at" "${at} ${1}"; } }
            fileinto :copy "${at}";"""
        self.assertEqual(
            names(self._done(inner)),
            [
                "outer outer first second third",
                *("first first", "second second third", "third third", "Keep"),
            ],
        )
        self.assertIn("break", errors("break;"))

    def test_actions(self):
        """What is filed or refused is the message as it was delivered."""
        plan = self._done('fileinto :copy "a";')
        self.assertEqual({one.written() for one in plan.messages}, {octets(PARTS)})
        plan = self._done('if header "subject" "third" { reject "no"; }')
        self.assertEqual(names(plan), ["Reject"])
        self.assertEqual(plan.message.written(), octets(PARTS))

    def test_edits(self):
        """What is changed in the part is changed in the message."""
        inner = """if header "subject" "third" {
            deleteheader "Subject"; addheader "X-Seen" "yes";
            fileinto :copy "a"; addheader "X-Filed" "yes"; }"""
        plan = self._done(inner)
        old = b"Content-Type: text/html\r\nSubject: third\r\n"
        filed = b"X-Seen: yes\r\nContent-Type: text/html\r\n"
        kept = b"X-Filed: yes\r\n" + filed
        whole = octets(PARTS)
        self.assertEqual(
            [one.written() for one in plan.messages],
            [whole.replace(old, filed), whole.replace(old, kept)],
        )
        inner = """if header "subject" "third" { replace "gone"; }"""
        again = """require ["include", "foreverypart", "body", "fileinto"];
            foreverypart { include "inner"; }
            if not body :contains "World" { fileinto "changed"; }"""
        self.assertEqual(names(self._done(inner, again)), ["changed"])

    def test_the_first_part(self):
        """The message itself is the first part: what is done to it is done."""
        inner = """if header "subject" "outer" {
            enclose :subject "wrapped" "see"; addheader "X-A" "b"; }
            if header :matches "subject" "*" { fileinto :copy "${1}"; }"""
        found = names(self._done(inner))
        self.assertEqual(found, ["wrapped", "first", "second", "third", "Keep"])

    def test_scripts_in_scripts(self):
        """The part of a part is what the innermost script sees."""
        inner = """
            if header "subject" "second" { foreverypart { include "other"; } }"""
        other = (
            self.HEAD
            + """
            if header :matches "subject" "*" { fileinto :copy "${1}"; }
            if exists "subject" { addheader "X-Seen" "1"; }"""
        )
        plan = self._done(inner, other=other)
        self.assertEqual(names(plan), ["second", "third", "Keep"])
        written = plan.messages[-1].written()
        self.assertEqual(written.count(b"X-Seen: 1"), 2)
        self.assertTrue(written.startswith(b"From: a@example.org"))

    def test_stop(self):
        """§3.5: stop ends all scripts, and what was changed stays so."""
        inner = """if header "subject" "third" { addheader "X-A" "b"; stop; }"""
        plan = self._done(inner, LOOP + "discard;")
        self.assertEqual(names(plan), ["Keep"])
        self.assertIn(b"\r\nX-A: b\r\nContent-Type: text/html", plan.message.written())

    def test_delimiters(self):
        """An included script cannot write the message's delimiter either."""
        inner = r"""if header "subject" "third" {
            replace :mime "X: y\r\n\r\n--AA--\r\n"; }"""
        script = self.HEAD + inner.replace("\\r\\n", "\n")
        plan = included(LOOP, PARTS, inner=script)
        self.assertIn("delimiter", plan.trouble)


class ScopeTests(SynchronousTestCase):
    """Variables of scripts (RFC 6609 §3.4)."""

    def test_private(self):
        """Both ways nothing is seen."""
        script = """
            require ["include", "variables", "fileinto"];
            set "a" "outer"; include "b"; fileinto "${a}${c}";
        """
        b = """
            require ["variables", "fileinto"];
            fileinto "b${a}"; set "a" "inner"; set "c" "inner";
        """
        self.assertEqual(names(included(script, b=b)), ["b", "outer"])

    def test_matches_are_private(self):
        """Match variables as well."""
        script = """
            require ["include", "variables", "fileinto"];
            if string :matches "outer" "*" { include "b"; fileinto "${1}"; }
        """
        b = """
            require ["variables", "fileinto"];
            fileinto "b${1}"; if string :matches "inner" "*" {}
        """
        self.assertEqual(names(included(script, b=b)), ["b", "outer"])

    def test_fresh_each_time(self):
        """A script that is included twice begins anew."""
        script = 'require "include"; include "b"; include "b";'
        b = """
            require ["variables", "fileinto"];
            set "a" "${a}x"; fileinto "${a}";
        """
        self.assertEqual(names(included(script, b=b)), ["x"])

    def test_own_and_global_of_one_name(self):
        """§3.4: they have no interaction."""
        script = """
            require ["include", "variables", "fileinto"];
            set "a" "own"; set "global.a" "shared"; fileinto "${a}"; fileinto "${global.a}";
        """
        self.assertEqual(names(included(script)), ["own", "shared"])

    def test_after_set(self):
        """§3.4.1: a variable that was set cannot become global."""
        head = 'require ["include", "variables"];'
        self.assertIn(
            "a is set above", errors(f'{head} set "a" "1"; global ["b", "A"];')
        )

    def test_names(self):
        """§3.4.1: no match variables, no namespaces; constant."""
        head = 'require ["include", "variables"];'
        for name in ("1", "a.b", "", "${a}"):
            self.assertNotEqual(errors(f'{head} global "{name}";'), "")

    def test_both_capabilities(self):
        """§3.4.1: global needs variables as well as include."""
        self.assertIn("variables", errors('require "include"; global "a";'))
        self.assertIn("include", errors('require "variables"; global "a";'))

    def test_the_namespace_is_flat(self):
        """§3.4.2: no sub-namespaces, no numbers."""
        head = 'require ["include", "variables"];'
        for name in ("global.data.from", "global.12"):
            self.assertNotEqual(errors(f'{head} set "{name}" "x";'), "")
        self.assertNotEqual(errors(f'{head} set "x" "${{global.12}}";'), "")

    def test_unset(self):
        """§3.4.1: a global without a value is empty."""
        script = """
            require ["include", "variables", "fileinto"];
            global "a"; fileinto "x${a}${global.b}";
        """
        self.assertEqual(names(included(script)), ["x"])

    def test_how_many(self):
        """Globals of all scripts together have a bound."""
        sets = "".join(f'set "global.v{number}" "";' for number in range(501))
        plan = included(f'require ["include", "variables"]; {sets}')
        self.assertIn("more than 500 global variables", plan.trouble)
