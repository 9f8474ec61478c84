"""HTML as plain text, and texts that stand between delimiters."""

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import dividing, headers, transfer
from mailsuite.mime.markup import plain


class PlainTests(SynchronousTestCase):
    """What a reader would see."""

    def test_text(self):
        """Tags vanish, entities become characters, white space becomes one space."""
        self.assertEqual(
            plain("a <b>bo</b>ld\n\t x &lt;&eacute;&nbsp;y"), "a bold x <é y"
        )

    def test_blocks(self):
        """Blocks begin on a new line, paragraphs behind a blank one."""
        self.assertEqual(plain("a<br>b<p>c</p><div>d</div>"), "a\nb\n\nc\n\nd")

    def test_hidden(self):
        """Comments, scripts, styles and titles are left out, closed or not."""
        for hidden in (
            "<!-- <p>x</p> -->",
            "<script>if (a<b) x</script>",
            "<STYLE type=y>x</Style >",
            "<head><title>x</title></head>",
            "<!DOCTYPE html>",
            "<?xml x?>",
        ):
            self.assertEqual(plain(f"a{hidden}b"), "ab", hidden)
        self.assertEqual(plain("a<!-- x"), "a")
        self.assertEqual(plain("a<script>x"), "a")

    def test_no_tags(self):
        """What only looks like a tag stays."""
        self.assertEqual(plain("1 < 2 > 0 <3 a<"), "1 < 2 > 0 <3 a<")

    def test_linear(self):
        """The worst of a MiB takes no more than a second: nothing is read again."""
        for piece in (
            "<!--",
            "<script>",
            "<a ",
            "<",
            "&lt",
            "</script",
            "<b>",
            "\n \n",
        ):
            text = piece * ((1 << 20) // len(piece))
            begin = time.thread_time()
            plain(text)
            self.assertLess(time.thread_time() - begin, 1.5, piece)

    @given(st.text())
    def test_anything(self, text):
        """Whatever it is given, it gives a text."""
        self.assertNotIn("\n\n\n", plain(text))


class DividingTests(SynchronousTestCase):
    """No text can end the part it stands in."""

    @given(st.text(alphabet=st.sampled_from("-\r\na=ü\0 "), max_size=60))
    def test_part(self, text):
        """The text comes out as it went in, and no line begins with two hyphens."""
        header, _, body = dividing.part(text).partition(b"\r\n\r\n")
        self.assertFalse(any(line.startswith(b"--") for line in body.split(b"\n")))
        self.assertTrue(body.isascii())
        encoding = headers.value(header, b"content-transfer-encoding").decode()
        self.assertEqual(transfer.decode(body, encoding), dividing.lines(text))

    def test_boundary(self):
        """A boundary is one that the content does not have."""
        self.assertEqual(dividing.boundary(b"x"), b"=_part.0")
        self.assertEqual(dividing.boundary(b"--=_part.0\n--=_part.1"), b"=_part.2")
