"""Mailbox names have one spelling, and patterns cost linear time."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.imap import names, patterns
from mailsuite.wire.imap.names import BadEncoding
from tests.support.patience import cpu, within

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def naive(pattern, name):
    @cache
    def fits(i, j):
        if i == len(pattern):
            return j == len(name)
        if pattern[i] in "*%":
            if fits(i + 1, j):
                return True
            return (
                j < len(name)
                and (pattern[i] == "*" or name[j] != "/")
                and fits(i, j + 1)
            )
        return j < len(name) and pattern[i] == name[j] and fits(i + 1, j + 1)

    return fits(0, 0)


class NamesTests(SynchronousTestCase):
    def test_rfc(self):
        """The example of RFC 3501 §5.1.3."""
        name = "~peter/mail/台北/日本語"
        wire = b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"
        self.assertEqual(names.encode(name), wire)
        self.assertEqual(names.decode(wire), name)

    def test_ampersand(self):
        """An ampersand is ``&-``."""
        self.assertEqual(names.decode(b"R&-D"), "R&D")
        self.assertEqual(names.encode("R&D"), b"R&-D")

    @given(TEXT)
    def test_identity(self, name):
        """Encoding and decoding is the identity."""
        self.assertEqual(names.decode(names.encode(name)), name)

    @given(st.binary(max_size=60))
    def test_strict(self, wire):
        """Whatever is accepted would be written the same way again."""
        try:
            name = names.decode(wire)
        except BadEncoding:
            return
        self.assertEqual(names.encode(name), wire)

    def test_inbox(self):
        """INBOX is one mailbox in any case, also as a level."""
        self.assertEqual(names.mailbox(b"inBox"), "INBOX")
        self.assertEqual(names.mailbox(b"inbox/a"), "INBOX/a")
        self.assertEqual(names.mailbox(b"inboxes"), "inboxes")

    @given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=8))
    def test_patterns(self, pattern, name):
        """Matching is what trying every way would give."""
        self.assertEqual(patterns.matcher(pattern)(name), naive(pattern, name))

    def test_inbox_pattern(self):
        """INBOX fits patterns in any case, others do not."""
        self.assertTrue(patterns.matcher("inb%")("INBOX"))
        self.assertFalse(patterns.matcher("dra%")("DRAFTS"))
        self.assertTrue(patterns.matcher("inbox/%")("INBOX/a"))
        self.assertFalse(patterns.matcher("inbox/A")("INBOX/a"))

    def test_bomb(self):
        """A wildcard bomb takes no time."""
        matches = patterns.matcher("*%" * 300 + "a*" * 200 + "b")
        self.assertFalse(matches("a" * 1000))
        within(0.05, lambda: cpu(lambda: matches("a" * 1000)))


def _bad(wire):
    def test(self):
        """What has no or another spelling is refused, and does not hang."""
        self.assertRaises(BadEncoding, names.decode, wire)

    return test


for _number, _wire in enumerate(
    [b"&Jjo", b"&", b"a&b", b"&AC4ALgAv-", b"&AGE-", b"&Jjo!-", b"&U,BTFw-&ZeVnLIqe-",
     b"&2AA-", b"&AA-", b"\xc3\xbc", b"a\x7f", b"a\x00b", b"a\r\nb", b"&AA0-x&", b"x" * 2000,
     b"&AGEA-", b"&====-"]
):  # fmt: skip
    setattr(NamesTests, f"test_bad_{_number}", _bad(_wire))
