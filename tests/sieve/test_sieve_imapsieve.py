"""Scripts at IMAP events: RFC 6785's examples, items, and what is an error then."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, Keep, Redirect
from mailsuite.sieve.extensions.imapsieve import INAPPLICABLE, PLACE
from tests.support.sieve import errors, run_script

ACTIONS = """
require ["copy", "environment", "imapsieve"];

if anyof (environment :is "imap.cause" "APPEND",
          environment :is "imap.cause" "COPY")  {
    if environment :is "imap.mailbox" "ActionItems" {
        redirect :copy "actionitems@example.com";
    }
}
"""
FLAGGED = r"""
require ["enotify", "imap4flags", "variables",
         "environment", "imapsieve"];

if environment :matches "imap.mailbox" "*" {
    set "mailbox" "${1}";
}

if allof (hasflag "\\Flagged",
          environment :contains "imap.changedflags" "\\Flagged") {
  notify :message "Important message in ${mailbox}"
      "mailto:tim@example.com?subject=SIEVE";
}
"""


def event(script, cause="APPEND", mailbox="INBOX", flags=(), changed=""):
    """Run a script at an event; gives its plan."""
    items = {
        **PLACE,
        "imap.cause": cause,
        "imap.mailbox": mailbox,
        "imap.changedflags": changed,
        "imap.user": "fred",
        "imap.email": "fred@example.com",
    }
    return run_script(script, environment=items, event=cause, flags=tuple(flags))


class ExampleTests(SynchronousTestCase):
    """RFC 6785 §5."""

    def test_first(self):
        """§5, example 1: a message new in ActionItems is sent on, and kept."""
        for cause in ("APPEND", "COPY"):
            redirect, keep = event(ACTIONS, cause, "ActionItems").actions
            self.assertEqual(redirect.address, "actionitems@example.com")
            self.assertIsInstance(redirect, Redirect)
            self.assertTrue(keep.implicit)
        for cause, mailbox in (("FLAG", "ActionItems"), ("COPY", "INBOX")):
            (keep,) = event(ACTIONS, cause, mailbox).actions
            self.assertTrue(keep.implicit)

    def test_second(self):
        """§5, example 2: a notice when a message gets the flag, at no other time.

        The RFC's is by xmpp, which we have not.
        """
        flagged = ("\\Flagged", "\\Seen")
        found = event(FLAGGED, "FLAG", "Work", flagged, "\\Flagged").actions
        self.assertEqual(found[0].message, "Important message in Work")
        for flags, changed in ((flagged, "\\Seen"), (("\\Seen",), "\\Flagged")):
            (keep,) = event(FLAGGED, "FLAG", "Work", flags, changed).actions
            self.assertIsInstance(keep, Keep)

    def test_second_as_printed(self):
        """§5, example 2: by xmpp the notice is trouble, and everything stays."""
        printed = FLAGGED.replace(
            "mailto:tim@example.com?subject=SIEVE",
            "xmpp:tim@example.com?message;subject=SIEVE",
        )
        self.assertEqual(errors(printed), "")
        plan = event(printed, "FLAG", "Work", ("\\Flagged",), "\\Flagged")
        self.assertIn("xmpp", plan.trouble)
        self.assertEqual(event(printed, "FLAG", "Work", (), "\\Flagged").trouble, "")


class PlaceTests(SynchronousTestCase):
    """What is told, and when."""

    def test_at_delivery(self):
        """At a delivery every item is empty (§4.2)."""
        for item in ("user", "email", "cause", "mailbox", "changedflags"):
            script = (
                'require ["environment", "imapsieve"];'
                f'if environment "imap.{item}" "" {{ discard; }}'
            )
            self.assertIsInstance(run_script(script).actions[0], Discard, item)

    def test_must_be_asked_for(self):
        """Who does not ask for imapsieve sees no item of it (§2.1)."""
        script = 'require "environment"; if environment "imap.cause" "*" { discard; }'
        self.assertIsInstance(event(script).actions[0], Keep)

    def test_location_and_phase(self):
        """A message store looks at it, afterwards (§4.1)."""
        script = (
            'require "environment"; if allof (environment "location" "MS",'
            ' environment "phase" "post") { discard; }'
        )
        self.assertIsInstance(event(script).actions[0], Discard)


class ErrorTests(SynchronousTestCase):
    """What is for deliveries alone (§3.11, §4.6, RFC 7352 §3.4)."""

    def test_required(self):
        """To ask for it ends the script, and keeps the message."""
        for name in sorted(INAPPLICABLE):
            script = f'require "{name}"; discard;'
            plan = event(script)
            self.assertIn(name, plan.trouble)
            self.assertIsInstance(plan.actions[0], Keep)
            self.assertEqual(run_script(script).trouble, "")

    def test_ihave(self):
        """The test ihave does not find it then."""
        script = 'require "ihave"; if ihave "vacation" { discard; } else { keep; }'
        self.assertIsInstance(event(script).actions[0], Keep)
        self.assertIsInstance(run_script(script).actions[0], Discard)

    def test_envelope(self):
        """There is no envelope; to ask for the capability alone is no mistake."""
        script = 'require "envelope"; if false { stop; } discard;'
        self.assertIsInstance(event(script).actions[0], Discard)
        script = 'require "envelope"; if envelope "to" "x" { discard; }'
        self.assertIn("envelope", event(script).trouble)
        self.assertEqual(errors(script), "")


class FlagTests(SynchronousTestCase):
    """§3.8."""

    def test_the_variable(self):
        """The internal variable begins with the message's flags."""
        script = 'require "imap4flags"; addflag "$a"; removeflag "\\\\Seen";'
        (keep,) = event(script, flags=("\\Seen", "$b")).actions
        self.assertEqual(keep.flags, ("$b", "$a"))
