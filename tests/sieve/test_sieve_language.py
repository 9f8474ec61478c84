"""RFC 5228 line by line: its examples with their results, and its MUSTs."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, FileInto, Keep, Redirect
from mailsuite.sieve.grammar import parse
from tests.support.sieve import errors, holds, run_script

A = """\
Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)
From: coyote@desert.example.org
To: roadrunner@acme.example.com
Subject: I have a present for you

Look, I'm sorry about the whole anvil thing, and I really
didn't mean to try and drop it on you from the top of the
cliff.
"""
B = """\
From: youcouldberich!@reply-by-postal-mail.invalid
Sender: b1ff@de.res.example.com
To: rube@landru.example.com
Date:  Mon, 31 Mar 1997 18:26:10 -0800
Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$

YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS, BUT I DOUBT
IT!  SO JUST POST THIS TO SIX HUNDRED NEWSGROUPS!
"""
OTHER = "From: tim@example.com\nTo: me@example.com\nSubject: hello\n\nhello\n"
IMPLICIT = (Keep(implicit=True),)


def planned(script, message=A, **letter):
    """What a script wants done, whatever the line that says so."""
    plan = run_script(script, message, **letter)
    assert not plan.trouble, plan.trouble
    return tuple(evolve(one, at=0) for one in plan.actions)


class LiteralTests(SynchronousTestCase):
    """§2.3, §2.4: comments, numbers, strings."""

    def test_hash_comment(self):
        """A comment ends with its line."""
        script = "if size :over 100k { # this is a comment\n discard;\n}"
        self.assertEqual(planned(script, A + "x" * 103_000), (Discard(),))

    def test_bracketed_comment(self):
        """A bracketed comment may span lines and stand before a semicolon."""
        script = """if size :over 100K { /* this is a comment
                this is still a comment */ discard /* this is a comment
                */ ;
             }"""
        self.assertEqual(planned(script, A + "x" * 103_000), (Discard(),))
        self.assertEqual(planned(script), IMPLICIT)

    def test_brackets_do_not_nest(self):
        """The first end ends a comment."""
        self.assertIn("column 10", errors("/* /* */ */ keep;"))

    def test_comment_characters_in_strings(self):
        """Strings hold no comments."""
        self.assertTrue(holds('header "x" "a # b /* c */"', "X: a # b /* c */\n\n"))

    def test_quantifiers(self):
        """§2.4.1: K, M and G are powers of two, in any case."""
        for text, factor in (("1k", 1 << 10), ("1M", 1 << 20), ("0g", 0)):
            over = f"size :over {text}"
            message = "A: b\n\n"
            size = len(message) + 2
            self.assertEqual(holds(over, message), size > factor, text)

    def test_largest_numbers(self):
        """Numbers to 2^31 - 1 at least; beyond 2^63 - 1 is an error."""
        self.assertFalse(holds("size :over 2147483647"))
        self.assertFalse(holds("size :over 9223372036854775807"))
        said = errors("if size :over 9223372036854775808 { keep; }")
        self.assertIn("too large", said)

    def test_negative_numbers(self):
        """There are none."""
        self.assertIn("'-' has no meaning", errors("if size :over -1 { keep; }"))

    def test_numbers_end(self):
        """A number does not run into a name."""
        self.assertIn("no number", errors("if size :over 100KB { keep; }"))

    def test_escapes(self):
        r"""``\"`` and ``\\`` stand for one character, and so does ``\a``."""
        self.assertTrue(holds(r'header "x" "a\"b\\c\d"', 'X: a"b\\cd\n\n'))

    def test_strings_span_lines(self):
        """Line ends are part of a quoted string."""
        plan = run_script('if header "x" "a\nb" { discard; }')
        self.assertEqual(plan.actions, IMPLICIT)

    def test_multi_line(self):
        """Dots are unstuffed, a single dot ends it, its CRLF belongs to it."""
        for text, value in (
            (b"a text:\r\n.\r\n;", ""),
            (b"a text: \t#c\r\nb\r\n.\r\n;", "b\r\n"),
            (b"a TEXT:\r\n..\r\n...x\r\n.y\r\n.\r\n;", ".\r\n..x\r\n.y\r\n"),
        ):
            (command,) = parse(text).commands
            self.assertEqual(command.arguments[0].value, value)

    def test_no_nul(self):
        """NUL may stand nowhere."""
        self.assertIn("NUL", errors(b'keep "\0";'))

    def test_only_utf8(self):
        """§8.1: scripts are in UTF-8."""
        said = errors(b'keep;\r\nredirect "\xff";')
        self.assertIn("line 2, column 11", said)

    def test_string_lists(self):
        """§2.4.2.1: each of the strings is tried, and one needs no brackets."""
        test = (
            'header :contains ["To", "Cc"]'
            ' ["me@example.com", "me00@landru.example.com"]'
        )
        self.assertTrue(holds(test, "Cc: me00@landru.example.com\n\n"))
        self.assertTrue(holds(test, "To: ME@example.com\n\n"))
        self.assertFalse(holds(test, "Bcc: me@example.com\n\n"))
        self.assertTrue(holds('exists "To"'))
        self.assertTrue(holds('exists ["To"]'))

    def test_empty_list(self):
        """A list has at least one string (§8.2)."""
        self.assertIn("a string should", errors('if header [] "a" { keep; }'))


