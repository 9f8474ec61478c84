"""Examples as the RFCs print them, which other tests have in another shape or not.

RFC 5228, 5229, 5231, 5232, 3894, 5490 and 7352; the rest of their examples, and those
of RFC 5260, 5293 and 5429, are in the files of their extensions.
"""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, FileInto, Keep
from mailsuite.sieve.errors import Question, Wanted
from mailsuite.sieve.extensions.duplicate import Remember
from mailsuite.sieve.extensions.enotify import Notify
from mailsuite.sieve.extensions.reject import Reject
from mailsuite.sieve.extensions.vacation import Vacation
from tests.support.sieve import acts, errors, holds, run_script

A = "From: coyote@desert.example.org\nSubject: I have a present for you\n\nLook\n"
B = "From: b@x.invalid\nSubject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$\n\nNOW\n"
IMPLICIT = Keep(implicit=True)


class LanguageTests(SynchronousTestCase):
    """RFC 5228."""

    def test_encoded_dollars(self):
        """§2.4.2.4: message B is discarded."""
        script = """require "encoded-character";
             if header :contains "Subject" "$${hex:24 24}" {
                discard;
             }"""
        self.assertEqual(acts(script, B), [Discard()])
        self.assertEqual(acts(script), [IMPLICIT])

    def test_comparator(self):
        """§2.7.3: only capitals are thrown away."""
        script = """if header :contains :comparator "i;octet" "Subject"
                   "MAKE MONEY FAST" {
                discard;
             }"""
        for subject, expected in (
            ("You can MAKE MONEY FAST", Discard()),
            ("You can Make Money Fast", IMPLICIT),
        ):
            self.assertEqual(acts(script, f"Subject: {subject}\n\n"), [expected])

    def test_require(self):
        """§3.2: both forms."""
        self.assertEqual(acts('require ["fileinto", "reject"];'), [IMPLICIT])
        script = 'require "fileinto";\n             require "vacation";'
        self.assertEqual(acts(script), [IMPLICIT])

    def test_odds_and_ends(self):
        """§4.1: the name of a mailbox is that of the script, not modified UTF-7."""
        script = 'require "fileinto"; fileinto "odds & ends";'
        self.assertEqual(acts(script), [FileInto("odds & ends")])

    def test_tables(self):
        """§5.2, §5.3, §5.7: tests and what they are."""
        for test, expected in (
            ("allof (false, false)", False),
            ("allof (false, true)", False),
            ("allof (true,  true)", True),
            ("anyof (false, false)", False),
            ("anyof (false, true)", True),
            ("anyof (true,  true)", True),
            ('header :is ["X-Caffeine"] [""]', False),
            ('header :contains ["X-Caffeine"] [""]', True),
        ):
            said = holds(test, "X-Caffeine: C8H10N4O2\n\n")
            self.assertEqual(said, expected, test)

    def test_absent_or_empty(self):
        """§5.7: a field that is absent, or holds white space alone."""
        for field, expected in (("Cc: a", False), ("Cc:  ", True), ("To: a", True)):
            said = holds('not header :matches "Cc" "?*"', f"{field}\n\n")
            self.assertEqual(said, expected, field)


class VariablesTests(SynchronousTestCase):
    """RFC 5229."""

    def test_modifiers(self):
        """§4.1: the value behind each arrow."""
        for command, value in (
            (r'set "b" "${a}";', "juMBlEd lETteRS"),
            (r'set :length "b" "${a}";', "15"),
            (r'set :lower "b" "${a}";', "jumbled letters"),
            (r'set :upperfirst "b" "${a}";', "JuMBlEd lETteRS"),
            (r'set :upperfirst :lower "b" "${a}";', "Jumbled letters"),
            (r'set :quotewildcard "b" "Rock*";', r"Rock\*"),
        ):
            script = f"""require ["variables", "fileinto"];
                set "a" "juMBlEd lETteRS";
                {command}
                fileinto "${{b}}";"""
            self.assertEqual(acts(script), [FileInto(value)], command)

    def test_dear(self):
        """§3.1: encoded characters are replaced before variables."""
        script = """
      require ["encoded-character", "variables"];
      set "name" "Ethelbert";
      if header :contains "Subject" "dear${hex:20 24 7b 4e}ame}" {
          discard;
      }"""
        for subject, expected in (
            ("my dear Ethelbert", Discard()),
            ("dear ${Name}", IMPLICIT),
        ):
            self.assertEqual(acts(script, f"Subject: {subject}\n\n"), [expected])


