"""Lists that are kept elsewhere: the examples of RFC 6134 and its rules."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import RedirectList
from mailsuite.sieve.errors import Question, Wanted
from mailsuite.sieve.extensions.extlists import MEMBERS, OWN
from tests.support.sieve import errors, run_script

HOLIDAYS = "tag:example.com,2011-01-01:localHolidays"
MYLIST = "tag:example.com,2010-05-28:mylist"
IPS = "tag:example.com,2011-04-10:DisallowedIPs"
NAMES = "tag:example.com,2011-04-10:BadFileNameExts"
LISTS = {
    OWN: ["friend@example.org"],
    HOLIDAYS: ["2026-12-25", "1970-01-01"],
    MYLIST: ["a@example.com", "b@example.com", "no address", "c@example.com"],
    IPS: ["192.0.2.7"],
    NAMES: ["run.exe"],
}


def world(question):
    """The answers of a world with these lists."""
    kind, (name, *values) = question.kind, question.subject
    if kind == "lists":
        return all(one in LISTS for one in question.subject)
    if kind == "members":
        return LISTS.get(name)
    assert kind == "listed"
    known = LISTS.get(name, ())
    return next((value for value in values if value in known), None)


def plan(script, message="From: x@example.org\n\n", **letter):
    """Run a script in that world."""
    answers = {}
    while True:
        try:
            return run_script(script, message, answers, **letter)
        except Wanted as wanted:
            answers[wanted.question] = world(wanted.question)


def kinds(*arguments, **more):
    """What it plans, briefly."""
    made = plan(*arguments, **more)
    assert not made.trouble, made.trouble
    return [getattr(one, "mailbox", type(one).__name__) for one in made.actions]


class ExampleTests(SynchronousTestCase):
    """The examples of RFC 6134 §3, as they are printed."""

    KNOWN = (
        """
            require ["envelope", "extlists", "fileinto", "spamtest",
                     "relational", "comparator-i;ascii-numeric"];
            if envelope :list "from" ":addrbook:default"
            { /* Known: allow high spam score */
                if spamtest :value "ge" :comparator "i;ascii-numeric" "8"
                {
                    fileinto "spam";
                }
            }
            elsif spamtest :value "ge" :comparator "i;ascii-numeric" "3"
            { /* Unknown: less tolerance in spam score */
                fileinto "spam";
            }
        """,
        """
            require ["envelope", "extlists", "fileinto", "spamtest",
                     "variables", "relational",
                     "comparator-i;ascii-numeric"];
            if envelope :list "from" ":addrbook:default" {
                set "lim" "8";  /* Known: allow high spam score */
            } else {
                set "lim" "3";  /* Unknown: less tolerance in spam score */
            }
            if spamtest :value "ge" :comparator "i;ascii-numeric" "${lim}" {
                fileinto "spam";
            }
        """,
    )

    def test_known_senders(self):
        """Example 1, both: the address book's senders may look more like spam."""
        for script in self.KNOWN:
            for sender, percent, expected in (
                ("friend@example.org", "50", "Keep"),
                ("friend@example.org", "80", "spam"),
                ("else@example.org", "5", "Keep"),
                ("else@example.org", "50", "spam"),
            ):
                found = kinds(script, sender=sender, marks={"spam": percent})
                self.assertEqual(found, [expected], (sender, percent))

    def test_holidays(self):
        """Example 2: the current date in a list of dates.

        As printed the notice goes by xmpp, which we do not have.
        """
        script = f"""
            require ["extlists", "date", "enotify"];
            if currentdate :list "date"
              "{HOLIDAYS}" {{
                notify "xmpp:romeo@im.example.com";
            }}
        """
        self.assertIn("xmpp", plan(script).trouble)
        self.assertEqual(kinds(script, now=2 * 86400.0), ["Keep"])
        mailed = script.replace("xmpp:", "mailto:")
        self.assertEqual(kinds(mailed), ["Notify", "Keep"])
        self.assertEqual(kinds(mailed, now=2 * 86400.0), ["Keep"])

    mylist = f"""
        require ["extlists", "envelope", "subaddress"];

        # Submission from list members is sent to all members
        if allof (envelope :detail "to" "mylist",
                  header :list "from" "{MYLIST}") {{
            redirect :list "{MYLIST}";
        }}
    """

    def test_a_mailing_list(self):
        """Example 3: what a member sends goes to all members, and is not kept."""
        message = "From: b@example.com\n\n"
        found = plan(self.mylist, message, recipient="me+mylist@example.com")
        (action,) = found.actions
        self.assertIsInstance(action, RedirectList)
        self.assertEqual(action.name, MYLIST)
        self.assertEqual(
            [one.address for one in action.each],
            ["a@example.com", "b@example.com", "c@example.com"],
        )

    def test_others_cannot_write_to_it(self):
        """Example 3: what others send is kept."""
        message = "From: z@example.com\n\n"
        self.assertEqual(
            kinds(self.mylist, message, recipient="me+mylist@example.com"), ["Keep"]
        )

    def test_addresses(self):
        """Example 4: an IP address out of a Received field."""
        script = f"""
            require ["variables", "extlists", "index", "reject"];
            if header :index 1 :matches "received" "*(* [*.*.*.*])*" {{
                set "ip" "${{3}}.${{4}}.${{5}}.${{6}}";
                if string :list "${{ip}}"
                   "{IPS}" {{
                    reject "Message not allowed from this IP address";
                }}
            }}
        """
        message = "Received: from x (y [192.0.2.%d]) by z; date\n\n"
        (action,) = plan(script, message % 7).actions
        self.assertEqual(action.reason, "Message not allowed from this IP address")
        self.assertEqual(kinds(script, message % 8), ["Keep"])

    def test_file_names(self):
        """Example 5: names of attachments in a list put the message into a warning.

        A tag ``:text`` instead of ``text:`` is an error: ``enclose`` has none.
        """
        script = f"""
            require [ "extlists", "foreverypart", "mime", "enclose" ];

            foreverypart
            {{
                if header :mime :param "filename"
                    :list ["Content-Type", "Content-Disposition"]
                      "{NAMES}"
                {{
                    # these attachment types are executable
                    enclose :subject "Warning" text:
WARNING! The enclosed message has attachments that might be unsafe.
These attachment types may contain a computer virus program
that can infect your computer and potentially damage your data.

Before clicking on these message attachments, you should verify
with the sender that this message was sent intentionally, and
that the attachments are safe to open.
.
;
                    break;
                }}
            }}
        """
        self.assertNotEqual(errors(script.replace(" text:", " :text")), "")
        message = "Subject: Look\nContent-Type: multipart/mixed; boundary=a\n\n--a\n"
        message += "Content-Disposition: attachment; filename=%s\n\nMZ\n--a--\n"
        made = plan(script, message % "run.exe")
        self.assertEqual((made.trouble, len(made.actions)), ("", 1))
        self.assertEqual(made.message.values("subject")[0], "Warning")
        self.assertIn(b"that the attachments are safe", made.message.written())
        made = plan(script, message % "run.txt")
        self.assertEqual(made.message.values("subject")[0], "Look")