class HeaderNameTests(SynchronousTestCase):
    """§2.4.2.2: names of fields."""

    message = "From   : a@b.example\nX-Y: z\n\n"

    def test_space_before_the_colon(self):
        """It is ignored."""
        self.assertTrue(holds('header "from" "a@b.example"', self.message))

    def test_invalid_names(self):
        """No field has one, and that is no error."""
        for name in ("From:", "", "From ", "a b", "\u00e4", "x\r\ny"):
            with self.subTest(name=name):
                test = f'anyof (exists "{name}", header :contains "{name}" "")'
                self.assertFalse(holds(test, self.message))
                self.assertFalse(holds(f'address "{name}" "x"', self.message))

    def test_names_have_no_case(self):
        """Header comparisons are those of i;ascii-casemap, always (§2.7)."""
        test = 'header :comparator "i;octet" "FROM" "a@b.example"'
        self.assertTrue(holds(test, self.message))


class StructureTests(SynchronousTestCase):
    """§2.6, §2.10: arguments, evaluation."""

    def test_not_in_a_list(self):
        """§2.5.1."""
        script = """if anyof (not exists ["From", "Date"],
                   header :contains "from" "fool@example.com") {
                discard;
             }"""
        self.assertEqual(planned(script, A), IMPLICIT)
        self.assertEqual(planned(script, OTHER), (Discard(),))
        fool = A.replace("coyote@desert", "x").replace(
            ".example.org", "fool@example.com"
        )
        self.assertEqual(planned(script, fool), (Discard(),))

    def test_tags_in_any_order(self):
        """§2.6.2: tags stand before the others, in any order."""
        for tags in (
            ':is :comparator "i;octet" :all',
            ':all :comparator "i;octet" :is',
            ':comparator "i;octet" :all :is',
        ):
            self.assertTrue(holds(f'address {tags} "from" "coyote@desert.example.org"'))
        said = errors('if address "from" :is "a" { keep; }')
        self.assertIn(":is comes too late", said)

    def test_conflicting_tags(self):
        """§2.6, §2.7.1: no two of a kind, and none twice."""
        for tags in (":is :contains", ":is :is", ":all :domain", ":over :under 1"):
            test = "size" if "over" in tags else "address"
            said = errors(f'if {test} {tags} "a" "b" {{ keep; }}')
            self.assertTrue("beside" in said or "twice" in said, said)
        said = errors(
            'if header :comparator "i;octet" :comparator "i;octet" "a" "b" { keep; }'
        )
        self.assertIn("twice", said)

    def test_names_have_no_case(self):
        """§8.1: identifiers and tags are case-insensitive."""
        script = 'IF NoT AddreSS :DOMAIN :iS "from" "x" { DISCARD; }'
        self.assertEqual(planned(script), (Discard(),))

    def test_implicit_keep(self):
        """§2.10.2: without an action the message is kept."""
        self.assertEqual(planned(""), IMPLICIT)
        self.assertEqual(planned("if size :over 500K { discard; }"), IMPLICIT)
        self.assertEqual(planned("stop; discard;"), IMPLICIT)
        for action in ("keep", "discard", 'redirect "a@b.example"'):
            self.assertNotIn(IMPLICIT[0], planned(f"{action};"))
        self.assertEqual(planned('require "fileinto"; fileinto "x";'), (FileInto("x"),))

    def test_uniqueness(self):
        """§2.10.3: filing twice into a mailbox is no error, and done once."""
        script = (
            'require "fileinto"; fileinto "x"; fileinto "y"; fileinto "x"; keep; keep;'
        )
        self.assertCountEqual(planned(script), (FileInto("x"), FileInto("y"), Keep()))

    def test_unrequired(self):
        """§2.10.5: what is not asked for is not there."""
        for script in (
            'fileinto "x";',
            'if envelope "from" "x" { keep; }',
            'if header :value "gt" "a" "b" { keep; }',
            'if address :user "from" "x" { keep; }',
            'redirect :copy "a@b.example";',
        ):
            self.assertIn("not asked for", errors(script))
        self.assertTrue(holds('header "x" "${hex:24}"', "X: ${hex:24}\n\n"))

    def test_unknown_requirement(self):
        """§2.10.5: nothing runs when a required extension is not there."""
        said = errors('keep; require "vnd.example.nothing";')
        self.assertIn("must stand before", said)
        said = errors('require ["fileinto", "vnd.example.nothing"]; keep;')
        self.assertIn("no capability vnd.example.nothing", said)

    def test_capabilities_have_case(self):
        """§6: capability strings are case-sensitive."""
        self.assertIn("no capability", errors('require "FileInto";'))

    def test_language_comparators_may_be_required(self):
        """§6.1: both comparators are capabilities, that need no require (§2.7.3)."""
        script = 'require ["comparator-i;octet", "comparator-i;ascii-casemap"]; keep;'
        self.assertEqual(planned(script), (Keep(),))

    def test_errors_keep(self):
        """§2.10.6: at an error processing stops, and the message is kept."""
        script = "discard;" + "".join(f'redirect "a{n}@example.com";' for n in range(5))
        plan = run_script(script)
        self.assertEqual(plan.actions, IMPLICIT)
        self.assertIn("redirects", plan.trouble)


