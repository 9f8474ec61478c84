"""enotify with mailto (RFC 5435, RFC 5436): every example, and attacks."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime.addresses import Mailbox
from mailsuite.sieve.actions import FileInto, Keep
from mailsuite.sieve.extensions.enotify import NOTICES, Notify
from tests.support.sieve import errors, holds, run_script


def notices(script, message="From: a@b.example\n\n", **letter):
    plan = run_script(script, message, **letter)
    assert not plan.trouble, plan.trouble
    return [one for one in plan.actions if isinstance(one, Notify)]


class ExampleTests(SynchronousTestCase):
    """The examples of RFC 5435 and RFC 5436."""

    FIRST = """
       require ["enotify", "fileinto", "variables"];

       if header :contains "from" "boss@example.org" {
           notify :importance "1"
               :message "This is probably very important"
                           "mailto:alm@example.com";
           # Don't send any further notifications
           stop;
       }

       if header :contains "to" "sievemailinglist@example.org" {
           # :matches is used to get the value of the Subject header
           if header :matches "Subject" "*" {
               set "subject" "${1}";
           }

           # :matches is used to get the value of the From header
           if header :matches "From" "*" {
               set "from" "${1}";
           }

           notify :importance "3"
               :message "[SIEVE] ${from}: ${subject}"
               "mailto:alm@example.com";
           fileinto "INBOX.sieve";
       }
    """

    def test_first(self):
        """RFC 5435 §3.7, example 1: the boss's mail, and a list's."""
        plan = run_script(self.FIRST, "From: boss@example.org\n\n")
        found, keep = plan.actions
        self.assertEqual(found.message, "This is probably very important")
        self.assertEqual(found.importance, "1")
        self.assertEqual(found.recipients, ("alm@example.com",))
        self.assertEqual(keep, Keep(implicit=True))
        plan = run_script(
            self.FIRST,
            "From: Ann <ann@example.net>\nTo: sievemailinglist@example.org\n"
            "Subject: Loops\n\n",
        )
        found, filed = plan.actions
        self.assertEqual(found.message, "[SIEVE] Ann <ann@example.net>: Loops")
        self.assertEqual(found.importance, "3")
        self.assertIsInstance(filed, FileInto)
        self.assertEqual(notices(self.FIRST), [])

    def test_second(self):
        """RFC 5435 §3.7, example 2: the sender of the envelope in the message."""
        script = """
       require ["enotify", "fileinto", "variables", "envelope"];

       if header :matches "from" "*@*.example.org" {
           # :matches is used to get the MAIL FROM address
           if envelope :all :matches "from" "*" {
               set "env_from" " [really: ${1}]";
           }

           # :matches is used to get the value of the Subject header
           if header :matches "Subject" "*" {
               set "subject" "${1}";
           }

           # :matches is used to get the address from the From header
           if address :matches :all "from" "*" {
               set "from_addr" "${1}";
           }

           notify :message "${from_addr}${env_from}: ${subject}"
                           "mailto:alm@example.com";
       }
        """
        (found,) = notices(
            script,
            "From: tim@mail.example.org\nSubject: Hello\n\n",
            sender="bounce@example.net",
        )
        self.assertEqual(
            found.message, "tim@mail.example.org [really: bounce@example.net]: Hello"
        )
        self.assertEqual(found.importance, "2")

    THIRD = """
     require ["enotify", "variables"];

     set "notif_method"
     "xmpp:tim@example.com?message;subject=SIEVE;body=You%20got%20mail";

     if header :contains "subject" "Your dog" {
         set "notif_method" "tel:+14085551212";
     }

     if header :contains "to" "sievemailinglist@example.org" {
         set "notif_method" "";
     }

     if not string :is "${notif_method}" "" {
         notify "${notif_method}";
     }

     if header :contains "from" "boss@example.org" {
         # :matches is used to get the value of the Subject header
         if header :matches "Subject" "*" {
             set "subject" "${1}";
         }

         # don't need high importance notification for
         # a 'for your information'
         if not header :contains "subject" "FYI:" {
             notify :importance "1" :message "BOSS: ${subject}"
                                "tel:+14085551212";
         }
     }
    """

    def test_third(self):
        """RFC 5435 §3.7, example 3: methods that nobody has fail when they are used."""
        self.assertIn("xmpp", run_script(self.THIRD).trouble)
        dog = run_script(self.THIRD, "Subject: Your dog\n\n")
        self.assertIn("tel", dog.trouble)
        self.assertEqual(dog.actions, (Keep(implicit=True),))
        listed = run_script(self.THIRD, "To: sievemailinglist@example.org\n\n")
        self.assertEqual(listed.trouble, "")

    def test_third_by_mail(self):
        """RFC 5435 §3.7, example 3: what it says, where all its methods are mail."""
        script = self.THIRD.replace(
            "xmpp:tim@example.com?message;subject=SIEVE;body=You%20got%20mail",
            "mailto:tim@example.com?subject=SIEVE&body=You%20got%20mail",
        ).replace("tel:+14085551212", "mailto:14085551212@sms.example.com")
        sms, tim = ("14085551212@sms.example.com",), ("tim@example.com",)
        listed, boss = "To: sievemailinglist@example.org\n", "From: boss@example.org\n"
        for message, told in (
            ("", [(tim, None, "2")]),
            ("Subject: Your dog\n", [(sms, None, "2")]),
            (f"{listed}Subject: Your dog\n", []),
            (
                f"{boss}Subject: Now\n",
                [(tim, None, "2"), (sms, "BOSS: Now", "1")],
            ),
            (f"{boss}Subject: FYI: later\n", [(tim, None, "2")]),
            (f"{listed}{boss}Subject: Now\n", [(sms, "BOSS: Now", "1")]),
        ):
            found = notices(script, f"{message}\n")
            said = [(one.recipients, one.message, one.importance) for one in found]
            self.assertEqual(said, told, message)
        found = notices(script, "\n")
        self.assertEqual(
            (found[0].uri.subject, found[0].uri.body), ("SIEVE", "You got mail")
        )

    def test_third_stays(self):
        """RFC 5435 §3.7, example 3: of the boss's mail to the list only tel tells."""
        head = "From: boss@example.org\nTo: sievemailinglist@example.org\n"
        self.assertIn("tel", run_script(self.THIRD, f"{head}Subject: x\n\n").trouble)
        plan = run_script(self.THIRD, f"{head}Subject: FYI: x\n\n")
        self.assertEqual(plan.trouble, "")

    def test_fourth(self):
        """RFC 5435 §4, example 4: not all of these methods are there."""
        script = """
             require "enotify";
             if not valid_notify_method ["mailto:",
                     "http://gw.example.net/notify?test"] {
                 stop;
             }
             discard;
        """
        self.assertEqual(run_script(script).actions, (Keep(implicit=True),))
        test = """not valid_notify_method ["mailto:",
                     "http://gw.example.net/notify?test"]"""
        self.assertTrue(holds(test, requires="enotify"))
        self.assertTrue(holds('valid_notify_method ["mailto:"]', requires="enotify"))

    def test_fifth(self):
        """RFC 5435 §5, example 5: nobody is known to be online by a method not there."""
        script = """
             require ["enotify"];

             if notify_method_capability
                    "xmpp:tim@example.com?message;subject=SIEVE"
                    "Online"
                    "yes" {
                 notify :importance "1" :message "You got mail"
                      "xmpp:tim@example.com?message;subject=SIEVE";
             } else {
                 notify :message "You got mail" "tel:+14085551212";
             }
        """
        self.assertIn("line 11: notices by tel", run_script(script).trouble)
        script = script.replace(
            "xmpp:tim@example.com?message;subject=SIEVE",
            "mailto:tim@example.com?subject=SIEVE",
        ).replace("tel:+14085551212", "mailto:14085551212@sms.example.com")
        (found,) = notices(script)
        said = (found.recipients, found.message, found.importance)
        self.assertEqual(said, (("14085551212@sms.example.com",), "You got mail", "2"))
        (found,) = notices(script.replace('"yes"', '"maybe"'))
        self.assertEqual(
            (found.recipients, found.importance), (("tim@example.com",), "1")
        )

    def test_sixth(self):
        """RFC 5435 §6, example 6: an encoded value is one value."""
        script = """
       require ["enotify", "variables"];

       set :encodeurl "body_param" "Safe body&evil=evilbody";

       notify "mailto:tim@example.com?body=${body_param}";
        """
        (found,) = notices(script)
        self.assertEqual(found.uri.body, "Safe body&evil=evilbody")
        self.assertEqual(found.uri.headers, ())

    def test_mailto(self):
        """RFC 5436 §3: a list's mail is told to two addresses."""
        script = """
      require ["enotify", "variables"];

      if header :contains "list-id" "knitting.example.com" {
        if header :matches "Subject" "[*] *" {
          notify :message "From ${1} list: ${2}"
              :importance "3"
              "mailto:0123456789@sms.example.net?to=backup@example.com";
        }
      }
        """
        (found,) = notices(
            script,
            "List-Id: Knitting Mailing List <knitting.example.com>\n"
            "Subject: [Knitting] A new sweater\n\n",
        )
        self.assertEqual(found.message, "From Knitting list: A new sweater")
        self.assertEqual(
            found.recipients, ("0123456789@sms.example.net", "backup@example.com")
        )

    def test_owner(self):
        """RFC 5436 §2.7.1: notices of notices are not sent, whoever is told as owner."""
        script = 'require "enotify"; notify "mailto:a@b.example";'
        for parameter in (
            'owner-email="me@example.com"',
            "owner-token=af3NN2pK5dDXI0W",
        ):
            field = f"Auto-Submitted: auto-notified; {parameter}"
            self.assertEqual(notices(script, f"{field}\n\n"), [])

    def test_carbon_copies(self):
        """RFC 8580 §3.2: a copy of the notice, and whether there can be one."""
        script = """
            require ["enotify", "fcc"];
            notify :fcc "INBOX.Sent"
                   :message "You got mail!"
                   "mailto:ken@example.com";
        """
        (found,) = notices(script)
        self.assertEqual(found.fcc, FileInto("INBOX.Sent", at=3))
        script = """
            require ["enotify", "fcc"];

            if notify_method_capability "xmpp:" "Fcc" "yes" {
                notify :fcc "INBOX.Sent"
                       :message "You got mail"
                       "xmpp:ken@example.com?message;subject=SIEVE";
            } else {
                notify :fcc "INBOX.Sent"
                       :message "You got mail!"
                       "mailto:ken@example.com";
            }
        """
        (found,) = notices(script)
        self.assertEqual(found.message, "You got mail!")


