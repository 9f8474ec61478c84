r"""What one session has been told of a mailbox: numbers, and what is pending.

RFC 3501 §5.2, §5.5, §7.4.1. The mailbox's columns are immutable and shared; a
view keeps which version's UIDs were told, and the newest version. As long as
something vanished that may not be told yet, nothing new is told either, so that
what was told is always a prefix of some version's column and never copied.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from attrs import define, field

from mailsuite.model.changes import Columns, Delta
from mailsuite.model.flags import DELETED, SYSTEM
from mailsuite.model.ids import ModSeq, Uid
from mailsuite.wire.imap import responses
from mailsuite.wire.imap.numbers import Numbers

COMPARED = 4_096  # UIDs that are compared at once


@define(eq=False)
class View:
    r"""Message number ``n`` is ``told[n - 1]``; there are ``count`` of them.

    ``recent`` are spans of UIDs, from and before, that are \Recent here.
    ``changed`` are UIDs whose flags the client has not been told.
    """

    columns: Columns
    told: "array[int]"
    count: int
    modseq: ModSeq
    recent: list[tuple[int, int]] = field(factory=list)
    changed: set[int] = field(factory=set)
    keywords: frozenset[str] = frozenset()
    _tables: tuple[int, int] = (0, 0)
    _gone: tuple[int, ...] | None = ()

    @classmethod
    def of(cls, columns: Columns) -> "View":
        """The view of a client that is told these columns now."""
        view = cls(columns, columns.uid, len(columns.uid), columns.modseq)
        _ = view.new_keywords()
        return view

    def uids(self, positions: Sequence[int]) -> Sequence[int]:
        """The UIDs at positions (from 0) of what was told."""
        return rows_of(self.told, positions)

    def select(self, numbers: Numbers, *, uid: bool) -> Sequence[int]:
        """Positions (from 0) of a command's messages, among those told."""
        if uid:
            return numbers.of_uids(self.told, self.count)
        return numbers.of_sequence(self.count)

    def advance(self, delta: Delta, columns: Columns) -> None:
        """Take in what happened; ``columns`` are of ``delta`` or later."""
        self.modseq = delta.modseq
        self.changed.update([uid for uid, _, _ in delta.changed])
        if delta.added is not None and self.count:
            came, last = delta.added.uid, self.told[self.count - 1]
            self.changed.update(came[: bisect_right(came, last)])  # these are known
        if columns is not self.columns:
            self.columns = columns
            self._gone = None

    def gone(self) -> tuple[int, ...]:
        """Positions told that the newest columns do not have."""
        if self._gone is None:
            told, now = self.told, self.columns.uid
            if told is now or told[: self.count] == now[: self.count]:
                self._gone = ()
                self.told = now
            else:
                self._gone = tuple(_lacking(told[: self.count], now))
        return self._gone

    def rows(self, positions: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        """Positions that are still there, and their rows in ``columns``."""
        gone = self.gone()
        if not gone:
            return positions, positions
        missing = set(gone)
        kept = [position for position in positions if position not in missing]
        row_of = {uid: row for row, uid in enumerate(self.columns.uid)}
        return kept, [row_of[self.told[position]] for position in kept]

    def flags(self, rows: Sequence[int]) -> list[bytes]:
        r"""Rendered flags, \Recent with them, of rows of ``columns``."""
        table = self.columns.table
        codes = rows_of(self.columns.flags, rows)
        said = [table.rendered[code] for code in codes]
        if not self.recent or not said:
            return said
        uids = rows_of(self.columns.uid, rows)
        if uids[-1] < self.recent[0][0]:
            return said
        for low, high in self.recent:
            start, stop = bisect_left(uids, low), bisect_left(uids, high)
            said[start:stop] = [table.recent[code] for code in codes[start:stop]]
        return said

    def is_recent(self, uid: int) -> bool:
        r"""Whether the message is \Recent in this session."""
        return any(low <= uid < high for low, high in self.recent)

    def claim(self, first: Uid, end: Uid) -> None:
        r"""UIDs from ``first`` and before ``end`` are \Recent here."""
        if first >= end:
            return
        if self.recent and first <= self.recent[-1][1]:
            self.recent[-1] = (self.recent[-1][0], max(end, self.recent[-1][1]))
        else:
            self.recent.append((first, end))

    def recents(self) -> int:
        r"""How many of the messages told are \Recent here."""
        return sum(
            len(Numbers(((low, high - 1),)).of_uids(self.told, self.count))
            for low, high in self.recent
        )

    def deleted(self, positions: Sequence[int]) -> list[Uid]:
        r"""Which of them are there and have \Deleted."""
        table = self.columns.table.sets
        marked = [DELETED in names for names in table]
        codes, uids = self.columns.flags, self.columns.uid
        _, rows = self.rows(positions)
        return [Uid(uids[row]) for row in rows if marked[codes[row]]]

    def new_keywords(self) -> bool:
        """Look at the flag table; whether it has keywords not told before."""
        table = self.columns.table
        seen = (id(table), len(table.sets))
        if seen == self._tables:
            return False
        self._tables = seen
        found = self.keywords.union(*table.sets).difference(SYSTEM)
        new = found != self.keywords
        self.keywords = found
        return new

    def tell(self, *, expunge: bool) -> list[bytes]:
        """What the client must hear now; it counts as told.

        EXPUNGE only where §7.4.1 allows it.
        """
        said = self._tell_gone() if expunge and self.gone() else []
        if not self.gone() and len(self.columns.uid) > self.count:
            self.told = self.columns.uid
            self.count = len(self.told)
            said.append(b"* %d EXISTS\r\n" % self.count)
            said.append(b"* %d RECENT\r\n" % self.recents())
        if self.changed:
            said.extend(self._tell_changed())
        return said

    def _tell_gone(self) -> list[bytes]:
        gone = self.gone()
        lost = [self.told[position] for position in gone]
        self.changed.difference_update(lost)
        self.count -= len(gone)
        self.told = self.columns.uid
        self._gone = ()
        return [responses.expunged([position + 1 for position in reversed(gone)])]

    def _tell_changed(self) -> list[bytes]:
        wanted = Numbers.of(sorted(self.changed))
        self.changed = set()
        positions, rows = self.rows(wanted.of_uids(self.told, self.count))
        lines = zip(positions, self.uids(positions), self.flags(rows), strict=True)
        return [
            b"* %d FETCH (UID %d FLAGS (%b))\r\n" % (position + 1, uid, text)
            for position, uid, text in lines
        ]


def _lacking(told: Sequence[int], now: Sequence[int]) -> list[int]:
    """Positions of rising ``told`` that rising ``now`` lacks; what is alike is quick."""
    gone: list[int] = []
    at = row = 0
    while at < len(told):
        block = told[at : at + COMPARED]
        if block == now[row : row + len(block)]:
            row += len(block)
        else:
            for position, uid in enumerate(block, at):
                if row < len(now) and now[row] < uid:
                    row = bisect_left(now, uid, row)
                if row < len(now) and now[row] == uid:
                    row += 1
                else:
                    gone.append(position)
        at += len(block)
    return gone


def rows_of(column: Sequence[int], rows: Sequence[int]) -> Sequence[int]:
    """Give these rows of a column, a slice where they stand together."""
    if isinstance(rows, range) and rows.step == 1:
        return column[rows.start : rows.stop]
    return [column[row] for row in rows]