class ControlTests(SynchronousTestCase):
    """§3: if, elsif, else, require, stop."""

    def test_discards(self):
        """§3.1: messages A and B are dropped."""
        script = """require "fileinto";
             if header :contains "from" "coyote" {
                discard;
             } elsif header :contains ["subject"] ["$$$"] {
                discard;
             } else {
                fileinto "INBOX";
             }"""
        self.assertEqual(planned(script, A), (Discard(),))
        self.assertEqual(planned(script, B), (Discard(),))
        self.assertEqual(planned(script, OTHER), (FileInto("INBOX"),))

    def test_redirects(self):
        """§3.1: each goes to another address."""
        script = """if header :contains ["From"] ["coyote"] {
                redirect "acm@example.com";
             } elsif header :contains "Subject" "$$$" {
                redirect "postmaster@example.com";
             } else {
                redirect "field@example.com";
             }"""
        for message, name in ((A, "acm"), (B, "postmaster"), (OTHER, "field")):
            self.assertEqual(
                planned(script, message), (Redirect(f"{name}@example.com"),)
            )

    def test_chains_in_chains(self):
        """What a branch does inside changes nothing of the chain it is in."""
        script = """if true { if false { stop; } }
            elsif true { discard; } else { discard; }"""
        self.assertEqual(planned(script), IMPLICIT)

    def test_order(self):
        """An ``elsif`` or ``else`` stands behind ``if`` or ``elsif`` alone."""
        for script in (
            "elsif true { keep; }",
            "else { keep; }",
            "if true { } else { } else { }",
            "if true { } keep; else { }",
            "if true { } else { } elsif true { }",
            "if true { else { keep; } }",
        ):
            self.assertIn("must follow if or elsif", errors(script), script)

    def test_else_if(self):
        """§3.1 forbids the two words of C, and we say what to write."""
        said = errors("if true { keep; } else if true { stop; }")
        self.assertIn("elsif", said)

    def test_require(self):
        """§3.2: several in one, or one after another; nothing before them."""
        self.assertEqual(errors('require ["fileinto", "copy"];'), "")
        self.assertEqual(errors('require "fileinto";\nrequire "copy";'), "")
        self.assertIn("must stand before", errors('keep; require "fileinto";'))
        said = errors('if true { require "fileinto"; }')
        self.assertIn("must stand before", said)

    def test_stop(self):
        """§3.3: it ends all processing, from within any block."""
        self.assertEqual(
            planned("if true { keep; if true { stop; } } discard;"), (Keep(),)
        )


