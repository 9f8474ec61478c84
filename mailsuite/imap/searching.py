"""Which messages have a search key (RFC 3501 §6.4.4).

A set of messages is a number with one octet, 0 or 1, for each row; sets are
joined by ``& | ^``. What columns answer is found for all rows at once, what needs
headers or octets only for the rows that are still in question.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import compress

from attrs import define, field

from mailsuite.imap.looking import Looking
from mailsuite.imap.selected import Selected
from mailsuite.imap.talk import Talk
from mailsuite.model.flags import SYSTEM
from mailsuite.model.ids import Uid
from mailsuite.wire.imap.commands.search import (
    And,
    Date,
    Email,
    Flag,
    Key,
    Messages,
    Not,
    Or,
    Order,
    Recent,
    Size,
    Text,
)

_DAY = 86_400  # seconds


@define(eq=False)
class Searching:
    """One search over the rows that the client was told of."""

    talk: Talk
    selected: Selected
    positions: Sequence[int]
    rows: Sequence[int]
    _all: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._all = int.from_bytes(b"\1" * len(self.rows), "little")

    @classmethod
    def of(cls, talk: Talk, selected: Selected) -> "Searching":
        """A search of the selected mailbox as it stands."""
        view = selected.view
        return cls(talk, selected, *view.rows(range(view.count)))

    async def run(self, key: Key) -> list[int]:
        """Positions told that have the key, ascending."""
        return list(
            compress(self.positions, self._marks(await self._find(key, self._all)))
        )

    async def _find(self, key: Key, among: int) -> int:
        """Which rows of ``among`` have the key."""
        if not among:
            return 0
        if isinstance(key, And):
            for one in sorted(key.keys, key=_cost):
                among = await self._find(one, among)
            return among
        if isinstance(key, Or):
            first, second = sorted((key.first, key.second), key=_cost)
            found = await self._find(first, among)
            return found | await self._find(second, among ^ found)
        if isinstance(key, Not):
            return among ^ await self._find(key.key, among)
        if isinstance(key, Text) or (isinstance(key, Date) and key.sent):
            return await self._look(key, among)
        await self.talk.flush()
        return among & self._column(key)

    def _column(self, key: Flag | Recent | Messages | Size | Date | Email) -> int:
        view = self.selected.view
        columns = view.columns
        if isinstance(key, Flag):
            has = [_has(names, key.name) for names in columns.table.sets]
            return self._set(has[code] for code in self._of(columns.flags))
        if isinstance(key, Recent):
            return self._set(view.is_recent(uid) for uid in self._of(columns.uid))
        if isinstance(key, Messages):
            chosen = set(view.select(key.numbers, uid=key.uid))
            return self._set(position in chosen for position in self.positions)
        if isinstance(key, Email):
            return self._set(map(key.number.__eq__, self._of(columns.email)))
        if isinstance(key, Size):
            fits = _compared(key.order, key.octets)
            return self._set(map(fits, self._of(columns.size)))
        fits = _compared(key.order, key.day)
        return self._set(fits(date - date % _DAY) for date in self._of(columns.date))

    def _of(self, column: Sequence[int]) -> Iterable[int]:
        if isinstance(self.rows, range):
            return column[self.rows.start : self.rows.stop]
        return [column[row] for row in self.rows]

    @staticmethod
    def _set(marks: Iterable[bool]) -> int:
        return int.from_bytes(bytes(marks), "little")

    def _marks(self, found: int) -> bytes:
        return found.to_bytes(len(self.rows), "little")

    async def _look(self, key: Text | Date, among: int) -> int:
        """Read what the columns do not have."""
        numbers = list(compress(range(len(self.rows)), self._marks(among)))
        uid = self.selected.view.columns.uid
        of_uid = {Uid(uid[self.rows[number]]): number for number in numbers}
        marks = bytearray(len(self.rows))
        async for found in Looking(self.talk, self.selected.mailbox).find(
            key, list(of_uid)
        ):
            marks[of_uid[found]] = 1
        return int.from_bytes(marks, "little")


def _has(names: Iterable[str], name: str) -> bool:
    if name in SYSTEM:
        return name in names
    lowered = name.lower()
    return any(known.lower() == lowered for known in names)


def _compared(order: Order, value: int) -> Callable[[int], bool]:
    match order:
        case Order.BELOW:
            return value.__gt__
        case Order.ABOVE:
            return value.__lt__
        case Order.SAME:
            return value.__eq__
        case Order.FROM:
            return value.__le__


def _cost(key: Key) -> int:
    """What is dear is looked for last, among fewer."""
    if isinstance(key, And):
        return max(map(_cost, key.keys), default=0)
    if isinstance(key, Or):
        return max(_cost(key.first), _cost(key.second))
    if isinstance(key, Not):
        return _cost(key.key)
    if isinstance(key, Text):
        return 2 if key.where.value != "header" else 1
    return 1 if isinstance(key, Date) and key.sent else 0
