"""HEADER.FIELDS is cut out of a header as reading its fields would."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import headers

NAMES = st.lists(st.sampled_from([b"To", b"From", b"x-A", b"Subject", b"B"]))
LINE = st.sampled_from(
    [b"To: a", b"to : b", b" folded", b"X-a:", b"nothing", b"", b"B\t:c", b"Subject:d"]
)


class SelectTests(SynchronousTestCase):
    @given(st.lists(LINE), st.sampled_from([b"\r\n", b"\n"]), NAMES, st.booleans())
    def test_as_fields(self, lines, end, names, invert):
        """Chosen fields are those that reading all of them gives."""
        header = end.join(lines)
        wanted = {name.lower() for name in names}
        found = headers.fields(header)
        chosen = b"".join(w for name, w in found if (name in wanted) is not invert)
        told = headers.select(header, names, invert=invert)
        self.assertTrue(told.startswith(chosen))
        self.assertIn(told[len(chosen) :], (b"\r\n", b"\n", b"\r\n\r\n", b"\n\n"))