class ActionTests(SynchronousTestCase):
    """§4: fileinto, redirect, keep, discard."""

    def test_fileinto(self):
        """§4.1."""
        script = """require "fileinto";
             if header :contains ["from"] "coyote" {
                fileinto "INBOX.harassment";
             }"""
        self.assertEqual(planned(script, A), (FileInto("INBOX.harassment"),))
        self.assertEqual(planned(script, B), IMPLICIT)

    def test_redirect(self):
        """§4.2."""
        self.assertEqual(
            planned('redirect "bart@example.com";'), (Redirect("bart@example.com"),)
        )

    def test_keep(self):
        """§4.3: both scripts are the same."""
        for size in (10, 1 << 20):
            message = A + "x" * size
            kept = planned("if size :under 1M { keep; } else { discard; }", message)
            implied = planned("if not size :under 1M { discard; }", message)
            self.assertEqual(type(kept[0]), type(implied[0]))

    def test_discard(self):
        """§4.4; other actions still happen."""
        script = """if header :contains ["from"] ["idiot@example.com"] {
                discard;
             }"""
        self.assertEqual(planned(script, "From: IDIOT@example.com\n\n"), (Discard(),))
        self.assertEqual(planned(script, A), IMPLICIT)
        both = planned('require "fileinto"; discard; fileinto "x";')
        self.assertEqual(both, (Discard(), FileInto("x")))

    def test_outbound_addresses(self):
        """§2.4.2.3: an address, or a name and an address."""
        for given, address in (
            ("a@b.example", "a@b.example"),
            ("Ann Other <a@b.example>", "a@b.example"),
            (r"\"Other, Ann\" <a@b.example>", "a@b.example"),
            (r"\"a b\"@b.example", '"a b"@b.example'),
            ("<a@b.example>", "a@b.example"),
        ):
            self.assertEqual(
                planned(f'redirect "{given}";'), (Redirect(address),), given
            )

    def test_no_outbound_addresses(self):
        """§2.4.2.3: no lists, groups, routes, nor what is no address."""
        for given in (
            "", "a", "a@", "@b.example", "a@b.example, c@d.example", "g: a@b.example;",
            "<@x.example:a@b.example>", "@x.example:a@b.example", "a@b.example>",
            "a@b.example\\nBcc: x@y.example", "<a@b.example", "a b@c.example",
            "x@y.example <a@b.example>", "a@b..example",
        ):  # fmt: skip
            said = errors(f'redirect "{given}";'.replace("\\n", "\n"))
            self.assertIn("is no address", said, given)


class TestTests(SynchronousTestCase):
    """§5: the tests of the language."""

    def test_address(self):
        """§5.1."""
        script = """if address :is :all "from" "tim@example.com" {
                discard;
             }"""
        self.assertEqual(planned(script, OTHER), (Discard(),))
        self.assertEqual(planned(script, A), IMPLICIT)

    def test_address_looks_at_addresses_alone(self):
        """§5.1: neither phrases, comments nor names of groups; members of groups."""
        message = (
            'To: "tim@example.com" <x@example.org> (tim@example.com),\n'
            "  tim: a@example.org, Bob <b@example.org>;, last@example.org\n\n"
        )
        self.assertFalse(holds('address :contains "to" "tim"', message))
        for local in "xab":
            self.assertTrue(holds(f'address "to" "{local}@example.org"', message))
        self.assertTrue(holds('address :localpart "to" "last"', message))

    def test_address_parts(self):
        """§2.7.4: invalid addresses have no parts."""
        message = "From: root\nTo: a.b@Sub.Example.ORG\n\n"
        self.assertTrue(holds('address :localpart "to" "A.B"', message))
        self.assertTrue(holds('address :domain "to" "sub.example.org"', message))
        self.assertTrue(holds('address :matches "to" "a.b@*.org"', message))
        self.assertTrue(holds('address "from" "root"', message))
        self.assertFalse(holds('address :localpart "from" "root"', message))
        self.assertFalse(holds('address :domain :contains "from" ""', message))

    def test_address_fields(self):
        """§5.1: it is restricted to fields with addresses; these are among them."""
        for name in "From To Cc Bcc Sender Resent-From Resent-To Reply-To".split():  # noqa: SIM905 - a list of names
            message = f"{name}: a@example.org\n\n"
            self.assertTrue(holds(f'address "{name}" "a@example.org"', message))
        said = errors('if address ["from", "subject"] "x" { keep; }')
        self.assertIn("subject holds no addresses", said)

    def test_allof(self):
        """§5.2."""
        self.assertFalse(holds("allof (false, false)"))
        self.assertFalse(holds("allof (false, true)"))
        self.assertTrue(holds("allof (true,  true)"))

    def test_anyof(self):
        """§5.3."""
        self.assertFalse(holds("anyof (false, false)"))
        self.assertTrue(holds("anyof (false, true)"))
        self.assertTrue(holds("anyof (true,  true)"))

    def test_exists(self):
        """§5.5: all of the fields must be there."""
        script = """if not exists ["From","Date"] {
                discard;
             }"""
        self.assertEqual(planned(script, A), IMPLICIT)
        self.assertEqual(planned(script, OTHER), (Discard(),))

    def test_header(self):
        """§5.7: a field that is there contains the empty key, but is not it."""
        message = "X-Caffeine: C8H10N4O2\n\n"
        self.assertFalse(holds('header :is ["X-Caffeine"] [""]', message))
        self.assertTrue(holds('header :contains ["X-Caffeine"] [""]', message))
        self.assertFalse(holds('header :contains ["X-Tea"] [""]', message))
        self.assertFalse(holds('header :is ["X-Tea"] [""]', message))

    def test_absent_or_empty(self):
        """§5.7: one test for both."""
        test = 'not header :matches "Cc" "?*"'
        self.assertTrue(holds(test, A))
        self.assertTrue(holds(test, "Cc:  \n\t\n\n"))
        self.assertFalse(holds(test, "Cc: x\n\n"))

    def test_white_space_around_values(self):
        """§5.7: it is ignored; folds are undone."""
        message = "Subject:   a\n  folded \tline \t \n\n"
        self.assertTrue(holds('header "subject" "a  folded \tline"', message))

    def test_encoded_words(self):
        """§2.7.2: they are decoded, whatever their charset."""
        message = (
            "Subject: =?iso-8859-1?q?Caf=E9?= =?utf-8?b?4oKs?=\n"
            "X-Nul: =?utf-8?q?a=00b?=\nX-Odd: =?unknown-charset?q?caf=E9?=\n\n"
        )
        self.assertTrue(holds('header "subject" "Caf\u00e9\u20ac"', message))
        self.assertTrue(holds('header :contains "x-nul" "b"', message))
        self.assertTrue(holds('header :contains "x-odd" "caf"', message))

    def test_not(self):
        """§5.8."""
        self.assertTrue(holds("not false"))
        self.assertFalse(holds("not true"))

    def test_size(self):
        """§5.9: neither over nor under its own size; exactly one of the two."""
        message = "A: " + "b" * 3_991 + "\n\n\n"
        self.assertFalse(holds("size :over 4000", message))
        self.assertFalse(holds("size :under 4000", message))
        self.assertTrue(holds("size :over 3999", message))
        self.assertTrue(holds("size :under 4001", message))
        self.assertIn("needs :over or :under", errors("if size 1 { keep; }"))
        said = errors("if size :over :under 1 { keep; }")
        self.assertIn("beside", said)

    def test_true_and_false(self):
        """§5.6, §5.10."""
        self.assertTrue(holds("true"))
        self.assertFalse(holds("false"))


