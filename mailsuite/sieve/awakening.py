"""When a snoozed message awakens: the next of some times of day in a time zone.

draft-ietf-extra-sieve-snooze §4.2 and §4.3. Which rules a zone follows only the world
knows; they come as a function.
"""

import re
from collections.abc import Callable, Collection, Iterable

DAY = 24 * 3600
WEEK = 7
TIMES = 100  # of day that one command may name
FIRST = 4  # 1970-01-01 was a Thursday; Sunday is 0

Offset = Callable[[float], int]
"""Seconds east of UTC at a time in seconds since 1970."""

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


def clock(text: str) -> int:
    """Seconds since midnight of ``hh:mm:ss``; the seconds may be left out.

    (The draft does so in its example of §4.4.1.1.) :raises ValueError: it is no time.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:20]!r} is no time of day")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def weekday(text: str) -> int:
    """A day of the week, 0 is Sunday. :raises ValueError: it is none."""
    if text not in ("0", "1", "2", "3", "4", "5", "6"):
        raise ValueError(f"{text[:20]!r} is no day of the week")
    return int(text)


def following(
    now: float, offset: Offset, weekdays: Collection[int], clocks: Iterable[int]
) -> int:
    """The first of these times on these days after ``now``, in seconds since 1970.

    :raises ValueError: there are none.
    """
    today = int(now + offset(now)) // DAY
    some = tuple(clocks)
    found: list[int] = []
    for day in range(today - 1, today + WEEK + 2):
        known = bool(found)
        if (day + FIRST) % WEEK in weekdays:
            found += [one for one in _moments(day, some, offset) if one > now]
        if known:
            break  # a day later nothing is earlier, however clocks are set
    return min(found)


def _moments(day: int, clocks: Iterable[int], offset: Offset) -> Iterable[int]:
    """When clocks show these times of one day."""
    midnight = day * DAY
    before, after = offset(midnight - DAY), offset(midnight + 2 * DAY)
    if before == after:  # clocks are not set in between
        return [midnight + seconds - before for seconds in clocks]
    return [moment(midnight + seconds, offset) for seconds in clocks]


def moment(shown: int, offset: Offset) -> int:
    """When clocks show a time, given as if they showed UTC.

    Of two such times the first; one that clocks leave out is taken by the offset
    before they were set (§4.3).
    """
    before, after = offset(shown - DAY), offset(shown + DAY)
    fitting = [shown - one for one in (before, after) if offset(shown - one) == one]
    return min(fitting, default=shown - before)
