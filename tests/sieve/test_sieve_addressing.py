"""envelope (RFC 5228 §5.4), subaddress (RFC 5233), encoded-character (§2.4.2.4)."""

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.extensions.table import spoken
from tests.support.sieve import errors, holds, run_script


class EnvelopeTests(SynchronousTestCase):
    """The test of the envelope."""

    def _holds(self, test, **letter):
        return holds(test, requires="envelope", **letter)

    def test_example(self):
        """RFC 5228 §5.4."""
        script = """require "envelope";
             if envelope :all :is "from" "tim@example.com" {
                discard;
             }"""
        self.assertFalse(run_script(script, sender="x@example.com").actions[0].at)
        plan = run_script(script, sender="tim@example.com")
        self.assertEqual(plan.actions[0].at, 3)

    def test_null_sender(self):
        """It is the empty string, whatever part is asked for."""
        for part in ("", ":all", ":localpart", ":domain"):
            self.assertTrue(self._holds(f'envelope {part} "from" ""', sender=""))
            test = f'envelope {part} :contains "from" "a"'
            self.assertFalse(self._holds(test, sender=""))

    def test_parts(self):
        """Names have no case; several are tried; addresses are taken apart."""
        known = {"sender": "a@b.example", "recipient": '"c d"@e.example'}
        self.assertTrue(self._holds('envelope :domain "FROM" "B.example"', **known))
        self.assertTrue(self._holds('envelope :localpart "To" "c d"', **known))
        self.assertTrue(self._holds('envelope ["from", "to"] "a@b.example"', **known))
        test = r'envelope ["from", "to"] "\"c d\"@e.example"'
        self.assertTrue(self._holds(test, **known))

    def test_source_routes(self):
        """They are dropped."""
        test = 'envelope "from" "c@d.example"'
        self.assertTrue(self._holds(test, sender="@a.example,@b.example:c@d.example"))

    def test_unknown_parts(self):
        """They are errors, told with what there is."""
        said = errors('require "envelope"; if envelope "form" "a" { keep; }')
        self.assertIn("did you mean from?", said)
        said = errors('require "envelope"; if envelope "x" "a" { keep; }')
        self.assertIn("from", said)


class SubaddressTests(SynchronousTestCase):
    """RFC 5233."""

    script = """
      require ["envelope", "subaddress", "fileinto"];

      # In this example the same user account receives mail for both
      # "ken@example.com" and "postmaster@example.com"

      # File all messages to postmaster into a single mailbox,
      # ignoring the :detail part.
      if envelope :user "to" "postmaster" {
          fileinto "inbox.postmaster";
          stop;
      }

      # File mailing list messages (subscribed as "ken+mta-filters").
      if envelope :detail "to" "mta-filters" {
          fileinto "inbox.ietf-mta-filters";
      }

      # Redirect all mail sent to "ken+foo".
      if envelope :detail "to" "foo" {
          redirect "ken@example.net";
      }"""

    def test_example(self):
        """§4: three addresses of one account."""
        for recipient, what in (
            ("postmaster+x@example.com", "inbox.postmaster"),
            ("postmaster@example.com", "inbox.postmaster"),
            ("ken+mta-filters@example.com", "inbox.ietf-mta-filters"),
            ("ken+foo@example.com", "ken@example.net"),
        ):
            (action,) = run_script(self.script, recipient=recipient).actions
            told = getattr(action, "mailbox", None) or action.address
            self.assertEqual(told, what)
        (action,) = run_script(self.script, recipient="ken@example.com").actions
        self.assertTrue(action.implicit)

    def test_details(self):
        """An empty detail is empty; without one nothing matches."""
        for recipient, user, detail in (
            ("ken+@example.com", "ken", ""),
            ("ken+a+b@example.com", "ken", "a+b"),
            ("ken@example.com", "ken", None),
            ("+ken@example.com", "+ken", None),
        ):
            known = {"requires": "envelope subaddress", "recipient": recipient}
            self.assertTrue(holds(f'envelope :user "to" "{user}"', **known), recipient)
            some = holds('envelope :detail :contains "to" ""', **known)
            self.assertEqual(some, detail is not None)
            if detail is not None:
                self.assertTrue(holds(f'envelope :detail "to" "{detail}"', **known))

    def test_address(self):
        """Fields with addresses have these parts too."""
        message = "To: ken+sieve@example.org\n\n"
        test = 'address :detail "to" "sieve"'
        self.assertTrue(holds(test, message, "subaddress"))

    def test_delimiter(self):
        """It is that of the mail system."""
        for delimiter, expected in (("--", True), ("", False)):
            words = spoken(programs=False, delimiter=delimiter)
            test = 'address :detail "to" "x"'
            said = holds(test, "To: a--x@b.example\n\n", "subaddress", vocabulary=words)
            self.assertEqual(said, expected)


class EncodedTests(SynchronousTestCase):
    """encoded-character."""

    def _encoded(self, text, value):
        test = f'header :is :comparator "i;octet" "x" "{text}"'
        self.assertTrue(
            holds(test, f"X: {value}\n\n", "encoded-character"), (text, value)
        )

    def test_dollars(self):
        """RFC 5228 §2.4.2.4: message B, which has three dollars, is discarded."""
        test = 'header :contains "Subject" "$${hex:24 24}"'
        b = "Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$\n\n"
        self.assertTrue(holds(test, b, "encoded-character"))
        self.assertFalse(holds(test, "Subject: $$\n\n", "encoded-character"))

    def test_examples(self):
        """RFC 5228 §2.4.2.4: the table."""
        for text, value in (
            ("$${hex:40}", "$@"),
            ("${hex: 40 }", "@"),
            ("${HEX: 40}", "@"),
            ("${hex:40", "${hex:40"),
            ("${hex:400}", "${hex:400}"),
            ("${hex:4${hex:30}}", "${hex:40}"),
            ("${unicode:40}", "@"),
            ("${ unicode:40}", "${ unicode:40}"),
            ("${UNICODE:40}", "@"),
            ("${UnICoDE:0000040}", "@"),
            ("${Unicode:40}", "@"),
            ("${Unicode:Cool}", "${Unicode:Cool}"),
        ):
            self._encoded(text, value)

    def test_out_of_range(self):
        """RFC 5228 §2.4.2.4: what is no character is an error."""
        for text in ("${unicode:200000}", "${Unicode:DF01}", "${unicode: 41 D800}"):
            script = f'require ["encoded-character", "fileinto"]; fileinto "{text}";'
            self.assertIn("there is no character", errors(script))
        self._encoded("${unicode:200000", "${unicode:200000")

    def test_octets_make_characters(self):
        """Octets that stand together are read as UTF-8."""
        self._encoded("${hex:c3 a9}", "\u00e9")
        self._encoded("${hex:c3}${hex:a9}", "\u00e9")
        self._encoded("${unicode:e9 20ac 1F600}", "\u00e9\u20ac\U0001f600")

    def test_blanks(self):
        """Blanks and line ends may stand between, and nothing else."""
        self._encoded("${hex:\r\n 40\t\r\n41 }", "@A")
        self._encoded("${hex:}", "${hex:}")
        self._encoded("${hex:40,41}", "${hex:40,41}")

    def test_escapes_come_first(self):
        """Escape sequences are interpreted before."""
        self._encoded(r"$\{hex:40}", "@")
