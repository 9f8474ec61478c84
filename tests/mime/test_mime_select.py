"""HEADER.FIELDS is cut out of a header as reading its fields would."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.mime import headers

MANY = [b"x-%d" % n for n in range(headers.PATTERN_NAMES)]
NAMES = st.lists(
    st.sampled_from([b"To", b"From", b"x-A", b"Subject", b"B", b"X[", b""])
)
LINE = st.sampled_from(
    [b"To: a", b"to : b", b" folded", b"X-a:", b"nothing", b"", b"B\t:c", b"Subject:d"]
)
FIELD = st.sampled_from(
    [b"To: a", b"to\t: b\r", b" folded", b"\tx: y", b"X-a:", b"no", b"From:\0", b":"]
)


class SelectTests(SynchronousTestCase):
    @given(
        st.lists(LINE),
        st.sampled_from([b"\r\n", b"\n"]),
        NAMES,
        st.booleans(),
        st.booleans(),
    )
    def test_as_fields(self, lines, end, names, invert, many):
        """Chosen fields are those that reading all of them gives, and the blank line."""
        header = end.join(lines)
        names = names + MANY if many else names
        wanted = {name.lower() for name in names}
        found = headers.fields(header)
        chosen = b"".join(w for name, w in found if (name in wanted) is not invert)
        told = headers.select(header, names, invert=invert)
        blank = end if end in header else b"\r\n"
        if chosen and not chosen.endswith(b"\n"):
            chosen += blank
        closed = header == end or header.endswith(end * 2)
        self.assertEqual(told, chosen + blank if closed else chosen)

    @given(
        st.lists(FIELD), st.booleans(), st.lists(st.sampled_from(sorted(headers.USUAL)))
    )
    def test_of_usual(self, lines, blank, names):
        """The usual fields give what the header gives, wherever they are all named."""
        header = b"".join(line + b"\r\n" for line in lines) + b"\r\n" * blank
        names = [name.upper() for name in names]
        self.assertEqual(
            headers.select(headers.usual(header), names), headers.select(header, names)
        )
