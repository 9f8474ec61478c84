"""vacation and vacation-seconds (RFC 5230, RFC 6131): every example."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve.actions import Discard, FileInto, Keep, Redirect
from mailsuite.sieve.extensions.vacation import DAY, MOST_DAYS, Vacation, identity
from tests.support.sieve import errors, run_script


def reply(script, message="From: a@b.example\nSubject: Hi\n\n", **letter):
    """The one reply that a script plans."""
    plan = run_script(script, message, **letter)
    assert not plan.trouble, plan.trouble
    (found,) = [one for one in plan.actions if isinstance(one, Vacation)]
    return found


def about(subject):
    return f"From: coyote@desert.example.org\nSubject: {subject}\n\n"


class ExampleTests(SynchronousTestCase):
    """The examples of RFC 5230."""

    def test_two_replies(self):
        """§4.2: replies with other words are others."""
        script = """
            require "vacation";
            if header :contains "subject" "cyrus" {
                vacation "I'm out -- send mail to cyrus-bugs";
            } else {
                vacation "I'm out -- call me at +1 304 555 0123";
            }
        """
        one, two = (
            reply(script, about(text)) for text in ("Cyrus bug", "come over for dinner")
        )
        self.assertEqual(one.reason, "I'm out -- send mail to cyrus-bugs")
        self.assertEqual(two.reason, "I'm out -- call me at +1 304 555 0123")
        self.assertNotEqual(one.handle, two.handle)

    def test_unexpanded(self):
        """§4.2: variables do not make a reply another one."""
        script = """
            require ["vacation", "variables"];
            if header :matches "subject" "*" {
                vacation :subject "Automatic response to: ${1}"
                         "I'm away -- send mail to foo in my absence";
            }
        """
        one, two = (reply(script, about(text)) for text in ("one", "two"))
        self.assertEqual(one.subject, "Automatic response to: one")
        self.assertEqual(two.subject, "Automatic response to: two")
        self.assertEqual(one.handle, two.handle)

    def test_handle(self):
        """§4.2: a handle makes replies the same."""
        script = """
            require "vacation";
            if header :contains "subject" "lunch" {
                vacation :handle "ran-away" "I'm out and can't meet for lunch";
            } else {
                vacation :handle "ran-away" "I'm out";
            }
        """
        one, two = (reply(script, about(text)) for text in ("lunch?", "dinner?"))
        self.assertNotEqual(one.reason, two.reason)
        self.assertEqual(one.handle, two.handle)

    def test_mime(self):
        """§4.4: the reason may be a MIME entity."""
        script = """
            require "vacation";
            vacation :mime text:
Content-Type: multipart/alternative; boundary=foo

--foo

I'm at the beach relaxing.  Mmmm, surf...

--foo
Content-Type: text/html; charset=us-ascii

<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.0//EN"
 "http://www.w3.org/TR/REC-html40/strict.dtd">
<HTML><HEAD><TITLE>How to relax</TITLE>
<BASE HREF="http://home.example.com/pictures/"></HEAD>
<BODY><P>I'm at the <A HREF="beach.gif">beach</A> relaxing.
Mmmm, <A HREF="ocean.gif">surf</A>...
</BODY></HTML>

--foo--
.
            ;
        """
        found = reply(script)
        self.assertTrue(found.mime)
        self.assertTrue(found.reason.startswith("Content-Type: multipart/alternative"))

    def test_simple(self):
        """§4.8: days and addresses; the message is kept as well."""
        script = """
            require "vacation";
            vacation :days 23 :addresses ["tjs@example.edu",
                                          "ts4z@landru.example.edu"]
            "I'm away until October 19.
            If it's an emergency, call 911, I guess." ;
        """
        plan = run_script(script)
        found, keep = plan.actions
        self.assertEqual(found.seconds, 23 * DAY)
        self.assertEqual(
            found.addresses, ("tjs@example.edu", "ts4z@landru.example.edu")
        )
        self.assertEqual(keep, Keep(implicit=True))

    def test_selective(self):
        """§4.8: the boss's mail is sent on instead."""
        script = """
            require "vacation";
            if header :contains "from" "boss@example.edu" {
                redirect "pleeb@isp.example.org";
            } else {
                vacation "Sorry, I'm away, I'll read your
            message when I get around to it.";
            }
        """
        plan = run_script(script, "From: boss@example.edu\n\n")
        self.assertEqual([type(one) for one in plan.actions], [Redirect])
        plan = run_script(script)
        self.assertEqual([type(one) for one in plan.actions], [Vacation, Keep])

    def test_languages(self):
        """§7: the reply is in the language of the message, or for strangers."""
        script = """
            require "vacation";
            if header :contains ["accept-language", "content-language"] "en"
            {
                vacation "I am away this week.";
            } else {
                vacation "Estoy ausente esta semana.";
            }
        """
        english = "Content-Language: en\n\n"
        self.assertEqual(reply(script, english).reason, "I am away this week.")
        self.assertEqual(reply(script).reason, "Estoy ausente esta semana.")
        script = """
            require "vacation";
            if address :matches "from" "*@ourdivision.example.com"
            {
                vacation :subject "Gone fishing"
                         "Having lots of fun! Back in a day or two!";
            } else {
                vacation :subject "Je suis parti cette semaine"
                         "Je lirai votre message quand je retourne.";
            }
        """
        near = "From: x@ourdivision.example.com\n\n"
        self.assertEqual(reply(script, near).subject, "Gone fishing")
        self.assertEqual(reply(script).subject, "Je suis parti cette semaine")

    def test_seconds(self):
        """RFC 6131 §3: half an hour; and every message answered."""
        script = """
            require ["vacation-seconds"];
            vacation :addresses ["tjs@example.edu", "ts4z@landru.example.edu"]
                     :seconds 1800
                     "I am in a meeting, and do not have access to email.";
        """
        self.assertEqual(reply(script).seconds, 1800)
        script = """
            require ["vacation-seconds"];
            vacation :handle "auto-resp" :seconds 0
                "Your request has been received.  A service
                 representative will contact you as soon as
                 possible, usually within one business day.";
        """
        self.assertEqual(reply(script).seconds, 0)

    def test_carbon_copies(self):
        """RFC 8580 §3.1: a copy of the reply, with all that fileinto takes."""
        script = """
            require ["vacation", "fcc"];
            vacation :days 7
                     :from "hemingway@example.com"
                     :fcc "INBOX.Sent"
                     "Gone Fishin'";
        """
        found = reply(script)
        self.assertEqual(found.fcc, FileInto("INBOX.Sent", at=3))
        self.assertEqual(found.authors, (Mailbox("", "hemingway", "example.com"),))
        script = r"""
            require ["vacation", "fcc", "mailbox", "special-use", "imap4flags"];
            vacation :days 7
                     :from "hemingway@example.com"
                     :fcc "INBOX.Sent" :specialuse "\\Sent" :create
                     :flags ["\\Seen"]
                     "Gone Fishin'";
        """
        self.assertEqual(
            reply(script).fcc, FileInto("INBOX.Sent", ("\\Seen",), True, "\\Sent", at=3)
        )


