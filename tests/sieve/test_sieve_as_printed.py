r"""Examples that the RFCs print with a slip: it is found, and told with its place.

Corrected they run in the files of their extensions. RFC 5228 §2.4.2.4, RFC 5229 §3.1
and §3.2, RFC 5230 §4.4, RFC 5232 §9 (erratum 4952), RFC 5235 §3.2.1 and §3.3, RFC
5260 §6.1, RFC 5429 §2.5.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.sieve import errors


class SlipTests(SynchronousTestCase):
    """What is wrong, in the words of the checker."""

    def test_unclosed_string(self):
        """RFC 5228 §2.4.2.4: the last line of the table has no closing quote."""
        script = (
            'require "encoded-character";\nredirect "${Unicode:DF01}     -> error\n'
        )
        self.assertIn("line 2, column 10: this string has no end", errors(script))

    def test_ethelbert(self):
        """RFC 5229 §3.1: set has no semicolon."""
        said = errors("""require ["encoded-character", "variables"];
      set "name" "Ethelbert"
      if header :contains "Subject" "dear${hex:20 24 7b 4e}ame}" {
          # the test string is "dear Ethelbert"
      }
""")
        self.assertIn("line 3, column", said)

    def test_fileinfo(self):
        """RFC 5229 §3.2: fileinfo is to be fileinto."""
        said = errors("""require ["fileinto", "variables"];
      if header :matches "Subject" "[*] *" {
          fileinfo "INBOX.lists.${1}"; stop;
      }""")
        self.assertIn("line 3, column 11: there is no command fileinfo", said)
        self.assertIn("did you mean fileinto?", said)

    def test_mime(self):
        """RFC 5230 §4.4: behind the dot a semicolon is missing."""
        said = errors("""require "vacation";
   vacation :mime text:
   Content-Type: text/plain

   I'm at the beach relaxing.  Mmmm, surf...
.
""")
        self.assertIn("; is missing before the end of the script", said)

    def test_anyof(self):
        """RFC 5232 §9: anyof has no parentheses (erratum 4952)."""
        said = errors("""require ["fileinto", "imap4flags", "variables"];
   if header :is "Sender" "owner-ietf-mta-filters@example.org" { keep; }
   elsif anyof address :domain :is ["From", "To"] "company.example.com"
           {
           keep :flags "${MyFlags}"; # keep in "Inbox" folder
           }""")
        self.assertIn("line 3, column", said)

    def test_remove(self):
        """RFC 5232 §9: remove is to be removeflag."""
        said = errors(r"""require ["fileinto", "imap4flags", "variables"];
           remove "MyFlags" "\\Flagged";""")
        self.assertIn("line 2, column 12: there is no command remove", said)

    def test_broken_capability(self):
        """RFC 5235 §3.2.1, §3.3: the name of a comparator is broken into two lines."""
        for word in ("spamtest", "virustest"):
            said = errors(f"""require ["{word}", "fileinto", "relational", "comparator-
                    i;ascii-numeric"];""")
            self.assertIn("no capability comparator-", said)

    def test_comma(self):
        """RFC 5260 §6.1: a comma stands behind the last argument."""
        said = errors("""require ["date", "relational", "index"];
     if date :value "gt" :index 2 :zone "-0500" "received"
             "iso8601" "2007-02-26T09:00:00-05:00",
     { redirect "aftercutoff@example.org"; }""")
        self.assertIn("line 3, column 51", said)

    def test_relational(self):
        """RFC 5429 §2.5: :value is used, and relational is not asked for."""
        said = errors("""require ["ereject", "spamtest", "fileinto",
                        "comparator-i;ascii-numeric"];
               if spamtest :value "ge"
                           :comparator "i;ascii-numeric" "6" {
                   ereject "x"; }""")
        self.assertIn("line 3, column 28", said)
        self.assertIn("relational", said)