class RuleTests(SynchronousTestCase):
    """RFC 6134 §2."""

    def test_valid_ext_list(self):
        """Whether all lists are there."""
        test = 'require "extlists"; if valid_ext_list %s { discard; }'
        self.assertEqual(kinds(test % f'["{MYLIST}", "{IPS}"]'), ["Discard"])
        self.assertEqual(kinds(test % f'["{MYLIST}", "tag:other"]'), ["Keep"])
        self.assertEqual(kinds(test % '":addrbook:DEFAULT"'), ["Discard"])

    def test_names(self):
        """A colon stands for the prefix of registered names."""
        script = 'require "extlists"; if header :list "from" "%s" {}'
        for name in (":addrbook:default", OWN, OWN.upper()):
            with self.assertRaises(Wanted) as caught:
                run_script(script % name, "From: a\n\n")
            expected = Question("listed", (OWN, "a"))
            self.assertEqual(caught.exception.question, expected)

    def test_one_question_for_all_values(self):
        """A list is asked once about everything that a test found."""
        script = 'require "extlists"; if header :list ["a", "b"] "tag:x" {}'
        with self.assertRaises(Wanted) as caught:
            run_script(script, "A: 1\nA: 2\nB: 1\nB: 3\n\n")
        self.assertEqual(caught.exception.question.subject, ("tag:x", "1", "2", "3"))

    def test_no_values(self):
        """Where a test found nothing, no list is asked."""
        script = 'require "extlists"; if header :list "none" "tag:x" { discard; }'
        self.assertEqual(len(run_script(script).actions), 1)

    def test_a_list_that_is_not_there(self):
        """It holds nothing."""
        script = 'require "extlists"; if header :list "from" "tag:none" { discard; }'
        self.assertEqual(kinds(script), ["Keep"])

    def test_several_lists(self):
        """They are looked into from left to right."""
        script = (
            f'require "extlists"; if envelope :list "from" ["tag:none", "{MYLIST}"]'
            " { discard; }"
        ).replace('"extlists"', '["extlists", "envelope"]')
        self.assertEqual(kinds(script, sender="a@example.com"), ["Discard"])

    def test_what_was_found(self):
        """It is the match variable 0."""
        script = f"""
            require ["extlists", "variables", "fileinto"];
            if header :list "x" "{IPS}" {{ fileinto "${{0}}"; }}
        """
        self.assertEqual(kinds(script, "X: 1\nX: 192.0.2.7\n\n"), ["192.0.2.7"])

    def test_with_copy(self):
        """:copy leaves the implicit keep."""
        script = f'require ["extlists", "copy"]; redirect :copy :list "{MYLIST}";'
        self.assertEqual(kinds(script), ["RedirectList", "Keep"])

    def test_the_tag_has_its_capability(self):
        """Without extlists there is no :list."""
        self.assertIn("extlists", errors(f'redirect :list "{MYLIST}";'))
        self.assertIn("extlists", errors('if header :list "x" "tag:x" {}'))


