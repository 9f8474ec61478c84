"""A short header is looked at once; a long one is read as generally as before."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import headers
from mailsuite.mime.limits import HEADER_LINES
from mailsuite.mime.scan import scan

NAMES = st.sampled_from(
    b"From from FROM To Cc CC Bcc Sender Reply-To Date Subject Message-ID In-Reply-To"
    b" References List-Id X-Priority Received Fate Dubject Contents Content-Type"
    b" content-type Content-Transfer-Encoding Content-ID Content-Disposition"
    b" Content-Description Content-Language Content-Location Content-MD5"
    b" Content-Other MIME-Version Lines".split()
)
COLONS = st.sampled_from([b":", b" :", b"\t:", b": ", b"", b" x:"])
VALUES = st.sampled_from(
    [
        b"",
        b" ",
        b"\r",
        b"a@example.org",
        b"<a@example.org>",
        b'"A, B" <a@example.org>, b@example.org (c)',
        b"group: a@example.org, b@example.org;",
        b"Mon, 23 Nov 2026 04:00:00 +0000 (UTC)",
        b'a "quoted" \\ text',
        b"\0 \xff",
        b"folded\r\n text",
        b"folded\n\ttwice\r\n again: b@example.org",
        b"folded\r\n \r\n to nothing",
        b"text/html; charset=utf-8",
        b"multipart/mixed; boundary=x",
        b"message/rfc822",
        b"base64",
        b"attachment; filename=a",
        b"en, de",
    ]
)
FIELDS = st.tuples(NAMES, COLONS, VALUES).map(b"".join)
LINES = FIELDS | st.sampled_from([b" folded", b"\tx: y", b"nothing", b":", b"To"])
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])
HEADERS = st.lists(st.tuples(LINES, ENDS).map(b"".join)).map(b"".join)
BODY = b"text\r\n\r\n--x\r\nSubject: inner\r\n\r\none\r\n--x--\r\n"
LONG = b"X-Long: " + b"y" * HEADER_LINES + b"\r\n"
"""What makes a header long; nobody asks for it."""


class SurveyTests(SynchronousTestCase):
    @given(HEADERS, st.sampled_from([b"\r\n", b"\n", b""]), st.booleans())
    @example(b"To: a@x\r\nto: b@x\r\nContent-ID: <1>\r\nDate: 1\r\nDate: 2\r\n", b"", 1)
    def test_usual(self, header, blank, is_long):
        """The usual fields are those that the header gives, whatever its ends are."""
        octets = header + LONG * is_long + blank + BODY * bool(blank)
        found = scan(octets)
        self.assertEqual(found.usual, headers.usual(octets[: found.header_size]))

    @given(HEADERS)
    @example(b"To: a@x\r\nto: b@x\r\nCC: c@x\r\nDate: 1\r\nDate: 2\r\nFrom: d@x\r\n")
    @example(b"Content-Type: multipart/mixed; boundary=x\r\nContent-Type: image/x\r\n")
    def test_as_a_long_one(self, header):
        """Envelope and structure are those of the same header made long."""
        short = scan(header + b"\r\n" + BODY)
        long = scan(header + LONG + b"\r\n" + BODY)
        self.assertEqual(short.envelope, long.envelope)
        self.assertEqual(short.structure, long.structure)
        self.assertEqual(short.usual, long.usual)
        self.assertEqual(long.header_size - short.header_size, len(LONG))