class RuleTests(SynchronousTestCase):
    def test_capability(self):
        """Of mail nobody knows whether it is read; other items do not match."""
        asked = 'notify_method_capability {} "mailto:a@b.example" "{}" "{}"'
        for kind, item, key, result in (
            ("", "online", "maybe", True),
            ("", "ONLINE", "MAYBE", True),
            ("", "online", "yes", False),
            ("", "fcc", "yes", True),
            ("", "other", "", False),
            (':count "eq"', "online", "1", True),
            (":contains", "other", "", False),
        ):
            test = asked.format(kind, item, key)
            requires = "enotify relational"
            self.assertIs(holds(test, requires=requires), result, test)
        bad = 'notify_method_capability "mailto:nobody" "online" "maybe"'
        self.assertFalse(holds(bad, requires="enotify"))

    def test_automatic(self):
        """Nobody is told of what a program sent (RFC 5436 §2.7)."""
        script = 'require "enotify"; notify "mailto:a@b.example";'
        for value, told in (
            ("no", 1),
            ("No (really)", 1),
            ("auto-notified; owner-email=x", 0),
            ("auto-generated", 0),
            ("auto-replied", 0),
        ):
            message = f"Auto-Submitted: {value}\nSubject: x\n\n"
            self.assertEqual(len(notices(script, message)), told, value)
        self.assertEqual(len(notices(script, sender="")), 1)

    def test_each_once(self):
        """An address is told once in a run."""
        script = """
            require "enotify";
            notify "mailto:a@b.example?cc=c@d.example";
            notify :message "again" "mailto:a@b.example";
            notify "mailto:a@b.example?to=e@f.example";
        """
        self.assertEqual(
            [one.recipients for one in notices(script)],
            [("a@b.example", "c@d.example"), ("e@f.example",)],
        )

    def test_limit(self):
        """A run tells only so many."""
        lines = "".join(f'notify "mailto:a{n}@b.example";' for n in range(NOTICES + 1))
        self.assertIn("notices", run_script(f'require "enotify"; {lines}').trouble)

    def test_errors(self):
        """What is wrong with a constant is told when the script is checked."""
        for script, told in (
            ('notify "mailto:nobody";', "no address"),
            ('notify "nowhere";', "no URI"),
            ('notify "mailto:a@b.example?subject=x%0D%0ABcc:c@d.example";', "control"),
            ('notify :importance "4" "mailto:a@b.example";', "importance"),
            ('notify :options "x" "mailto:a@b.example";', "name=value"),
            ('notify :from "me" "mailto:a@b.example";', "no author"),
            ("notify;", "needs one more"),
        ):
            self.assertIn(told, errors(f'require "enotify"; {script}'), script)
        script = 'require ["enotify"]; notify :options ["a=b", "c.d=\u00e9"] "tel:1";'
        self.assertEqual(errors(script), "")

    def test_late_errors(self):
        """What is wrong with a variable fails the run, and the message is kept."""
        head = """
            require ["enotify", "variables"];
            if header :matches "subject" "*" { set "x" "${1}"; }
        """
        for script, subject in (
            ('notify "mailto:a@b.example?subject=${x}";', "with space"),
            ('notify "mailto:a@b.example?subject=${x}";', "x%0d%0aBcc:%20c@d.e"),
            ('notify "mailto:${x}";', "nobody"),
            ('notify :importance "${x}" "mailto:a@b.example";', "0"),
            ('notify :options "${x}" "mailto:a@b.example";', "none"),
        ):
            plan = run_script(head + script, f"Subject: {subject}\n\n")
            self.assertTrue(plan.trouble, script)
            self.assertEqual(plan.actions, (Keep(implicit=True),))

    def test_from(self):
        """The author is read, with the name."""
        (found,) = notices(
            'require "enotify"; notify :from "Me <me@b.example>" "mailto:a@b.example";'
        )
        self.assertEqual(found.authors, (Mailbox("Me", "me", "b.example"),))

    def test_encodeurl_octets(self):
        """All but the unreserved octets are encoded, before the length counts."""
        script = """
            require ["enotify", "variables", "fileinto"];
            set :encodeurl "a" "a-._~\u00e9 /";
            set :length :encodeurl "b" "\u00e9";
            fileinto "${a}"; fileinto "${b}";
        """
        plan = run_script(script)
        names = [one.mailbox for one in plan.actions]
        self.assertEqual(names, ["a-._~%C3%A9%20%2F", "6"])
        script = 'require "variables"; set :encodeurl "a" "b";'
        self.assertIn("enotify", errors(script))

    @given(st.text(max_size=40))
    def test_encoded_text(self, text):
        """Whatever a stranger writes, an encoded value adds nobody and no field."""
        script = """
            require ["enotify", "variables"];
            if header :matches "subject" "*" { set :encodeurl "x" "${1}"; }
            notify "mailto:a@b.example?body=${x}";
        """
        subject = "".join(one for one in text if one.isprintable())
        plan = run_script(script, f"Subject: {subject}\n\n")
        found = [one for one in plan.actions if isinstance(one, Notify)]
        if found:
            self.assertEqual(found[0].recipients, ("a@b.example",))
            self.assertEqual(found[0].uri.headers, ())
