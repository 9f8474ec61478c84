"""Bodies are hashed as they come, however they are cut."""

from hashlib import sha256

from dkim.canonicalization import Relaxed, Simple
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mailauth.dkim.bodies import SLICE_OCTETS, Body
from mailsuite.mailauth.dkim.canonical import Canon

REFERENCE = {Canon.SIMPLE: Simple, Canon.RELAXED: Relaxed}

PIECES = st.lists(
    st.sampled_from(
        [b"\r\n", b" ", b"\t", b"  ", b"a", b"bc", b"\r", b"\n", b" \r\n", b"\r\n\r\n"]
    ),
    max_size=40,
).map(b"".join)


def fed(canon, octets, cuts, marks=()):
    body = Body(canon, frozenset(marks))
    at = 0
    for cut in [*sorted({c % (len(octets) + 1) for c in cuts}), len(octets)]:
        body.feed(octets[at:cut])
        at = cut
    return body


class CutTests(SynchronousTestCase):
    """One body gives one hash."""

    @settings(max_examples=600, deadline=None)
    @given(PIECES, st.lists(st.integers(0, 200), max_size=12), st.sampled_from(Canon))
    def test_any_cut(self, octets, cuts, canon):
        """Any cut of the octets gives the hash of dkimpy's canonical body."""
        octets += b"\r\n"
        expected = REFERENCE[canon].canonicalize_body(octets)
        body = fed(canon, octets, cuts)
        self.assertEqual(body.digest(), sha256(expected).digest())
        self.assertEqual(body.length, len(expected))

    @settings(max_examples=300, deadline=None)
    @given(PIECES, st.lists(st.integers(0, 200), max_size=12), st.sampled_from(Canon))
    def test_any_cut_of_an_unfinished_body(self, octets, cuts, canon):
        """A body without a last CRLF gives one hash too, whatever its cuts."""
        whole = Body(canon)
        whole.feed(octets)
        body = fed(canon, octets, cuts)
        self.assertEqual(body.digest(), whole.digest())
        self.assertEqual(body.length, whole.length)

    @settings(max_examples=300, deadline=None)
    @given(
        PIECES,
        st.lists(st.integers(0, 200), max_size=12),
        st.sampled_from(Canon),
        st.lists(st.integers(0, 120), min_size=1, max_size=8),
    )
    def test_marks(self, octets, cuts, canon, marks):
        """Each mark gives the hash of so many canonical octets, or none."""
        octets += b"\r\n"
        expected = REFERENCE[canon].canonicalize_body(octets)
        body = fed(canon, octets, cuts, marks)
        for mark in marks:
            if mark > len(expected):
                self.assertIsNone(body.digest(mark))
            else:
                hashed = sha256(expected[:mark]).digest()
                self.assertEqual(body.digest(mark), hashed)

    def test_slices(self):
        """A block of many slices gives the same hash as small ones."""
        octets = (b"a  b\t \r\n" * 3 + b"\r\n" * 5) * SLICE_OCTETS
        octets = octets[: 5 * SLICE_OCTETS + 3] + b"\r\n"
        for canon in Canon:
            expected = REFERENCE[canon].canonicalize_body(octets)
            body = Body(canon)
            body.feed(octets)
            self.assertEqual(body.digest(), sha256(expected).digest())


class EmptyTests(SynchronousTestCase):
    """Bodies without text (RFC 6376 §3.4.3, §3.4.4)."""

    def test_simple(self):
        """An empty body, and one of empty lines, is one CRLF."""
        for octets in (b"", b"\r\n", b"\r\n\r\n\r\n"):
            body = fed(Canon.SIMPLE, octets, [1, 3])
            self.assertEqual(body.digest(), sha256(b"\r\n").digest())

    def test_relaxed(self):
        """An empty body, and one of white space, is nothing."""
        for octets in (b"", b"\r\n", b" \t\r\n\r\n  \r\n", b" "):
            body = fed(Canon.RELAXED, octets, [1, 2, 3])
            self.assertEqual(body.digest(), sha256(b"").digest())
            self.assertEqual(body.length, 0)

    def test_unfinished_line(self):
        """A missing CRLF is added, after white space at the end is dropped."""
        body = fed(Canon.RELAXED, b"a  b \t", [3, 5])
        self.assertEqual(body.digest(), sha256(b"a b\r\n").digest())
        body = fed(Canon.SIMPLE, b"a  b ", [3])
        self.assertEqual(body.digest(), sha256(b"a  b \r\n").digest())

    def test_example(self):
        """RFC 6376 §3.4.5 has its canonical forms."""
        octets = b" C \r\nD \t E\r\n\r\n\r\n"
        relaxed, simple = Body(Canon.RELAXED), Body(Canon.SIMPLE)
        for octet in octets:
            relaxed.feed(bytes((octet,)))
            simple.feed(bytes((octet,)))
        self.assertEqual(relaxed.digest(), sha256(b" C\r\nD E\r\n").digest())
        self.assertEqual(simple.digest(), sha256(b" C \r\nD \t E\r\n").digest())

    def test_early_question(self):
        """The hash may be asked for before the end, and changes nothing."""
        body = Body(Canon.RELAXED, frozenset((3,)))
        body.feed(b"ab \r\n\r\n")
        self.assertEqual(body.digest(), sha256(b"ab\r\n").digest())
        body.feed(b"c\r\n")
        self.assertEqual(body.digest(), sha256(b"ab\r\n\r\nc\r\n").digest())
        self.assertEqual(body.digest(3), sha256(b"ab\r").digest())

    def test_unannounced(self):
        """A length that was not announced gives nothing."""
        body = Body(Canon.SIMPLE)
        body.feed(b"abcdef\r\n")
        self.assertIsNone(body.digest(3))


class BoundTests(SynchronousTestCase):
    """Hostile bodies."""

    def test_little_is_held(self):
        """Whatever comes, two octets at most wait for the next block."""
        body = Body(Canon.RELAXED)
        for block in (b" " * 99_999, b"\t \r", b"\r\n" * 9_999, b" \r", b"\r", b" "):
            body.feed(block)
            self.assertLessEqual(len(body._open), 2)

    def test_bare_line_ends(self):
        """Long runs of bare CR and LF between CRLFs are counted in one pass."""
        for unit in (b"\n\r\n", b"\r\r\n", b"\r\n\n", b"\r\n\r\r\n"):
            octets = b"x" + unit * 20_000 + b"\r\n\r\n"
            body = Body(Canon.SIMPLE)
            body.feed(octets)
            expected = Simple.canonicalize_body(octets)
            self.assertEqual(body.digest(), sha256(expected).digest())
