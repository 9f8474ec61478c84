"""Dates of header fields (RFC 5322 §3.3, obsolete forms of §4.3)."""

import re
from calendar import monthrange, timegm
from time import gmtime

from mailsuite.mime import comments
from mailsuite.mime.limits import Budget

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_DAYS = b"Mon Tue Wed Thu Fri Sat Sun".split()
_MONTH = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}
_ZONES = {b"edt": -240, b"est": -300, b"cdt": -300, b"cst": -360} | {
    b"mdt": -360,
    b"mst": -420,
    b"pdt": -420,
    b"pst": -480,
}
DATE_OCTETS = 500  # longer values are no dates
_LAST_ZONE = 24 * 60 - 1  # minutes from UTC

_CLOCK = rb"(\d{1,2})\s*[:.]\s*(\d{1,2})(?:\s*[:.]\s*(\d{1,2})(?:\.\d+)?)?"
_USUAL = re.compile(
    rb"(?:[A-Za-z]+\s*,?\s*|,\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[a-z]*\.?,?[\s-]+"
    rb"(\d{2,4})(?:\s+" + _CLOCK + rb"\s*([+-]\s*\d{3,4}|[A-Za-z]+)?)?"
)
_ASCTIME = re.compile(
    rb"[A-Za-z]{3,9},?\s+([A-Za-z]{3})[a-z]*\s+(\d{1,2})\s+" + _CLOCK + rb"\s+"
    rb"(?:([A-Za-z]{1,5}|[+-]\d{4})\s+)?(\d{4})"
)


def parse(value: bytes) -> tuple[int, int] | None:
    """Give seconds since 1970 (UTC) and the zone in minutes east of it.

    Tolerates missing weekday, seconds, time and zone, obsolete zones, two- and
    three-digit years, and C's ``asctime``. None where no date is to be read.
    """
    value = value[:DATE_OCTETS]
    if b"(" in value:
        value = comments.dropped(value.replace(b"(", b" ("), Budget())
    value = value.strip()
    if usual := _USUAL.match(value):
        day, month, year, hour, minute, second, zone = usual.groups()
    elif plain := _ASCTIME.match(value):
        month, day, hour, minute, second, zone, year = plain.groups()
    else:
        return None
    date = (_year(year), _MONTH.get(month.lower(), 0), int(day))
    clock = (int(hour or 0), int(minute or 0), min(int(second or 0), 60))
    if not _possible(date, clock):
        return None
    east = _zone(zone or b"")
    return timegm((*date, *clock)) - east * 60, east


def _year(digits: bytes) -> int:
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _possible(date: tuple[int, int, int], clock: tuple[int, int, int]) -> bool:
    year, month, day = date
    return (
        year >= 1900
        and month > 0
        and 1 <= day <= monthrange(year, month)[1]
        and clock[0] < 24
        and clock[1] < 60
    )


def _zone(text: bytes) -> int:
    """Give minutes east; unknown names are UTC, as RFC 5322 §4.3 says."""
    if text[:1] not in {b"+", b"-"}:
        return _ZONES.get(text.lower(), 0)
    digits = int(text[1:])
    minutes = digits // 100 * 60 + digits % 100
    if minutes > _LAST_ZONE:
        return 0
    return -minutes if text[:1] == b"-" else minutes


def render(seconds: float, zone: int = 0) -> bytes:
    """Give ``Sun, 22 Nov 2026 12:04:34 +0000``; ``zone`` in minutes east of UTC."""
    at = gmtime(int(seconds // 1) + zone * 60)
    hours, minutes = divmod(abs(zone), 60)
    return b"%b, %02d %b %04d %02d:%02d:%02d %b%02d%02d" % (
        _DAYS[at.tm_wday],
        at.tm_mday,
        _MONTHS[at.tm_mon - 1],
        at.tm_year,
        at.tm_hour,
        at.tm_min,
        at.tm_sec,
        b"-" if zone < 0 else b"+",
        hours,
        minutes,
    )
