"""The content's end, its dots, and its line ends, against a slow and plain reading."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.wire.smtp.content import END, Bare, Content

PIECES = st.lists(
    st.sampled_from([b"\r\n", b"\r\n.", END, b"\r", b"\n", b".", b"\0", b"\x85", b"a"])
)
WHOLE = st.lists(st.sampled_from([b"\r\n", b"\r\n.x", b".", b"\0", b"\x85", b"word"]))


def plain(octets: bytes) -> tuple[bytes, bytes | None] | None:
    """What ``take`` gives of all at once; None if a CR or LF stands alone."""
    text, end, after = (b"\r\n" + octets).partition(END)
    if re.search(rb"\r(?!\n)|(?<!\r)\n", text):
        return None
    block = (text + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
    return (block, after) if end else None


class ContentTests(SynchronousTestCase):
    @given(PIECES)
    def test_line_ends(self, pieces: list[bytes]) -> None:
        """A lone CR or LF before the end is found, and nothing else is taken for one."""
        octets = b"".join(pieces) + END
        expected = plain(octets)
        if expected is None:
            self.assertRaises(Bare, Content().take, octets)
        else:
            self.assertEqual(Content().take(octets), expected)

    @given(WHOLE, st.lists(st.integers(1, 9)))
    def test_cuts(self, pieces: list[bytes], sizes: list[int]) -> None:
        """Any cut of the octets gives the same content."""
        octets = b"".join(pieces) + END + b"QUIT\r\n"
        expected = plain(octets)
        content, taken, after = Content(), b"", None
        for size in [*sizes, len(octets)]:
            block, after = content.take(octets[:size])
            octets = octets[size:]
            taken += block
            if after is not None:
                break
        self.assertEqual(content.size, len(taken))
        self.assertEqual((taken, after + octets), expected)
