"""Dates are read strictly and rendered from small tables."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap import dates
from mailsuite.wire.imap.lexer import Cursor


class DatesTests(SynchronousTestCase):
    def test_rfc(self):
        """RFC 3501's example is the same moment in UTC."""
        found = dates.date_time(Cursor(b'"17-Jul-1996 02:44:25 -0700"'))
        self.assertEqual(dates.render(found), b'"17-Jul-1996 09:44:25 +0000"')

    @given(st.integers(-2_000_000_000, 4_102_444_800))
    def test_identity(self, seconds):
        """What is rendered is read back."""
        self.assertEqual(dates.date_time(Cursor(dates.render(seconds))), seconds)

    def test_date(self):
        """A date is its midnight, quoted or not."""
        self.assertEqual(dates.date(Cursor(b"1-Feb-1970")), 31 * 86400)
        self.assertEqual(dates.date(Cursor(b'"01-feb-1970"')), 31 * 86400)


def _bad(text):
    def test(self):
        """A date that does not exist is refused."""
        reader = dates.date_time if b":" in text else dates.date
        self.assertRaises(PeerError, reader, Cursor(text))

    return test


for _number, _text in enumerate(
    [b"31-Feb-2020", b"0-Jan-2020", b"1-Foo-2020", b"1-Jan-20", b"1-Jan-0000", b'"1-Jan-2020',
     b'"1-Jan-2020 10:00:00 +0000"', b'"01-Jan-2020 24:00:00 +0000"',
     b'"01-Jan-2020 10:60:00 +0000"', b'"01-Jan-2020 10:00:00"']
):  # fmt: skip
    setattr(DatesTests, f"test_bad_{_number}", _bad(_text))
