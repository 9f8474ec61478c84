"""Sequence sets (RFC 3501 §9 ``sequence-set``) as intervals.

A set is never expanded: it is cut against the messages that exist, so that
``1:4294967295`` costs what the mailbox holds.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap.lexer import Cursor
from mailsuite.wire.imap.limits import SET_ITEMS

STAR = 2**32
"""Stands for ``*``; above every number there is."""

_SET = re.compile(rb"[0-9*:,]+")


@frozen
class Numbers:
    """A sequence set as it was written: pairs of first and last, inclusive."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Numbers":
        """A set of rising numbers; a run of them is one item."""
        return cls(tuple(_runs(numbers)))

    def merged(self, last: int) -> list[tuple[int, int]]:
        """Ascending and disjoint, with ``last`` in the place of ``*``."""
        pairs = []
        for first, second in self.ranges:
            one = last if first == STAR else first
            other = last if second == STAR else second
            pairs.append((one, other) if one <= other else (other, one))
        pairs.sort()
        result: list[tuple[int, int]] = []
        for low, high in pairs:
            if result and low <= result[-1][1] + 1:
                if high > result[-1][1]:
                    result[-1] = (result[-1][0], high)
            else:
                result.append((low, high))
        return result

    def of_uids(self, uids: Sequence[int], count: int) -> Sequence[int]:
        """Positions (from 0) among the first ``count`` UIDs, ascending.

        UIDs that are not there are passed over (§6.4.8).
        """
        if not count:
            return range(0)
        spans = [
            range(bisect_left(uids, low, 0, count), bisect_right(uids, high, 0, count))
            for low, high in self.merged(uids[count - 1])
        ]
        return _joined(spans)

    def of_sequence(self, count: int) -> Sequence[int]:
        """Positions (from 0) of message numbers 1 to ``count``, ascending."""
        spans = [
            range(max(low, 1) - 1, min(high, count)) for low, high in self.merged(count)
        ]
        return _joined(spans)

    def beyond(self, count: int) -> bool:
        """Whether a number is above ``count``, or ``*`` of nothing (§9)."""
        if not count:
            return True
        return any(count < number < STAR for pair in self.ranges for number in pair)


def _joined(spans: Sequence[range]) -> Sequence[int]:
    found = [span for span in spans if span]
    if len(found) == 1:
        return found[0]
    return [position for span in found for position in span]


def parse(cursor: Cursor) -> Numbers:
    """Read a set. :raises PeerError: it is none, or has too many items."""
    text = cursor.take(_SET, "sequence set").group()
    items = text.split(b",", SET_ITEMS)
    if len(items) > SET_ITEMS:
        raise PeerError("too many items in a sequence set")
    ranges = []
    for item in items:
        first, colon, second = item.partition(b":")
        start = _number(first)
        ranges.append((start, _number(second) if colon else start))
    return Numbers(tuple(ranges))


def _number(text: bytes) -> int:
    if text == b"*":
        return STAR
    if not text.isdigit() or len(text) > 10 or not 0 < (value := int(text)) < STAR:
        raise PeerError("bad number in a sequence set")
    return value


def render(numbers: Iterable[int]) -> bytes:
    """Numbers in their order as a set with ranges (RFC 4315 ``uid-set``)."""
    return b",".join(
        b"%d" % first if first == last else b"%d:%d" % (first, last)
        for first, last in _runs(numbers)
    )


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of every stretch in which each number follows the one before."""
    first = last = -1
    for number in numbers:
        if number == last + 1 and first >= 0:
            last = number
            continue
        if first >= 0:
            yield first, last
        first = last = number
    if first >= 0:
        yield first, last
