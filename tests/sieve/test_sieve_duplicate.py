"""What was seen before: every example of RFC 7352 and its rules."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.errors import Question, Wanted
from mailsuite.sieve.extensions.duplicate import LONGEST, SECONDS, Remember, mark
from tests.support.sieve import errors, run_script

MESSAGE = """\
Message-ID: <1@example.org>
Subject: ALERT: disk full
X-Event-ID: 77
X-Ticket-ID: 77
To: support@example.com
From: net@example.com

x
"""


class Account:
    """The memory of an account: marks and when they are forgotten."""

    def __init__(self):
        self.marks = {}
        self.now = 0

    def deliver(self, script, message=MESSAGE, **letter):
        """Run a script as often as it asks, and remember what it planned."""
        answers = {}
        while True:
            try:
                plan = run_script(script, message, answers, **letter)
                break
            except Wanted as wanted:
                (one,) = wanted.question.subject
                assert wanted.question.kind == "duplicate"
                answers[wanted.question] = self.marks.get(one, -1) > self.now
        for action in plan.actions:
            if isinstance(action, Remember):
                self.marks[action.mark] = self.now + action.seconds
        return [
            getattr(one, "mailbox", type(one).__name__)
            for one in plan.actions
            if not isinstance(one, Remember)
        ]


class ExampleTests(SynchronousTestCase):
    """RFC 7352 §3.2, §5.1, §5.2, §5.3 and §5.4."""

    equivalent = (
        'require "duplicate"; if duplicate { discard; }',
        'require "duplicate"; if duplicate :header "message-id" { discard; }',
        """
        require ["duplicate", "variables"];
        if header :matches "message-id" "*" {
          if duplicate :uniqueid "${0}" {
            discard;
          }
        }
        """,
    )

    def test_equivalent(self):
        """§3.2: three examples that match the same entry."""
        for first in self.equivalent:
            for second in self.equivalent:
                account = Account()
                self.assertEqual(account.deliver(first), ["Keep"])
                self.assertEqual(account.deliver(second), ["Discard"])

    def test_example_1(self):
        """Duplicates go into their folder, others into the INBOX."""
        script = """
            require ["duplicate", "fileinto"];
            if duplicate {
              fileinto "Trash/Duplicate";
            }
        """
        account = Account()
        self.assertEqual(account.deliver(script), ["Keep"])
        self.assertEqual(account.deliver(script), ["Trash/Duplicate"])
        other = MESSAGE.replace("<1@", "<2@")
        self.assertEqual(account.deliver(script, other), ["Keep"])

    def test_example_2(self):
        """Events within a minute are one; later ones are new."""
        script = """
            require ["duplicate", "variables", "fileinto"];
            if header :matches "subject" "ALERT: *" {
              if duplicate :seconds 60 :uniqueid "${1}" {
                fileinto "seen";
              }
              fileinto "Alerts";
            }
        """
        account = Account()
        self.assertEqual(account.deliver(script), ["Alerts"])
        account.now = 59
        self.assertEqual(account.deliver(script), ["seen", "Alerts"])
        account.now = 61
        self.assertEqual(account.deliver(script), ["Alerts"])

    sender = """
        require ["variables", "envelope", "duplicate"];

        if envelope :matches "from" "*" { set "sender" "${1}"; }
        if header :matches "subject" "*" { set "subject" "${1}"; }

        # account for 'Re:' prefix
        if string :comparator "i;ascii-casemap"
          :matches "${subject}" "Re:*"
        {
          set "subject" "${1}";
        }
        if not duplicate :seconds 1800
          :uniqueid "%s"
        {
          redirect :copy "notify@example.com";
        }
    """.replace('"duplicate"]', '"duplicate", "copy"]')

    def test_example_3(self):
        """At most one notice about a sender in half an hour."""
        script = self.sender % "${sender}"
        account = Account()
        one = {"sender": "a@example.com"}
        self.assertEqual(account.deliver(script, **one), ["Redirect", "Keep"])
        account.now = 1799
        self.assertEqual(account.deliver(script, **one), ["Keep"])
        self.assertEqual(
            account.deliver(script, sender="b@x.org"), ["Redirect", "Keep"]
        )
        account.now = 1801
        self.assertEqual(account.deliver(script, **one), ["Redirect", "Keep"])

    def test_example_3_with_subject(self):
        """At most one about a sender and subject, replies the same."""
        script = self.sender % "${sender} ${subject}"
        account = Account()
        one = {"sender": "a@example.com"}
        self.assertEqual(
            account.deliver(script, "Subject: x\n\n", **one)[0], "Redirect"
        )
        self.assertEqual(
            account.deliver(script, "Subject: y\n\n", **one)[0], "Redirect"
        )
        self.assertEqual(account.deliver(script, "Subject: x\n\n", **one), ["Keep"])

    def test_example_4(self):
        """Handles keep two uses apart, though their IDs are the same."""
        script = """
            require ["duplicate", "fileinto"];
            if duplicate :header "X-Event-ID" :handle "notifier" {
              discard;
            }
            if allof (
              duplicate :header "X-Ticket-ID" :handle "support",
              address "to" "support@example.com",
              header :contains "subject" "disk")
            {
              fileinto "seen";
            }
        """
        account = Account()
        ticket = MESSAGE.replace("X-Event-ID: 77\n", "")
        event = MESSAGE.replace("X-Ticket-ID: 77\n", "")
        self.assertEqual(account.deliver(script, event), ["Keep"])
        self.assertEqual(account.deliver(script, ticket), ["Keep"])
        self.assertEqual(account.deliver(script, ticket), ["seen"])
        self.assertEqual(account.deliver(script, event), ["Discard"])


class RuleTests(SynchronousTestCase):
    """RFC 7352 §3."""

    def _plan(self, test, seen=False, message=MESSAGE, more=""):
        script = f'require ["duplicate", "ihave"]; if duplicate {test} {{ discard; }}'
        answers = {}
        while True:
            try:
                return run_script(script + more, message, answers)
            except Wanted as wanted:
                answers[wanted.question] = seen

    def _remembered(self, *arguments, **more):
        plan = self._plan(*arguments, **more)
        return [one for one in plan.actions if isinstance(one, Remember)]

    def test_the_default_time(self):
        """About seven days."""
        (one,) = self._remembered("")
        self.assertEqual((one.seconds, one.again), (SECONDS, False))

    def test_seconds(self):
        """As the script says; what is too long is cut, and is no error."""
        self.assertEqual(self._remembered(":seconds 60")[0].seconds, 60)
        self.assertEqual(self._remembered(":seconds 9G")[0].seconds, LONGEST)

    def test_zero_seconds(self):
        """The test is false, and nothing is asked or remembered."""
        script = 'require "duplicate"; if duplicate :seconds 0 { discard; }'
        self.assertEqual(
            [type(o).__name__ for o in run_script(script).actions], ["Keep"]
        )

    def test_seen(self):
        """Without :last a known ID keeps its time; with it, the time begins anew."""
        self.assertEqual(self._remembered("", True), [])
        (one,) = self._remembered(":last", True)
        self.assertTrue(one.again)

    def test_no_field(self):
        """A message without the field is no duplicate, and is not tracked."""
        for test in ("", ':header "x-none"', ':header "no: name"', ':header ""'):
            plan = run_script(
                f'require "duplicate"; if duplicate {test} {{ discard; }}', "A: b\n\n"
            )
            self.assertEqual([type(o).__name__ for o in plan.actions], ["Keep"], test)

    def test_an_empty_field(self):
        """An empty Message-ID stands for nothing."""
        plan = run_script(ExampleTests.equivalent[0], "Message-ID:\n\n")
        self.assertEqual(len(plan.actions), 1)

    def test_the_first_of_several(self):
        """§3.1: the first occurrence counts, unfolded, decoded and trimmed."""
        message = "X: =?utf-8?q?a?=\n  b \nX: c\n\n"
        (one,) = self._remembered(':header "x"', message=message)
        self.assertEqual(one.mark, mark("", "a  b"))

    def test_case(self):
        """§3.1: IDs are compared with their case."""
        self.assertNotEqual(mark("", "a"), mark("", "A"))

    def test_handles(self):
        """No handle and ID together look like others."""
        self.assertNotEqual(mark("a", "bc"), mark("ab", "c"))
        self.assertNotEqual(mark("", "abc"), mark("a", "bc"))

    def test_a_run_that_fails(self):
        """§3: only successful runs are remembered."""
        plan = self._plan("", more=' error "x";')
        self.assertEqual([type(o).__name__ for o in plan.actions], ["Keep"])

    def test_in_one_run(self):
        """§3: what this run saw is no duplicate in it; the last test decides."""
        more = " if duplicate :seconds 60 :last { discard; }"
        (one,) = self._remembered("", more=more)
        self.assertEqual((one.seconds, one.again), (60, True))

    def test_not_evaluated(self):
        """A test that is not evaluated remembers nothing."""
        script = 'require "duplicate"; if allof (false, duplicate) {}'
        self.assertEqual(len(run_script(script).actions), 1)

    def test_the_question(self):
        """The world is asked about a mark, not about what somebody wrote."""
        with self.assertRaises(Wanted) as caught:
            run_script(ExampleTests.equivalent[0], MESSAGE)
        expected = Question("duplicate", (mark("", "<1@example.org>"),))
        self.assertEqual(caught.exception.question, expected)

    def test_header_and_uniqueid(self):
        """§3.1: they are mutually exclusive."""
        said = errors('require "duplicate"; if duplicate :header "a" :uniqueid "b" {}')
        self.assertIn("cannot stand beside", said)
