"""Fields of many headers at once."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import headers, several
from mailsuite.mime.limits import HEADER_LINES
from mailsuite.mime.quoting import unfolded

PIECES = [
    "To",
    "FROM",
    "from",
    "X",
    ":",
    " :",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "a",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join).map(str.encode)
WHOLE = TEXTS.map(lambda text: b"From: b\r\n" + text + b"\r\n\r\n")
NAMES = st.frozensets(st.sampled_from([b"to", b"FROM", b"x", b"a", b""]), max_size=3)


class SeveralTests(SynchronousTestCase):
    def check_selected(self, names, some):
        one = headers.selector(names)
        self.assertEqual(several.selector(names)(some), list(map(one, some)))

    def check_values(self, name, some):
        found = [(n, unfolded(value)) for n, value in several.values(name)(some)]
        each = enumerate(headers.values(one, name) for one in some)
        self.assertEqual(found, [(n, value) for n, told in each for value in told])

    @given(NAMES, st.lists(st.one_of(WHOLE, TEXTS), max_size=5))
    def test_selected(self, names, some):
        """Each header's fields are what a look at it alone gives."""
        self.check_selected(names, some)

    @given(NAMES, st.lists(WHOLE, max_size=5))
    def test_selected_of_whole(self, names, some):
        """The same where every header is whole."""
        self.check_selected(names, some)

    @given(st.sampled_from([b"to", b"FROM", b"x"]), st.lists(TEXTS, max_size=5))
    def test_values(self, name, some):
        """Each header's values are what a look at it alone gives."""
        self.check_values(name, some)

    def test_mark_in_a_header(self):
        """What looks like the mark between headers is told from it."""
        some = [b"To: a\r\n\0\r\nTo: b\r\n\r\n", b"To: c\r\n\r\n"]
        self.check_selected(frozenset([b"to"]), some)
        self.check_values(b"to", some)

    def test_long(self):
        """No more is read of a long header among others."""
        some = [b"A: b\r\n" * (HEADER_LINES + 2) + b"To: a\r\n\r\n", b"To: c\r\n\r\n"]
        self.check_selected(frozenset([b"to"]), some)
        self.check_values(b"to", some)

    def test_many_names(self):
        """A long list of names is no long pattern."""
        names = frozenset(b"x%d" % n for n in range(headers.PATTERN_NAMES + 1))
        self.check_selected(names, [b"X7: a\r\nTo: b\r\n\r\n"] * 2)
