"""Annotations: the examples of RFC 5490 §3.3 to §4.2."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.errors import Question, Wanted
from tests.support.sieve import errors, holds, run_script

REPLIES = "/private/vendor/vendor.isode/auto-replies"
URI = "/private/vendor/vendor.isode/notification-uri"


class MetadataTests(SynchronousTestCase):
    """``mboxmetadata``."""

    TEST = f'metadata :is "INBOX" "{REPLIES}" "on"'
    QUESTION = Question("metadata", ("INBOX", REPLIES))

    def asked(self, answer, test=TEST):
        return holds(test, requires="mboxmetadata", answers={self.QUESTION: answer})

    def test_example(self):
        """§3.3: true where the annotation says on, whatever case."""
        self.assertTrue(self.asked("on"))
        self.assertTrue(self.asked("ON"))
        self.assertFalse(self.asked("off"))

    def test_absent(self):
        """An annotation that is not there matches nothing; an empty one is there."""
        self.assertFalse(self.asked(None, self.TEST.replace(":is", ":contains")))
        empty = f'metadata :matches "INBOX" "{REPLIES}" "*"'
        self.assertTrue(self.asked("", empty))
        self.assertFalse(self.asked(None, empty))

    def test_exists(self):
        """§3.4: all annotations of a mailbox."""
        test = 'metadataexists "INBOX" ["/private/a", "/shared/b"]'
        question = Question("metadataexists", ("INBOX", "/private/a", "/shared/b"))
        for answer in (True, False):
            told = holds(test, requires="mboxmetadata", answers={question: answer})
            self.assertIs(told, answer)

    def test_wanted(self):
        """Without an answer the run asks."""
        with self.assertRaises(Wanted) as caught:
            self.asked_nothing()
        self.assertEqual(caught.exception.question, self.QUESTION)

    def asked_nothing(self):
        return holds(self.TEST, requires="mboxmetadata")

    def test_errors(self):
        """Capabilities and arguments are looked after."""
        self.assertIn("mboxmetadata", errors(f"if {self.TEST} {{ keep; }}"))
        self.assertTrue(errors('require "mboxmetadata"; if metadata "a" "b" { keep; }'))


class ServerMetadataTests(SynchronousTestCase):
    """``servermetadata``."""

    SCRIPT = f"""
        require ["servermetadata", "variables", "envelope", "fileinto"];
        if servermetadata :matches "{URI}" "*" {{
            set "notif_uri" "${{0}}";
        }}
        if not string :is "${{notif_uri}}" "none" {{
            if envelope :all :matches "from" "*" {{ set "env_from" " [really: ${{1}}]"; }}
            if header :matches "Subject" "*" {{ set "subject" "${{1}}"; }}
            if address :matches :all "from" "*" {{ set "from_addr" "${{1}}"; }}
            fileinto "${{notif_uri}} ${{from_addr}}${{env_from}}: ${{subject}}";
        }}
    """

    def filed(self, uri):
        question = Question("servermetadata", (URI,))
        plan = run_script(self.SCRIPT, answers={question: uri}, sender="real@a.example")
        self.assertEqual(plan.trouble, "")
        return getattr(plan.actions[0], "mailbox", None)

    def test_example(self):
        """§4.1: the URI of the annotation, the addresses and the subject are told."""
        self.assertEqual(
            self.filed("mailto:x"),
            "mailto:x coyote@desert.example.org [really: real@a.example]:"
            " I have a present for you",
        )

    def test_notified(self):
        """§4.1: as it is printed, who is to be told is told."""
        script = self.SCRIPT.replace('"fileinto"', '"enotify"').replace(
            'fileinto "${notif_uri} ${from_addr}${env_from}: ${subject}";',
            """notify :message "${from_addr}${env_from}: ${subject}"
                  "${notif_uri}";""",
        )
        self.assertIn("notify :message", script)
        question = Question("servermetadata", (URI,))
        for uri, told in (("mailto:me@a.example", 1), ("none", 0)):
            plan = run_script(script, answers={question: uri}, sender="real@a.example")
            self.assertEqual((plan.trouble, len(plan.actions)), ("", 1 + told), uri)
        plan = run_script(
            script,
            answers={question: "mailto:me@a.example"},
            sender="real@a.example",
        )
        notice, keep = plan.actions
        self.assertEqual(notice.recipients, ("me@a.example",))
        self.assertEqual(
            notice.message,
            "coyote@desert.example.org [really: real@a.example]:"
            " I have a present for you",
        )
        self.assertTrue(keep.implicit)

    def test_none(self):
        """§4.1: where it says none nobody is told."""
        self.assertIsNone(self.filed("none"))

    def test_exists(self):
        """§4.2: all annotations of the server."""
        question = Question("servermetadataexists", ("/shared/comment",))
        for answer in (True, False):
            told = holds(
                'servermetadataexists "/shared/comment"',
                requires="servermetadata",
                answers={question: answer},
            )
            self.assertIs(told, answer)
