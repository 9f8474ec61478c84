"""pipe, filter and execute: their examples; what programs say decides."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.check import check
from mailsuite.sieve.errors import Wanted
from mailsuite.sieve.extensions.programs import CALLS, Piped
from mailsuite.sieve.extensions.table import VOCABULARY, WITH_PROGRAMS
from mailsuite.sieve.extensions.vacation import Vacation
from mailsuite.sieve.message import Message
from mailsuite.sieve.run import Letter, Run, planned
from tests.support.sieve import errors, octets


class Programs(SynchronousTestCase):
    """Runs scripts whose programs are callables."""

    def run_with(self, script, message="Subject: x\n\nHi\n", programs=None, **letter):
        program = check(octets(script), WITH_PROGRAMS)
        whole = Letter(Message.of(octets(message)), **letter)
        answers = {}
        self.asked = []
        for _ in range(40):
            try:
                return planned(Run(whole, answers), program)
            except Wanted as wanted:
                self.assertEqual(wanted.question.kind, "program")
                kind, _, name, given, *arguments = wanted.question.subject
                self.asked.append((kind, name, *arguments))
                call = (programs or {}).get(name, lambda *_: None)
                answers[wanted.question] = call(given.encode("latin-1"), *arguments)
        raise AssertionError("too many questions")


class ExampleTests(Programs):
    def test_pipe(self):
        """Example 1: requests go to a program; if it fails all is kept."""
        script = """
   require [ "vnd.dovecot.pipe", "subaddress", "envelope" ];

   if envelope :detail "to" "request"
   {
     pipe "request-handler";
   }
        """
        got = []

        def handler(octets):
            got.append(octets)
            return b""

        to = "user+request@example.com"
        handlers = {"request-handler": handler}
        plan = self.run_with(script, programs=handlers, recipient=to)
        self.assertEqual(plan.actions, (Piped("request-handler", at=6),))
        self.assertEqual(got, [b"Subject: x\r\n\r\nHi\r\n"])
        plan = self.run_with(script, recipient=to)
        self.assertIn("request-handler failed", plan.trouble)
        self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_pipe_copy(self):
        """Example 2: mail is printed and kept."""
        script = """
   require [ "vnd.dovecot.pipe", "copy" ];

   if address "to" "snailmail@example.com"
   {
     pipe :copy "printer" ["A4", "draft"];
   }
        """
        plan = self.run_with(
            script,
            "To: snailmail@example.com\n\n",
            {"printer": lambda octets, *arguments: b""},
        )
        piped, keep = plan.actions
        self.assertEqual(piped, Piped("printer", ("A4", "draft"), 6))
        self.assertEqual(keep, Keep(implicit=True))
        self.assertEqual(self.asked, [("pipe", "printer", "A4", "draft")])

    DUTCH = "Content-Language: nl\n\nHallo\n"

    def test_filter(self):
        """Example 3: Dutch mail is translated, and filed even if that failed."""
        script = """
   require [ "vnd.dovecot.filter", "fileinto" ];

   if header "content-language" "nl"
   {
     filter "translator" ["nl", "en"];
     fileinto "Translated";
     stop;
   }
        """
        translator = {"translator": lambda octets, *_: octets.replace(b"a", b"e")}
        plan = self.run_with(script, self.DUTCH, translator)
        self.assertEqual(plan.actions, (FileInto("Translated", at=7),))
        told = b"Content-Lenguege: nl\r\n\r\nHello\r\n"
        self.assertEqual(plan.messages[0].written(), told)
        plan = self.run_with(script, self.DUTCH)
        self.assertEqual(plan.actions, (FileInto("Translated", at=7),))
        self.assertFalse(plan.messages[0].changed)

    def test_filter_test(self):
        """Example 3, as a test: filed there only if it went well."""
        script = """
   require [ "vnd.dovecot.filter", "fileinto" ];

   if header "content-language" "nl"
   {
     if filter "translator" ["nl", "en"]
     {
       fileinto "Translated";
       stop;
     }
   }
        """
        plan = self.run_with(script, self.DUTCH)
        self.assertEqual(plan.actions, (Keep(implicit=True),))
        plan = self.run_with(script, self.DUTCH, {"translator": lambda *_: b"A: b\r\n"})
        self.assertEqual(plan.actions, (FileInto("Translated", at=8),))
        plan = self.run_with(script, self.DUTCH, {"translator": lambda *_: b""})
        self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_execute(self):
        """Example 4: a program knows whether somebody is away, and what to say."""
        script = """
   require [ "vnd.dovecot.execute", "vacation", "variables",
             "envelope" ];

   if envelope :localpart :matches "to" "*"
   {
     set "recipient" "${1}";
   }

   if execute :output "vacation_message" "onvacation" "${recipient}"
   {
     vacation "${vacation_message}";
   }
        """
        away = {"onvacation": lambda _, who: b"gone, " + who.encode()}
        plan = self.run_with(script, programs=away, recipient="ann@example.com")
        (reply,) = [one for one in plan.actions if isinstance(one, Vacation)]
        self.assertEqual(reply.reason, "gone, ann")
        plan = self.run_with(script, recipient="ann@example.com")
        self.assertEqual(plan.actions, (Keep(implicit=True),))


class RuleTests(Programs):
    def test_off(self):
        """Scripts may not ask for them unless the operator allows it."""
        for name in ("pipe", "filter", "execute"):
            self.assertIn("no capability", errors(f'require "vnd.dovecot.{name}";'))
        self.assertFalse(VOCABULARY.capabilities & {"vnd.dovecot.pipe"})

    def test_try(self):
        """A pipe that may fail leaves the message to be kept."""
        script = 'require "vnd.dovecot.pipe"; pipe :try "x";'
        plan = self.run_with(script)
        self.assertEqual((plan.actions, plan.trouble), ((Keep(implicit=True),), ""))

    def test_twice(self):
        """A message is piped into one program once; none of it runs again."""
        script = 'require "vnd.dovecot.pipe"; pipe "x"; pipe "y"; pipe "x";'
        good = dict.fromkeys("xy", lambda _: b"")
        self.assertIn("already", self.run_with(script, programs=good).trouble)
        self.assertEqual(len(self.asked), 2)

    def test_reject(self):
        """What a program has got cannot be refused."""
        script = 'require ["vnd.dovecot.pipe", "reject"]; pipe "x"; reject "no";'
        plan = self.run_with(script, programs={"x": lambda _: b""})
        self.assertIn("refused", plan.trouble)
        script = 'require ["vnd.dovecot.pipe", "reject"]; reject "no"; pipe "x";'
        plan = self.run_with(script, programs={"x": lambda _: b""})
        self.assertIn("refused", plan.trouble)
        self.assertEqual(self.asked, [])

    def test_names(self):
        """Names are constant, have no slashes, and are no hidden files."""
        head = 'require ["vnd.dovecot.execute", "variables"]; execute'
        for name in (
            "../sh",
            "/bin/sh",
            "",
            ".",
            "..",
            ".sh",
            "a\tb",
            "x" * 129,
            "${a}",
        ):
            self.assertTrue(errors(f'{head} "{name}";', WITH_PROGRAMS), name)
        self.assertEqual(errors(f'{head} "{"x" * 128}";', WITH_PROGRAMS), "")

    def test_arguments(self):
        """Sixteen of a thousand octets are taken, no more and no longer ones."""
        head = 'require "vnd.dovecot.execute"; execute "x"'
        listed = ", ".join(f'"{"a" * 1024}"' for _ in range(16))
        self.run_with(f"{head} [{listed}];")
        self.assertEqual(len(self.asked[0]), 18)
        self.assertTrue(errors(f'{head} [{listed}, "b"];', WITH_PROGRAMS))
        plan = self.run_with(f'{head} "{"a" * 1025}";')
        self.assertIn("argument", plan.trouble)

    def test_input(self):
        """Programs get a string, the message, or nothing; and keep output apart."""
        got = []

        def program(octets):
            got.append(octets)
            return b"\xff\xc3\xa9"

        script = """
            require ["vnd.dovecot.execute", "variables", "fileinto"];
            execute :input "\u00e9" :output "a" "x";
            execute :pipe "x";
            execute "x";
            fileinto "${a}";
        """
        plan = self.run_with(script, "A: b\n\n\u00ff\n", {"x": program})
        self.assertEqual(got, ["\u00e9".encode(), b"A: b\r\n\r\n\xc3\xbf\r\n", b""])
        self.assertEqual(plan.actions, (FileInto("\ufffd\u00e9", at=6),))

    def test_errors(self):
        """Input is one of two; output needs variables, and a name for one."""
        head = 'require ["vnd.dovecot.execute"{}]; execute {} "x";'
        for more, tags in (
            ("", ':input "a" :pipe'),
            ("", ':output "a"'),
            (', "variables"', ':output "1"'),
            (', "variables"', ':output "a b"'),
        ):
            self.assertTrue(errors(head.format(more, tags), WITH_PROGRAMS), tags)

    def test_unchanged(self):
        """A program that fails leaves the variable as it was."""
        script = """
            require ["vnd.dovecot.execute", "variables", "fileinto"];
            set "a" "before";
            execute :output "a" "x";
            fileinto "${a}";
        """
        self.assertEqual(self.run_with(script).actions[0].mailbox, "before")

    def test_limit(self):
        """A run has only so many programs run."""
        script = 'require "vnd.dovecot.execute";' + 'execute "x";' * (CALLS + 1)
        self.assertIn("programs", self.run_with(script).trouble)

    def test_locked(self):
        """What is filed before a filter keeps the message as it was."""
        script = """
            require ["vnd.dovecot.filter", "fileinto"];
            fileinto "A"; filter "x"; fileinto "B";
        """
        plan = self.run_with(script, programs={"x": lambda _: b"C: d\r\n\r\n"})
        before, after = plan.messages
        self.assertEqual(before.written(), b"Subject: x\r\n\r\nHi\r\n")
        self.assertEqual(after.written(), b"C: d\r\n\r\n")