class RelationalTests(SynchronousTestCase):
    """RFC 5231 §6."""

    def test_alone(self):
        """Neither field has three addresses alone."""
        test = """anyof ( address :count "ge" :comparator "i;ascii-numeric"
                              ["to"] ["3"],
              address :count "ge" :comparator "i;ascii-numeric"
                              ["cc"] ["3"] )"""
        message = "to: foo@example.com, baz@example.com\ncc: qux@example.com\n\n"
        self.assertFalse(holds(test, message, "relational comparator-i;ascii-numeric"))


class FlagsTests(SynchronousTestCase):
    """RFC 5232."""

    REQUIRE = 'require ["imap4flags", "variables", "relational", "fileinto",'
    REQUIRE += ' "comparator-i;ascii-numeric"];\n'

    def test_hasflag(self):
        """§4: the tests and what they are."""
        value = "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk"
        sets = f'set "MyVar" "{value} $NotJunk"; set "MyFlags" "A B";'
        for test, expected in (
            ('hasflag :contains "MyVar" "Junk"', True),
            ('hasflag :contains "MyVar" "forward"', True),
            ('hasflag :contains "MyVar" ["label", "forward"]', True),
            ('hasflag :contains "MyVar" ["junk", "forward"]', True),
            ('hasflag :contains "MyVar" "junk forward"', True),
            ('hasflag :contains "MyVar" "forward junk"', True),
            ('hasflag :contains "MyVar" "label"', False),
            ('hasflag :contains "MyVar" ["label1", "label2"]', False),
            (
                'hasflag :count "ge" :comparator "i;ascii-numeric" "MyFlags" "2"',
                True,
            ),
        ):
            script = f"{self.REQUIRE}{sets} if {test} {{ discard; }}"
            self.assertEqual(acts(script), [Discard() if expected else IMPLICIT], test)

    def test_the_same_mailbox(self):
        """§5: both file into one mailbox; what it cannot keep delivery leaves out."""
        flagged = acts(self.REQUIRE + r'fileinto :flags "\\Deleted" "INBOX.From Boss";')
        plain = acts(self.REQUIRE + 'fileinto "INBOX.From Boss";')
        self.assertEqual(plain, [FileInto("INBOX.From Boss")])
        self.assertEqual(flagged, [evolve(plain[0], flags=("\\Deleted",))])


class CopyTests(SynchronousTestCase):
    """RFC 3894."""

    def test_unfiltered(self):
        """§1: an extra copy, the old way."""
        script = 'require "fileinto";\nfileinto "unfiltered";\nkeep;'
        self.assertEqual(acts(script), [FileInto("unfiltered"), Keep()])

    def test_ineffective_discard(self):
        """§1: the discarded message ends up in the inbox, but not with :copy."""
        script = """require ["copy", "fileinto"];
      fileinto %s;
      if header "Subject" "MAKE MONEY FAST!!!"
      {
              discard;
      }"""
        message = "Subject: Make money fast!!!\n\n"
        found = acts(script % '"unfiltered"; keep', message)
        self.assertEqual(found, [FileInto("unfiltered"), Keep(), Discard()])
        found = acts(script % ':copy "unfiltered"', message)
        self.assertEqual(found, [FileInto("unfiltered"), Discard()])

    def test_incoming(self):
        """§3: a copy is filed, and the implicit keep stands."""
        script = 'require ["copy", "fileinto"];\nfileinto :copy "incoming";'
        self.assertEqual(acts(script), [FileInto("incoming"), IMPLICIT])


class MailboxTests(SynchronousTestCase):
    """RFC 5490."""

    def test_partners(self):
        """§3.1: into the mailbox, or refused where there is none."""
        script = """
        require ["fileinto", "reject", "mailbox"];
        if mailboxexists "Partners" {
           fileinto "Partners";
        } else {
           reject "This message was not accepted by the Mailstore";
        }"""
        question = Question("mailboxexists", ("Partners",))
        self.assertEqual(acts(script, A, {question: True}), [FileInto("Partners")])
        refused = Reject("This message was not accepted by the Mailstore")
        self.assertEqual(acts(script, A, {question: False}), [refused])

    def test_auto_replies(self):
        """§3.3: the annotation turns the vacation on (its semicolon is missing there)."""
        script = """
       require ["mboxmetadata", "vacation"];

       if metadata :is "INBOX"
          "/private/vendor/vendor.isode/auto-replies" "on" {

           vacation text:
I'm away on holidays till March 2009.
Expect a delay.
.
;
       }"""
        kinds = []
        for value in ("on", "off", None):
            try:
                run_script(script)
            except Wanted as wanted:
                answers = {wanted.question: value}
            plan = run_script(script, A, answers)
            kinds.append([type(one) for one in plan.actions])
        self.assertEqual(kinds, [[Vacation, Keep], [Keep], [Keep]])