class RuleTests(SynchronousTestCase):
    def test_days(self):
        """Days have a least and a most value, and a default (RFC 5230 §4.1)."""
        for written, days in (
            (":days 0", 1),
            (":days 1", 1),
            (":days 31", 31),
            (":days 9999999999", MOST_DAYS),
            ("", 7),
        ):
            found = reply(f'require "vacation"; vacation {written} "x";')
            self.assertEqual(found.seconds, days * DAY)

    def test_all_seconds(self):
        """All values up to 2**31 are taken (RFC 6131 §2)."""
        for seconds in (0, 1, DAY, 2**31):
            script = f'require "vacation-seconds"; vacation :seconds {seconds} "x";'
            self.assertEqual(reply(script).seconds, min(seconds, MOST_DAYS * DAY))

    def test_once(self):
        """A second vacation fails, the same or another (RFC 5230 §4.7)."""
        for script in ('vacation "x"; vacation "x";', 'vacation "x"; vacation "y";'):
            plan = run_script(f'require "vacation"; {script}')
            self.assertIn("already", plan.trouble)
            self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_beside(self):
        """It stands beside all that keeps, files, sends on and discards."""
        plan = run_script(
            'require ["vacation", "fileinto"]; vacation "x"; discard; fileinto "A";'
        )
        self.assertEqual(
            [type(one) for one in plan.actions], [Vacation, Discard, FileInto]
        )

    def test_errors(self):
        """What cannot be is told when the script is checked."""
        for script, told in (
            ('vacation :days 1 :seconds 1 "x";', "cannot stand beside"),
            ('vacation :from "nobody" "x";', "no author"),
            ('vacation :from "a@b.example\r\nBcc: c@d.example" "x";', "no author"),
            ('vacation :mime "Content-Type: text/plain; x=\u00e9\r\n\r\nx";', "ASCII"),
            ("vacation;", "needs one more"),
            ('vacation :fcc "A" "x";', "fcc"),
        ):
            head = 'require ["vacation", "vacation-seconds"];'
            self.assertIn(told, errors(head + script))
        self.assertIn(
            "vacation-seconds", errors('require "vacation"; vacation :seconds 1 "x";')
        )

    def test_from_variables(self):
        """An author that only the run knows, and that is none, is the owner."""
        script = """
            require ["vacation", "variables"];
            if header :matches "subject" "*" { set "who" "${1}"; }
            vacation :from "${who}" "x";
        """
        self.assertEqual(reply(script, about("me")).authors, ())
        self.assertEqual(
            reply(script, about("Me <me@example.org>")).authors,
            (Mailbox("Me", "me", "example.org"),),
        )

    def test_mime_variables(self):
        """A MIME header that only the run knows must be ASCII, too."""
        script = """
            require ["vacation", "variables"];
            if header :matches "subject" "*" { set "x" "${1}"; }
            vacation :mime "Content-Type: text/plain; name=${x}\r\n\r\nx";
        """
        self.assertIn("ASCII", run_script(script, about("\u00e9")).trouble)

    @given(st.lists(st.none() | st.text("ab:1-", max_size=4), max_size=4))
    def test_identities(self, pieces):
        """No two lists of arguments have one identity (RFC 5230 §4.2)."""
        for place in range(len(pieces)):
            other = [*pieces[:place], "other", *pieces[place + 1 :]]
            self.assertNotEqual(identity(*pieces), identity(*other))
        self.assertNotEqual(identity(*pieces), identity(*pieces, ""))
        self.assertNotEqual(identity(*pieces, ""), identity(*pieces, None))

    def test_arguments_apart(self):
        """The same text in another argument is another reply."""
        head = 'require "vacation"; vacation'
        scripts = (
            f'{head} :subject "a@b.example" "x";',
            f'{head} :from "a@b.example" "x";',
            f'{head} :mime "x";',
            f'{head} "x";',
            f'{head} :handle "x" "x";',
            f'{head} :subject "" "x";',
        )
        self.assertEqual(len({reply(one).handle for one in scripts}), len(scripts))