class BoundTests(SynchronousTestCase):
    """Lists are somebody else's, and may be long."""

    def _redirected(self, members, times=1):
        script = 'require "extlists";' + "".join(
            f'redirect :list "tag:{number}";' for number in range(times)
        )
        answers = {
            Question("members", (f"tag:{number}",)): members for number in range(times)
        }
        return run_script(script, answers=answers)

    def test_too_many_members(self):
        """All is kept when a list is too long."""
        many = [f"u{number}@example.org" for number in range(MEMBERS + 1)]
        self.assertIn("more than 100 addresses", self._redirected(many).trouble)
        self.assertEqual(self._redirected(many[:-1]).trouble, "")

    def test_no_list_and_no_members(self):
        """Mail is never lost to an empty list."""
        self.assertIn("there is no list tag:0", self._redirected(None).trouble)
        self.assertIn("no addresses are in tag:0", self._redirected([]).trouble)
        bad = ["", "x", "@example.org", "a b@example.org", "a@b\r\nX: y"]
        self.assertIn("no addresses", self._redirected(bad).trouble)

    def test_one_list_in_a_run(self):
        """A script redirects to one list at most."""
        self.assertIn("1 list", self._redirected(["a@b.example"], 2).trouble)

    def test_many_values(self):
        """A list is asked about no more than it is reasonable to ask."""
        fields = "".join(f"A: {number}\n" for number in range(900))
        script = 'require "extlists"; if header :list "a" "tag:x" {}'
        with self.assertRaises(Wanted) as caught:
            run_script(script, f"{fields}\n")
        self.assertEqual(len(caught.exception.question.subject), 201)
