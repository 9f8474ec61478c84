"""Sequence sets are intervals, never lists of what a client could name."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap import numbers
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import SET_ITEMS
from mailsuite.wire.imap.numbers import STAR, Numbers


def parsed(text):
    return numbers.parse(Cursor(text))


ITEMS = st.integers(1, 40) | st.just(STAR)
SETS = st.lists(st.tuples(ITEMS, ITEMS), min_size=1, max_size=6).map(
    lambda pairs: Numbers(tuple(pairs))
)


def expanded(chosen, last):
    found = set()
    for first, second in chosen.ranges:
        one = last if first == STAR else first
        other = last if second == STAR else second
        found.update(range(min(one, other), max(one, other) + 1))
    return found


class NumbersTests(SynchronousTestCase):
    def test_parse(self):
        """Numbers, ranges and stars are read in the order they were written."""
        self.assertEqual(
            parsed(b"2,4:7,9,12:*").ranges, ((2, 2), (4, 7), (9, 9), (12, STAR))
        )

    def test_star_below(self):
        """``559:*`` includes the last message though 559 is beyond it (§6.4.8)."""
        self.assertEqual(parsed(b"559:*").of_uids([3, 8], 2), range(1, 2))

    def test_huge(self):
        """1:4294967295 costs what exists."""
        self.assertEqual(parsed(b"1:4294967295").of_uids([5, 9], 2), range(2))
        self.assertEqual(parsed(b"1:4294967295").of_sequence(2), range(2))

    def test_empty(self):
        """In an empty mailbox every set is empty."""
        self.assertEqual(list(parsed(b"1:*").of_uids([], 0)), [])
        self.assertEqual(list(parsed(b"1:*").of_sequence(0)), [])

    def test_many(self):
        """Too many items are refused."""
        text = b",".join([b"1"] * (SET_ITEMS + 1))
        self.assertRaises(PeerError, parsed, text)

    def test_20000(self):
        """As many as are allowed are cut against what exists."""
        text = b",".join(b"%d" % number for number in range(1, SET_ITEMS + 1))
        self.assertEqual(parsed(text).of_sequence(10), range(10))

    def test_beyond(self):
        """A number after the last message is found, a star only where is none."""
        for text in (b"1,5", b"1:5,*", b"5:*", b"5:1"):
            self.assertTrue(parsed(text).beyond(4), text)
        for text in (b"1,4", b"1:4,*", b"4:*", b"*"):
            self.assertFalse(parsed(text).beyond(4), text)
        for text in (b"1:*", b"*", b"1"):
            self.assertTrue(parsed(text).beyond(0), text)

    @given(SETS, st.sets(st.integers(1, 40)))
    def test_uids(self, chosen, there):
        """The cut with UIDs is what expansion would give."""
        uids = sorted(there)
        last = uids[-1] if uids else 0
        found = [uids[position] for position in chosen.of_uids(uids, len(uids))]
        self.assertEqual(found, sorted(expanded(chosen, last) & there))

    @given(SETS, st.integers(0, 30))
    def test_sequence(self, chosen, count):
        """The cut with numbers is what expansion would give."""
        found = [position + 1 for position in chosen.of_sequence(count)]
        there = set(range(1, count + 1))
        self.assertEqual(found, sorted(expanded(chosen, count) & there))

    @given(st.lists(st.integers(1, 2**32 - 1), min_size=1, unique=True))
    def test_render(self, some):
        """A rendered set names the same numbers in the same order."""
        found = [
            number
            for first, last in parsed(numbers.render(some)).ranges
            for number in range(first, last + 1)
        ]
        self.assertEqual(found, some)


def _bad(text):
    def test(self):
        """What is no sequence set is refused."""
        cursor = Cursor(text)
        with self.assertRaises(PeerError):
            numbers.parse(cursor)
            cursor.end()

    return test


for _number, _text in enumerate(
    [b"0", b"1:0", b"", b"1,,2", b"1:", b":1", b"4294967296", b"1:2:3", b"-1", b"**",
     b"18446744073709551617", b"a", b"1,", b"1:99999999999999999999"]
):  # fmt: skip
    setattr(NumbersTests, f"test_bad_{_number}", _bad(_text))
