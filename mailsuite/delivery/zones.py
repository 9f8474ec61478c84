"""Time zones of this machine, for scripts that name one (the tz database)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from time import localtime
from zoneinfo import ZoneInfo

from mailsuite.sieve.awakening import Offset
from mailsuite.sieve.extensions import snooze

REMEMBERED = 1_000  # zones; there are about 600


def known(name: str) -> bool:
    """Whether there is a zone of that name; a small file is read the first time."""
    return offset(name) is not None


@lru_cache(REMEMBERED)
def offset(name: str) -> Offset | None:
    """What clocks show in a zone, with an empty name in the server's own; None: no."""
    if not name:
        return _own
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None

    def east(seconds: float) -> int:
        moment = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
        found = moment.utcoffset()
        return int(found.total_seconds()) if found else 0

    return east


def _own(seconds: float) -> int:
    return localtime(seconds).tm_gmtoff


def awaken(subject: Sequence[str], now: float) -> str | None:
    """Answer the question :data:`~mailsuite.sieve.extensions.snooze.AWAKEN`."""
    found = offset(subject[0])
    return None if found is None else snooze.answer(subject, now, found)