class ExtendedExampleTests(SynchronousTestCase):
    """§9: the large example."""

    script = """
    #
    # Example Sieve Filter
    # Declare any optional features or extension used by the script
    #
    require ["fileinto"];

    #
    # Handle messages from known mailing lists
    # Move messages from IETF filter discussion list to filter mailbox
    #
    if header :is "Sender" "owner-ietf-mta-filters@imc.org"
            {
            fileinto "filter";  # move to "filter" mailbox
            }
    #
    # Keep all messages to or from people in my company
    #
    elsif address :DOMAIN :is ["From", "To"] "example.com"
            {
            keep;               # keep in "In" mailbox
            }

    #
    # Try and catch unsolicited email.  If a message is not to me,
    # or it contains a subject known to be spam, file it away.
    #
    elsif anyof (NOT address :all :contains
                   ["To", "Cc", "Bcc"] "me@example.com",
                 header :matches "subject"
                   ["*make*money*fast*", "*university*dipl*mas*"])
            {
            fileinto "spam";   # move to "spam" mailbox
            }
    else
            {
            # Move all other (non-company) mail to "personal"
            # mailbox.
            fileinto "personal";
            }
    """

    def _files(self, header, action):
        self.assertEqual(planned(self.script, header + "\n\n"), (action,))

    def test_list(self):
        """Mail of the list goes to its mailbox."""
        self._files("Sender: owner-ietf-mta-filters@imc.org", FileInto("filter"))

    def test_company(self):
        """Mail from and to the company stays."""
        self._files("From: x@example.com\nTo: y@example.org", Keep())
        self._files("To: me@example.com", Keep())

    def test_spam(self):
        """Mail to others, and with certain subjects."""
        self._files("To: y@example.org", FileInto("spam"))
        personal = "To: me@example.com.invalid\nSubject: "
        self._files(personal + "MAKE real money FASTer", FileInto("spam"))
        self._files(personal + "University diplomas", FileInto("spam"))

    def test_personal(self):
        """Everything else."""
        self._files("Cc: me@example.com.invalid\nSubject: x", FileInto("personal"))