class DuplicateTests(SynchronousTestCase):
    """RFC 7352 §5.1, §5.2, §5.3 and §5.4, with the extensions that they use."""

    def delivered(self, script, message, *, seen, **letter):
        """The actions but what is remembered, where every ID was seen or none."""
        answers = {}
        while True:
            try:
                plan = run_script(script, message, answers, **letter)
            except Wanted as wanted:
                answers[wanted.question] = seen
            else:
                break
        found = [one for one in plan.actions if not isinstance(one, Remember)]
        return found, plan.trouble

    def test_example_1(self):
        """Duplicates go into a folder that is made for them."""
        script = """
   require ["duplicate", "fileinto", "mailbox"];

   if duplicate {
     fileinto :create "Trash/Duplicate";
   }"""
        message = "Message-ID: <1@example.org>\n\n"
        (action,), _ = self.delivered(script, message, seen=True)
        self.assertEqual((action.mailbox, action.create), ("Trash/Duplicate", True))
        found, _ = self.delivered(script, message, seen=False)
        self.assertEqual(found, [IMPLICIT])

    def test_example_2(self):
        """Alerts are filed; one that is there already is marked as seen."""
        script = r"""
   require ["duplicate", "variables", "imap4flags",
     "fileinto"];

   if header :matches "subject" "ALERT: *" {
     if duplicate :seconds 60 :uniqueid "${1}" {
       setflag "\\seen";
     }
     fileinto "Alerts";
   }"""
        for seen, flags in ((True, ("\\Seen",)), (False, None)):
            (action,), _ = self.delivered(script, "Subject: ALERT: disk\n\n", seen=seen)
            self.assertEqual((action.mailbox, action.flags), ("Alerts", flags))

    NOTICE = """
   require ["variables", "envelope", "enotify", "duplicate"];

   if envelope :matches "from" "*" { set "sender" "${1}"; }
   if header :matches "subject" "*" { set "subject" "${1}"; }
   %s
   if not duplicate :seconds 1800 :uniqueid "%s"
   {
     notify :message "[SIEVE] ${sender}: ${subject}"
       "%s";
   }"""
    REPLIES = """
   # account for 'Re:' prefix
   if string :comparator "i;ascii-casemap"
     :matches "${subject}" "Re:*"
   {
     set "subject" "${1}";
   }"""

    def test_example_3(self):
        """A notice about a sender, and none about the next message of the same."""
        shapes = (("", "${sender}"), (self.REPLIES, "${sender} ${subject}"))
        for rules, unique in shapes:
            script = self.NOTICE % (rules, unique, "mailto:user@im.example.com")
            letter = {"sender": "kim@example.org"}
            found, _ = self.delivered(script, A, seen=False, **letter)
            self.assertEqual([type(one) for one in found], [Notify, Keep])
            said = "[SIEVE] kim@example.org: I have a present for you"
            self.assertEqual(found[0].message, said)
            found, _ = self.delivered(script, A, seen=True, **letter)
            self.assertEqual(found, [IMPLICIT])

    def test_example_3_as_printed(self):
        """We have no XMPP: the script is kept, and fails when it wants to notify."""
        script = self.NOTICE % ("", "${sender}", "xmpp:user@im.example.com")
        self.assertEqual(errors(script), "")
        found, trouble = self.delivered(script, A, seen=False)
        self.assertEqual(found, [IMPLICIT])
        self.assertIn("xmpp", trouble)

    def test_example_4(self):
        """Two handles: events are discarded, tickets marked as seen."""
        script = r"""
   require ["duplicate", "imap4flags"];

   if duplicate :header "X-Event-ID" :handle "notifier" {
     discard;
   }
   if allof (
     duplicate :header "X-Ticket-ID" :handle "support",
     address "to" "support@example.com",
     header :contains "subject" "fileserver")
   {
     setflag "\\seen";
   }"""
        ticket = "X-Ticket-ID: 7\nTo: support@example.com\nSubject: fileserver down\n\n"
        found, _ = self.delivered(script, ticket, seen=True)
        self.assertEqual(found, [Keep(("\\Seen",), implicit=True)])
        found, _ = self.delivered(script, ticket, seen=False)
        self.assertEqual(found, [IMPLICIT])
        found, _ = self.delivered(script, "X-Event-ID: 7\n\n", seen=True)
        self.assertEqual([type(one) for one in found], [Discard])
