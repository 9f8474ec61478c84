"""Status lines, capabilities and multi-line responses."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.pop3 import replies
from mailsuite.wire.pop3.stuffing import Head, Stuffer


def stuffed(*blocks, lined=False):
    stuffer = Stuffer(lined)
    return b"".join(map(stuffer.feed, blocks)) + stuffer.end()


def unstuffed(octets):
    """What a client makes of a multi-line response."""
    assert octets.endswith(b".\r\n")
    lines = octets[:-3].split(b"\r\n")
    assert lines.pop() == b""
    assert all(line != b"." for line in lines)
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


def cut(octets, cuts):
    at, blocks = 0, []
    for end in [*sorted(cuts), len(octets)]:
        blocks.append(octets[at:end])
        at = max(at, end)
    return blocks


class ReplyTests(SynchronousTestCase):
    def test_codes(self):
        """Response codes stand in brackets right after -ERR (RFC 2449 §8)."""
        reply = replies.refuse("maildrop is in use", replies.IN_USE)
        self.assertEqual(reply.render(), b"-ERR [IN-USE] maildrop is in use\r\n")
        self.assertEqual(replies.ok().render(), b"+OK\r\n")

    def test_length(self):
        """No status line is longer than 512 octets (RFC 2449 §4)."""
        line = replies.ok("x" * 2000).render()
        self.assertEqual(len(line), 512)
        self.assertTrue(line.endswith(b"\r\n"))

    def test_capabilities(self):
        """Without allowed passwords neither USER nor SASL is offered."""
        text = replies.capabilities(mechanisms=(), stls=True, implementation="x")
        self.assertIn(b"\r\nSTLS\r\n", text)
        self.assertNotIn(b"SASL", text)
        self.assertNotIn(b"USER", text)
        text = replies.capabilities(
            mechanisms=("PLAIN", "LOGIN"), stls=False, implementation=""
        )
        self.assertIn(b"\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n", text)
        self.assertNotIn(b"STLS", text)

    def test_listings(self):
        """LIST and UIDL lines are number, space, and size or unique-id."""
        self.assertEqual(
            replies.scan_listing([(1, 120), (2, 200)]), b"1 120\r\n2 200\r\n"
        )
        self.assertEqual(
            replies.unique_listing(77, [(1, 5), (3, 9)]), b"1 77.5\r\n3 77.9\r\n"
        )
        self.assertEqual(replies.unique(77, 9), b"77.9")


class StuffingTests(SynchronousTestCase):
    def test_dots(self):
        """Every line that opens with a dot gets another (RFC 1939 §3)."""
        self.assertEqual(
            stuffed(b".a\r\n..\r\nb.\r\n.\r\n"), b"..a\r\n...\r\nb.\r\n..\r\n.\r\n"
        )

    def test_ends(self):
        """A message without a last line end gets one before the dot."""
        self.assertEqual(stuffed(b"a"), b"a\r\n.\r\n")
        self.assertEqual(stuffed(b"a\r"), b"a\r\r\n.\r\n")
        self.assertEqual(stuffed(), b".\r\n")

    def test_bare_lf(self):
        """A bare LF in a file goes out as a line end, its dot doubled."""
        self.assertEqual(stuffed(b"a\n.\nb\r\n"), b"a\r\n..\r\nb\r\n.\r\n")

    @given(st.text("a.\r\n", max_size=60), st.lists(st.integers(0, 60), max_size=6))
    def test_any_cut(self, text, cuts):
        """Cuts change nothing; a client gets the message back."""
        octets = text.encode()
        whole = stuffed(octets)
        self.assertEqual(stuffed(*cut(octets, cuts)), whole)
        lines = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if lines and not lines.endswith(b"\r\n"):
            lines += b"\r\n"
        self.assertEqual(unstuffed(whole), lines)
        self.assertEqual(stuffed(*cut(lines, cuts), lined=True), whole)


class HeadTests(SynchronousTestCase):
    def head(self, lines, *blocks):
        head = Head(lines)
        return b"".join(map(head.feed, blocks)), head.done

    MESSAGE = b"A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree"

    def test_header(self):
        """No lines: the header and the empty line after it."""
        self.assertEqual(self.head(0, self.MESSAGE), (b"A: 1\r\nB: 2\r\n\r\n", True))

    def test_lines(self):
        """So many lines of the body follow."""
        self.assertEqual(
            self.head(2, self.MESSAGE), (self.MESSAGE.removesuffix(b"three"), True)
        )

    def test_more_than_there_are(self):
        """More lines than the body has: the whole message (RFC 1939 §7)."""
        self.assertEqual(self.head(10**8, self.MESSAGE), (self.MESSAGE, False))

    def test_no_header(self):
        """A message may open with the empty line, or have none at all."""
        self.assertEqual(self.head(1, b"\r\na\r\nb\r\n"), (b"\r\na\r\n", True))
        self.assertEqual(self.head(1, b"A: 1\r\n"), (b"A: 1\r\n", False))

    @given(
        st.integers(0, 5),
        st.text("a\r\n", max_size=40),
        st.lists(st.integers(0, 40), max_size=5),
    )
    def test_any_cut(self, lines, text, cuts):
        """Cuts change nothing."""
        octets = text.encode()
        self.assertEqual(self.head(lines, *cut(octets, cuts)), self.head(lines, octets))
