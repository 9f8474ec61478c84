"""Dates of IMAP: ``date-time`` of INTERNALDATE and APPEND, ``date`` of SEARCH."""

import re
from calendar import monthrange, timegm
from functools import lru_cache
from time import gmtime

from mailsuite.model.errors import PeerError
from mailsuite.wire.imap.lexer import Cursor

DAYS = 4_096  # remembered, as many messages have the same
_MONTHS = (
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun",
    b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
)  # fmt: skip
_NUMBER_OF = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}
_MINUTES = [b" %02d:%02d:" % divmod(minute, 60) for minute in range(1440)]
_SECONDS = [b'%02d +0000"' % second for second in range(60)]
_DAY = 86_400  # seconds

_DATE_TIME = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) '
    rb'([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')


def date_time(cursor: Cursor) -> int:
    """Read a quoted ``date-time``: seconds since 1970, UTC (RFC 3501 §9)."""
    found = cursor.take(_DATE_TIME, "date and time")
    day, month, year, hour, minute, second, sign, zone, zone_minutes = found.groups()
    clock = (int(hour), int(minute), int(second))
    if clock[0] > 23 or clock[1] > 59 or clock[2] > 60 or int(zone_minutes) > 59:
        raise PeerError("bad time")
    offset = int(zone) * 3600 + int(zone_minutes) * 60
    seconds = _midnight(day, month, year) + clock[0] * 3600 + clock[1] * 60 + clock[2]
    return seconds + offset if sign == b"-" else seconds - offset


def date(cursor: Cursor) -> int:
    """Read a ``date``, quoted or not: its midnight in UTC, seconds since 1970."""
    found = cursor.take(_DATE, "date")
    return _midnight(found.group(2), found.group(3), found.group(4))


@lru_cache(maxsize=DAYS)
def _midnight(day: bytes, month: bytes, year: bytes) -> int:
    number = _NUMBER_OF.get(month.lower())
    if number is None:
        raise PeerError("bad month")
    if not int(year) or not 1 <= int(day) <= monthrange(int(year), number)[1]:
        raise PeerError("bad day of the month")
    return timegm((int(year), number, int(day), 0, 0, 0, 0, 0, 0))


@lru_cache(maxsize=DAYS)
def _day(number: int) -> bytes:
    moment = gmtime(number * _DAY)
    month = _MONTHS[moment.tm_mon - 1]
    return b'"%2d-%b-%04d' % (moment.tm_mday, month, moment.tm_year)


def render(seconds: int) -> bytes:
    """INTERNALDATE, quoted and in UTC, of seconds since 1970."""
    days, rest = divmod(seconds, _DAY)
    minute, second = divmod(rest, 60)
    return _day(days) + _MINUTES[minute] + _SECONDS[second]
