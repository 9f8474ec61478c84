"""Flags: every example of RFC 5232 and every rule of its second and third sections."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.flags import SYSTEM
from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.extensions.flags import sorted_out
from mailsuite.sieve.extensions.regex import EXPRESSIONS
from mailsuite.sieve.limits import FLAGS
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter, run
from tests.support.sieve import LETTER, errors, octets, run_script

REQUIRE = 'require ["imap4flags", "fileinto", "variables", "relational", "copy",'
REQUIRE += ' "comparator-i;ascii-numeric"];\n'
BIG = LETTER + b"x" * 70 + b"\r\n" + (b"y" * 998 + b"\r\n") * 1_100


def acts(script, message=LETTER):
    """The actions of a script, without the lines they stand in."""
    plan = run_script(REQUIRE + script, message)
    assert not plan.trouble, plan.trouble
    return plan.actions


def flags(script, message=LETTER):
    """The flags of the last action as a set, None: those of the message."""
    found = acts(script, message)[-1].flags
    return None if found is None else set(found)


def says(script, test):
    """Whether a test is true after a script."""
    return isinstance(
        acts(f"{script} if {test} {{ keep; }} else {{ discard; }}")[-1], Keep
    )


def mail(sender, *fields):
    return "".join(f"{one}\n" for one in (f"From: {sender}", *fields)) + "\nx\n"


class ActionTests(SynchronousTestCase):
    """RFC 5232 §3."""

    def test_setflag_marks_large_messages(self):
        r"""§3.1: over 500K they are kept with \Deleted, others as they are."""
        script = r'if size :over 500K { setflag "\\Deleted"; }'
        self.assertEqual(flags(script, BIG), {"\\Deleted"})
        self.assertIsNone(flags(script))

    def test_setflag_in_a_variable(self):
        """§3.1: flags of a variable go to one mailbox."""
        script = r"""
            if header :contains "from" "boss@frobnitzm.example.edu" {
                setflag "flagvar" "\\Flagged";
                fileinto :flags "${flagvar}" "INBOX.From Boss";
            }"""
        (action,) = acts(script, mail("boss@frobnitzm.example.edu"))
        self.assertEqual(action.mailbox, "INBOX.From Boss")
        self.assertEqual(action.flags, ("\\Flagged",))
        self.assertEqual([type(one) for one in acts(script)], [Keep])

    def test_addflag_adds(self):
        """§3.2: the four ways to add two flags give the same set."""
        wanted = {"\\Deleted", "\\Answered"}
        for script in (
            r'addflag "flagvar" "\\Deleted"; addflag "flagvar" "\\Answered";',
            r'addflag "flagvar" ["\\Deleted", "\\Answered"];',
            r'addflag "flagvar" "\\Deleted \\Answered";',
            r'addflag "flagvar" "\\Answered \\Deleted";',
        ):
            self.assertEqual(flags(script + 'keep :flags "${flagvar}";'), wanted)

    def test_removeflag(self):
        """§3.3: the flag is asked for, and taken away for one sender."""
        script = r"""
            if header :contains "Disposition-Notification-To" "mel@example.com" {
                addflag "flagvar" "$MDNRequired";
            }
            if header :contains "from" "imap@cac.washington.example.edu" {
                removeflag "flagvar" "$MDNRequired";
                fileinto :flags "${flagvar}" "INBOX.imap-list";
            }
            else { keep :flags "${flagvar}"; }"""
        asked = "Disposition-Notification-To: mel@example.com"
        listed = mail("imap@cac.washington.example.edu", asked)
        self.assertEqual(flags(script, listed), set())
        self.assertEqual(flags(script, mail("a@example.com", asked)), {"$MDNRequired"})

    def test_removing_any_case_and_what_is_not_there(self):
        """Names have no case; removing what is not there is no error."""
        self.assertEqual(flags('setflag "A b"; removeflag ["a", "c", ""];'), {"b"})

    def test_the_internal_variable(self):
        """It applies to keep, fileinto and the implicit keep without :flags."""
        first, second, third = acts(
            r'addflag "\\Seen"; fileinto :copy "a"; addflag "x";'
            r'fileinto :copy :flags "own" "b";'
        )
        self.assertEqual(first.flags, ("\\Seen",))
        self.assertEqual(second.flags, ("own",))
        self.assertEqual(third, Keep(("\\Seen", "x"), implicit=True))

    def test_no_flags_at_all(self):
        """A variable that was emptied files without flags: not as the message came."""
        self.assertEqual(flags('setflag ""; keep;'), set())
        self.assertIsNone(flags("keep;"))

    def test_the_last_flags_win(self):
        """§3: one mailbox gets one copy, with the flags that came last."""
        (action,) = acts('fileinto :flags "a" "box"; fileinto :flags "b" "box";')
        self.assertEqual(action, FileInto("box", ("b",), at=action.at))
        (action,) = acts('keep; setflag "c"; keep;')
        self.assertEqual(action.flags, ("c",))

    def test_what_cannot_be_set_is_left_out(self):
        r"""§2: \Recent, unknown system flags, non-ASCII and no atoms are passed over."""
        self.assertEqual(
            flags(r'setflag "\\Recent \\Foo x(y caf\e9 fé a]b \\SEEN  $Label1  ";'),
            {"\\Seen", "$Label1", "cafe9"},
        )

    def test_tabs_and_line_ends_in_a_variable(self):
        """What a variable holds is taken apart at white space."""
        self.assertEqual(flags('set "v" " a  b "; keep :flags "${v}";'), {"a", "b"})

    def test_flags_are_bounded(self):
        """However many a script adds, a set holds so many."""
        script = "".join(f'addflag "k{i} l{i}";' for i in range(FLAGS))
        self.assertEqual(len(flags(script)), FLAGS)

    def test_variables_must_be_asked_for(self):
        """§1: without variables a name of one is an error."""
        for script in (
            'addflag "v" "x";',
            'if hasflag "v" "x" { keep; }',
        ):
            told = errors('require "imap4flags";' + script)
            self.assertIn("variables", told)

    def test_errors(self):
        """Names that no variable has, names that are not constant."""
        for script in (
            'addflag "1" "x";',
            'addflag "a b" "x";',
            'addflag "${a}" "x";',
            "addflag;",
            'addflag ["a", "b"] "x";',
            'if hasflag "a-b" "x" { keep; }',
            'if hasflag ["${a}"] "x" { keep; }',
            "keep :flags; ",
            'discard :flags "x";',
        ):
            self.assertTrue(errors(REQUIRE + script), script)
        self.assertIn("imap4flags", errors('setflag "x";'))


class HasflagTests(SynchronousTestCase):
    """RFC 5232 §4."""

    LONG = (
        'set "MyVar" "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded'
        ' $Junk $NotJunk";'
    )

    def test_internal(self):
        """The internal variable is A B: both ways to ask are true."""
        for test in ('hasflag :is "b A"', 'hasflag ["b","A"]'):
            self.assertTrue(says('setflag "A B";', test))
        self.assertFalse(says('setflag "A B";', 'hasflag "c"'))
        self.assertFalse(says("", 'hasflag "a"'))

    def test_contains_true(self):
        """The six tests of §4 that are true."""
        for key in (
            '"Junk"',
            '"forward"',
            '["label", "forward"]',
            '["junk", "forward"]',
            '"junk forward"',
            '"forward junk"',
        ):
            self.assertTrue(says(self.LONG, f'hasflag :contains "MyVar" {key}'), key)

    def test_contains_false(self):
        """The two tests of §4 that are false."""
        for key in ('"label"', '["label1", "label2"]'):
            self.assertFalse(says(self.LONG, f'hasflag :contains "MyVar" {key}'), key)

    def test_count(self):
        """Two distinct flags count for two; counts of several variables add up."""
        count = 'hasflag :count "{}" :comparator "i;ascii-numeric" {} "{}"'
        two = 'set "MyFlags" "A B"; set "More" "a b a c";'
        self.assertTrue(says(two, count.format("ge", '"MyFlags"', 2)))
        self.assertFalse(says(two, count.format("ge", '"MyFlags"', 3)))
        self.assertTrue(says(two, count.format("eq", '["MyFlags", "More"]', 5)))
        self.assertTrue(says('setflag "a A b";', count.format("eq", "", 2)))

    def test_keys_from_variables(self):
        """Keys that are known only when the script runs are taken apart then."""
        self.assertTrue(says('setflag "b"; set "k" "a b";', 'hasflag "${k}"'))
        self.assertFalse(says('setflag "c"; set "k" "a b";', 'hasflag "${k}"'))
        self.assertTrue(says('setflag "$ab";', 'hasflag :matches "$?b"'))


class ExtendedTests(SynchronousTestCase):
    """RFC 5232 §9; its "remove" is meant to be "removeflag"."""

    SCRIPT = r"""
        if size :over 1M {
            addflag "MyFlags" "Big";
            if header :is "From" "boss@company.example.com" {
                addflag "MyFlags" "\\Flagged";
            }
            fileinto :flags "${MyFlags}" "Big messages";
        }
        if header :is "From" "grandma@example.net" {
            addflag "MyFlags" ["\\Answered", "$MDNSent"];
            fileinto :flags "${MyFlags}" "GrandMa";
        }
        if header :is "Sender" "owner-ietf-mta-filters@example.org" {
            set "MyFlags" "\\Flagged $Work";
            keep :flags "${MyFlags}";
        }
        elsif anyof (address :domain :is ["From", "To"] "company.example.com") {
            keep :flags "${MyFlags}";
        }
        elsif anyof (not address :all :contains ["To", "Cc"] "me@company.example.com",
                header :matches "subject" ["*make*money*fast*", "*university*dipl*mas*"]) {
            removeflag "MyFlags" "\\Flagged";
            fileinto :flags "${MyFlags}" "spam";
        }
        else { fileinto :flags "${MyFlags}" "personal"; }
    """

    def filed(self, message):
        """Where a message goes and with which flags."""
        return {
            getattr(one, "mailbox", "INBOX"): set(one.flags)
            for one in acts(self.SCRIPT, message)
        }

    def test_big_from_the_boss(self):
        r"""It is marked \Flagged Big in Big messages, and kept with the same."""
        head = b"From: boss@company.example.com\r\nTo: me@company.example.com\r\n"
        self.assertEqual(
            self.filed(head + BIG[BIG.index(b"\r\n\r\n") :].removeprefix(b"\r\n")),
            {"Big messages": {"Big", "\\Flagged"}, "INBOX": {"Big", "\\Flagged"}},
        )

    def test_grandma(self):
        r"""Short mail of hers has \Answered $MDNSent, and spam gets them too."""
        wanted = {"\\Answered", "$MDNSent"}
        found = self.filed(mail("grandma@example.net"))
        self.assertEqual(found, {"GrandMa": wanted, "spam": wanted})

    def test_big_grandma(self):
        """Large mail of hers has Big as well."""
        body = BIG[BIG.index(b"\r\n\r\n") :]
        found = self.filed(b"From: grandma@example.net" + body)
        self.assertEqual(found["GrandMa"], {"Big", "\\Answered", "$MDNSent"})

    def test_list(self):
        r"""Mail of the list has \Flagged and $Work."""
        sender = "Sender: owner-ietf-mta-filters@example.org"
        found = self.filed(mail("a@example.org", sender))
        self.assertEqual(found, {"INBOX": {"\\Flagged", "$Work"}})

    def test_company(self):
        """Mail from and to the company is kept with what was found before."""
        for message in (
            mail("x@company.example.com"),
            mail("a@example.org", "To: y@company.example.com"),
        ):
            self.assertEqual(self.filed(message), {"INBOX": set()})

    def test_spam(self):
        """Mail to others, and with certain subjects, goes to spam."""
        mine = "To: me@company.example.com.invalid"
        for message in (
            mail("a@example.org", "To: b@example.org"),
            mail("a@example.org", mine, "Subject: MAKE much money really fast"),
            mail("a@example.org", mine, "Subject: university diplomas"),
        ):
            self.assertEqual(self.filed(message), {"spam": set()})

    def test_personal(self):
        """All other mail is personal."""
        message = mail("a@example.org", "Cc: me@company.example.com.invalid")
        self.assertEqual(self.filed(message), {"personal": set()})


class LateKeyTests(SynchronousTestCase):
    """Keys that are known only in a run."""

    SCRIPT = """require ["imap4flags", "regex", "variables"];
        addflag "work1";
        if header :matches "subject" "*" { set "key" "${1}"; }
        if hasflag :regex "${key}" { setflag "found"; }"""

    def plan(self, key):
        return run_script(self.SCRIPT, f"Subject: {key}\n\n")

    def test_regex(self):
        """A wrong expression is trouble of the run, which keeps the message."""
        plan = self.plan("?")
        self.assertIn("no regular expression", plan.trouble)
        self.assertEqual(plan.actions, (Keep(implicit=True),))
        (keep,) = self.plan("wor.1").actions
        self.assertEqual(keep.flags, ("found",))

    def test_many_runs(self):
        """A script is as good at its last message as at its first."""
        program = check(octets(self.SCRIPT))
        for number in range(EXPRESSIONS + 1):
            letter = Letter(Message.of(f"Subject: work[{number}]\r\n\r\n".encode()))
            self.assertEqual(run(program, letter, {}).trouble, "")


class SortedTests(SynchronousTestCase):
    """What is made of a list of flags."""

    @given(st.lists(st.text(max_size=20), max_size=20))
    def test_anything(self, lists):
        """Whatever is given: flags that IMAP can store, each once, in one word."""
        found = sorted_out(lists)
        self.assertEqual(len({one.lower() for one in found}), len(found))
        for flag in found:
            self.assertTrue(flag.isascii() and not set(flag) & set('(){ %*"]'))
            self.assertTrue(flag in SYSTEM or "\\" not in flag)
        self.assertEqual(sorted_out(found), found)
