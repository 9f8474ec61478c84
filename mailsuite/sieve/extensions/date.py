"""Dates of fields and of now (RFC 5260 §4, §5)."""

import re
from collections.abc import Callable, Mapping, Sequence
from time import gmtime, struct_time

from attrs import frozen

from mailsuite.mime import dates
from mailsuite.sieve import matching
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.matching import Matcher
from mailsuite.sieve.program import Condition, Value, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import Extension, Kind, Tagged, TestShape

MJD_1970 = 40_587  # 1970-01-01 as a Modified Julian Day
DAY = 86_400  # seconds
ZONE_MINUTES = 24 * 60  # no zone is as far from UTC as that
_ZONE = re.compile(r"([+-])(\d\d)([0-5]\d)", re.ASCII)
_CLOCK = re.compile(rb"\d\s*[:.]\s*\d")


@frozen
class Moment:
    """A point in time, ``zone`` minutes east of UTC."""

    seconds: int
    zone: int

    def clock(self) -> struct_time:
        """What calendar and clock show there."""
        return gmtime(self.seconds + self.zone * 60)

    def offset(self, colon: str = "") -> str:
        """``+0100``."""
        hours, minutes = divmod(abs(self.zone), 60)
        return f"{'-' if self.zone < 0 else '+'}{hours:02}{colon}{minutes:02}"


def iso8601(at: Moment) -> str:
    """A date-time of RFC 3339, as RFC 5260 and RFC 6009 want it."""
    zone = at.offset(":") if at.zone else "Z"
    return f"{_PARTS['date'](at)}T{_PARTS['time'](at)}{zone}"


def _date(at: Moment) -> str:
    clock = at.clock()
    return f"{clock.tm_year:04}-{clock.tm_mon:02}-{clock.tm_mday:02}"


def _time(at: Moment) -> str:
    clock = at.clock()
    return f"{clock.tm_hour:02}:{clock.tm_min:02}:{clock.tm_sec:02}"


_PARTS: Mapping[str, Callable[[Moment], str]] = {
    "year": lambda at: f"{at.clock().tm_year:04}",
    "month": lambda at: f"{at.clock().tm_mon:02}",
    "day": lambda at: f"{at.clock().tm_mday:02}",
    "date": _date,
    "julian": lambda at: str((at.seconds + at.zone * 60) // DAY + MJD_1970),
    "hour": lambda at: f"{at.clock().tm_hour:02}",
    "minute": lambda at: f"{at.clock().tm_min:02}",
    "second": lambda at: f"{at.clock().tm_sec:02}",
    "time": _time,
    "iso8601": iso8601,
    "std11": lambda at: dates.render(at.seconds, at.zone).decode("ascii"),
    "zone": Moment.offset,
    "weekday": lambda at: str((at.clock().tm_wday + 1) % 7),
}


def zone(written: str) -> int:
    """Minutes east of UTC. :raises ValueError: it is no offset."""
    found = _ZONE.fullmatch(written)
    minutes = int(found[2]) * 60 + int(found[3]) if found else ZONE_MINUTES
    if found is None or minutes >= ZONE_MINUTES:
        raise ValueError(f"{written[:20]!r} is no offset from UTC")
    return -minutes if found[1] == "-" else minutes


def read(value: bytes) -> tuple[int, int] | None:
    """The date that a field's value is, or that stands behind its last semicolon."""
    for piece in (value.rpartition(b";")[2], value):
        if _CLOCK.search(piece[: dates.DATE_OCTETS]):
            found = dates.parse(piece.replace(b"\r\n", b""))
            if found is not None:
                return found
    return None


Wanted = Callable[[Run, Sequence[Moment]], bool]


def _asked(bound: Bound, part: int, keys: int) -> Wanted:
    """Whether what a part of some moments is matches the keys."""
    match: Matcher = matching.compiled(bound, keys)
    name = bound.value(part)
    if isinstance(name, str) and name.lower() not in _PARTS:
        raise bound.error(part, f"{name} is no part of a date", _known())

    def asked(run: Run, found: Sequence[Moment]) -> bool:
        now = text(run, name).lower()
        if now not in _PARTS:
            told = f"{now[:20]!r} is no part of a date"
            raise Trouble(f"line {bound.line}: {told}; {_known()}")
        return match(run, [_PARTS[now](one) for one in found])

    return asked


def _known() -> str:
    return f"there are {', '.join(_PARTS)}"


def shift_of(bound: Bound) -> Callable[[Run], int]:
    """The zone that a test wants to see its date in."""
    if not bound.has("zone"):
        return lambda run: run.letter.zone
    value: Value = bound.value("zone")
    if isinstance(value, str):
        try:
            fixed = zone(value)
        except ValueError as error:
            raise bound.error("zone", str(error), 'write "+0100"') from None
        return lambda _: fixed

    def varying(run: Run) -> int:
        try:
            return zone(text(run, value))
        except ValueError as error:
            raise Trouble(f"line {bound.line}: {error}") from None

    return varying


def _date_test(bound: Bound) -> Condition:
    name = bound.value(0)
    asked = _asked(bound, 1, 2)
    narrow = bound.vocabulary.narrowed(bound)
    original = bound.has("originalzone")
    shift = shift_of(bound)

    def date(run: Run) -> bool:
        run.step()
        wanted = text(run, name).lower()
        fields = [one for one in run.message.fields if one.name == wanted]
        told = []
        for one in narrow(fields)[:1]:
            found = read(one.value)
            if found is not None:
                told.append(Moment(found[0], found[1] if original else shift(run)))
        return asked(run, told)

    return date


def _currentdate(bound: Bound) -> Condition:
    asked = _asked(bound, 0, 1)
    shift = shift_of(bound)

    def currentdate(run: Run) -> bool:
        run.step()
        return asked(run, [Moment(int(run.letter.now // 1), shift(run))])

    return currentdate


EXTENSION = Extension(
    "date",
    tests=(
        TestShape(
            "date",
            _date_test,
            (Kind.STRING, Kind.STRING, Kind.STRINGS),
            tags=(
                Tagged("zone", Kind.STRING, group="zone"),
                Tagged("originalzone", group="zone"),
            ),
            families=("match", "comparator"),
        ),
        TestShape(
            "currentdate",
            _currentdate,
            (Kind.STRING, Kind.STRINGS),
            tags=(Tagged("zone", Kind.STRING, group="zone"),),
            families=("match", "comparator"),
        ),
    ),
)
