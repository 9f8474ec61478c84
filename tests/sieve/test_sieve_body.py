"""The body test: every example of RFC 5173, decoding, bounds."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.limits import BODY_CHARACTERS, PART_OCTETS
from tests.support.sieve import errors, holds, octets, run_script

NESTED = """\
From: Whomever
To: Someone
Date: Whenever
Subject: whatever
Content-Type: multipart/mixed; boundary=outer

This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset="us-ascii"

Hello

--inner
Content-Type: text/html; charset="us-ascii"

<html><body>Hello</body></html>

--inner--

This is the end of the inner MIME multipart.

--outer
Content-Type: message/rfc822

From: Someone Else
Subject: hello request

Please say Hello

--outer--

This is the end of the outer MIME multipart.
"""


def body(test, message=NESTED, **more):
    return holds(f"body {test}", message, "body relational", **more)


def coded(text, charset="utf-8", encoding="base64", kind="text/plain"):
    """A message of one part."""
    content = text.encode(charset)
    if encoding == "base64":
        content = base64.encodebytes(content)
    head = f"Content-Type: {kind}; charset={charset}\n"
    head += f"Content-Transfer-Encoding: {encoding}\n\n"
    return octets(head) + content


class RawTests(SynchronousTestCase):
    """RFC 5173 §5.1."""

    SCRIPT = 'require "body"; if body :raw :contains "MAKE MONEY FAST" { discard; }'

    def test_example(self):
        """Text anywhere below the header of the message is found, as it lies."""
        for message in (
            "Subject: x\n\nmake money fast\n",
            "Content-Type: multipart/mixed; boundary=a\n\n--a\nX: MAKE MONEY FAST\n\nx\n",
        ):
            (action,) = run_script(self.SCRIPT, message).actions
            self.assertEqual(type(action).__name__, "Discard")
        for message in (
            "Subject: MAKE MONEY FAST\n\nx\n",
            coded("MAKE MONEY FAST"),
        ):
            (action,) = run_script(self.SCRIPT, message).actions
            self.assertTrue(action.implicit)

    def test_whole(self):
        """The body is one string, line ends and all, without the blank line."""
        self.assertTrue(body(':raw :is "a\r\nb\r\n"', "X: y\n\na\nb\n"))
        self.assertTrue(body(':raw :is "\r\n"', "X: y\n\n\n"))
        self.assertTrue(body(':raw :matches "a*b?*"', "X: y\n\na\nb\n"))

    def test_boundaries(self):
        """What divides the parts is text as any other."""
        self.assertTrue(body(':raw :contains "--outer"'))
        self.assertTrue(body(':raw :contains "message/rfc822"'))

    def test_no_body(self):
        """§4: a header alone, without a blank line, has no body of any kind."""
        for transform in (":raw", ":text", ':content ""'):
            self.assertFalse(body(f'{transform} :contains ""', "Subject: x\n"))
            self.assertTrue(body(f'{transform} :contains ""', "Subject: x\n\n"))
        self.assertTrue(body(':raw :is ""', "\n"))

    def test_eight_bits(self):
        """Octets that are no UTF-8 are looked through all the same."""
        self.assertTrue(body(':raw :contains "ol\xe9"', b"X: y\n\n ol\xe9 \0 z\n"))
        self.assertTrue(body(':raw :contains "z"', b"X: y\n\n ol\xe9 \0 z\n"))


class ContentTests(SynchronousTestCase):
    """RFC 5173 §5.2."""

    def test_multipart(self):
        """Prologues and epilogues, each a string of its own."""
        self.assertTrue(body(':content "multipart" :contains "MIME"'))
        for text in (
            "This is a multi-part message in MIME format.\r\n",
            "This is a nested multi-part message in MIME format.\r\n",
            "\r\nThis is the end of the inner MIME multipart.",
            "\r\nThis is the end of the outer MIME multipart.\r\n",
        ):
            self.assertTrue(body(f':content "multipart" :contains "{text}"'), text)
        count = ':content "multipart" :comparator "i;ascii-casemap" :matches "*"'
        self.assertTrue(body(count))
        for text in ("Hello", "--inner", "--outer", "text/plain"):
            self.assertFalse(body(f':content "multipart" :contains "{text}"'), text)

    def test_plain(self):
        """Text of plain parts, also in an embedded message."""
        self.assertTrue(body(':content "text/plain" :contains "Hello"'))
        self.assertTrue(body(':content "text/plain" :is "Hello\r\n"'))
        self.assertTrue(body(':content "text/plain" :is "Please say Hello\r\n"'))
        self.assertFalse(body(':content "text/plain" :contains "body"'))

    def test_html(self):
        """Of HTML with its markup."""
        self.assertTrue(body(':content "text/html" :contains "Hello"'))
        self.assertTrue(body(':content "text/html" :contains "<body>"'))
        self.assertFalse(body(':content "text/html" :contains "Please"'))

    def test_text(self):
        """Of any text, but no headers and no prologues."""
        self.assertTrue(body(':content "text" :contains "Hello"'))
        self.assertTrue(body(':content "text" :contains "<body>"'))
        self.assertFalse(body(':content "text" :contains ["MIME", "request"]'))

    def test_message(self):
        """Of an embedded message the header."""
        self.assertTrue(body(':content "message/rfc822" :contains "Hello"'))
        self.assertTrue(body(':content "message/rfc822" :contains "Someone Else"'))
        self.assertFalse(body(':content "message/rfc822" :contains "Please"'))

    def test_types(self):
        """Slashes at the ends, or two of them, fit nothing; nothing fits all."""
        for kind in ("/", "text/", "/plain", "text/plain/x", "tex", "image"):
            self.assertFalse(body(f':content "{kind}" :contains ""'), kind)
        self.assertTrue(body(':content "" :contains "Hello"'))
        self.assertTrue(body(':content "TEXT/Plain" :contains "Hello"'))
        self.assertTrue(body(':content ["image", "text"] :contains "Hello"'))

    def test_parts_are_apart(self):
        """No key is found across parts."""
        self.assertFalse(body(':content "text" :matches "*Hello*Please*"'))

    def test_example_secrets(self):
        """§5.2: text with one of two words goes to secrets, mp3 to the jukebox."""
        script = """
            require ["body", "fileinto"];
            if body :content "text" :contains ["missile", "coordinates"] {
                fileinto "secrets";
            }
            if body :content "audio/mp3" :contains "" { fileinto "jukebox"; }
        """
        told = {
            coded("The MISSILE is ready"): "secrets",
            coded("xxx", kind="audio/mp3"): "jukebox",
            coded("missile", kind="application/x"): None,
        }
        for message, mailbox in told.items():
            (action,) = run_script(script, message).actions
            self.assertEqual(getattr(action, "mailbox", None), mailbox)

    def test_decoded(self):
        """Encodings and character sets are undone."""
        for charset in ("utf-8", "iso-8859-1", "iso-8859-15", "utf-16", "koi8-r"):
            text = "привет" if charset == "koi8-r" else "Grüße"
            self.assertTrue(
                body(f':content "text" :contains "{text}"', coded(text, charset))
            )
        quoted = "Content-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=\n=C3=9Fe\n"
        self.assertTrue(body(':content "text" :contains "Grüße"', quoted))
        for encoding in ("7bit", "8bit", "binary", "x-unknown"):
            message = coded("plain", encoding=encoding)
            self.assertTrue(body(':content "text" :is "plain"', message))

    def test_nul(self):
        """§5.2: a NUL ends nothing."""
        self.assertTrue(body(':content "text" :contains "after"', coded("a\0after")))


class TextTests(SynchronousTestCase):
    """RFC 5173 §5.3."""

    def test_example(self):
        """Mail that mentions the schedule is filed."""
        script = """
            require ["body", "fileinto"];
            if body :text :contains "project schedule" { fileinto "project/schedule"; }
        """
        (action,) = run_script(script, coded("our Project Schedule")).actions
        self.assertEqual(action.mailbox, "project/schedule")
        (action,) = run_script(script, NESTED).actions
        self.assertTrue(action.implicit)

    def test_default(self):
        """It is what counts where nothing is said."""
        self.assertTrue(body(':contains "please say"'))
        self.assertFalse(body(':contains "hello request"'))

    def test_markup(self):
        """HTML is looked through without its tags, scripts and entities."""
        page = coded(
            "<html><style>p{}</style><p>Fire&amp;<b>wa</b>ter</p>", kind="text/html"
        )
        self.assertTrue(body(':contains "Fire&water"', page))
        self.assertFalse(body(':contains ["<b>", "p{}"]', page))

    def test_no_match_variables(self):
        """§6: its wildcards leave ${1} alone, and its keys may hold variables."""
        script = """
            require ["body", "variables", "fileinto"];
            if header :matches "Subject" "what*" { set "x" "Hell"; }
            if body :content "text" :matches "*${x}*" { fileinto "${1}"; }
        """
        (action,) = run_script(script, NESTED).actions
        self.assertEqual(action.mailbox, "ever")


class BoundTests(SynchronousTestCase):
    """What a message may cost."""

    def test_large_part(self):
        """Of a part the first MiB counts."""
        text = "x" * (PART_OCTETS + 10) + "needle"
        self.assertFalse(body(':contains "needle"', b"A: b\r\n\r\n" + text.encode()))
        self.assertTrue(body(':contains "xx"', b"A: b\r\n\r\n" + text.encode()))

    def test_large_message(self):
        """Of a message so many characters count."""
        part = b"--a\r\n\r\n" + b"y" * PART_OCTETS + b"\r\n"
        count = BODY_CHARACTERS // PART_OCTETS
        message = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        message += part * count + b"--a\r\n\r\nneedle\r\n--a--\r\n"
        self.assertFalse(body(':contains "needle"', message))

    def test_many_tests(self):
        """A script that looks through a large message too often is in trouble."""
        message = b"A: b\r\n\r\n" + b"x" * PART_OCTETS
        script = "".join(f'if body :contains "a{i}" {{ stop; }}\n' for i in range(100))
        plan = run_script(f'require "body";\n{script}', message)
        self.assertIn("too much text", plan.trouble)

    @given(st.binary(max_size=300), st.sampled_from((":raw", ":text", ':content ""')))
    def test_anything(self, content, transform):
        """Whatever the message is, the test has an answer."""
        head = b"Content-Type: multipart/mixed; boundary=a\r\n"
        body(f'{transform} :contains "x"', head + content)

    def test_errors(self):
        """One transform, and its capability."""
        self.assertIn("body", errors('if body "x" { keep; }'))
        told = errors('require "body"; if body :raw :text "x" { keep; }')
        self.assertIn("beside", told)
        self.assertTrue(errors('require "body"; if body :content "x" { keep; }'))
