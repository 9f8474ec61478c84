"""``snooze`` (draft-ietf-extra-sieve-snooze): the message is filed later.

When that is, only the world knows, for it has the time zones:

====================  =================================  ==========================
question              subject                            answer
====================  =================================  ==========================
awaken                zone (empty: the server's), days   when, in seconds since 1970,
                      of the week, times of day          and the offset then, minutes;
                                                         None: there is no such zone
====================  =================================  ==========================
"""

import re
from collections.abc import Sequence
from typing import Any

from attrs import evolve, field, frozen

from mailsuite.sieve import awakening
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Question, Trouble
from mailsuite.sieve.extensions import flags, targets
from mailsuite.sieve.program import Step, Value, Values, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged

CAPABILITY = "snooze"
AWAKEN = "awaken"
"""Kind of question."""
ZONE_CHARACTERS = 64  # of the name of a time zone
EVERY_DAY = "0123456"

_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,3}")


@frozen
class Snooze:
    """Keep it aside, and file it at ``until`` (wall seconds, ``zone`` minutes east).

    ``mailbox`` empty: the INBOX. ``flags`` are those it has meanwhile; ``add`` and
    ``drop`` change them when it awakens.
    """

    until: int = field(repr=False)
    zone: int = field(default=0, repr=False)
    mailbox: str = ""
    flags: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""
    mailbox_id: str = ""
    at: int = 0

    def over(self, known: Any) -> "Snooze | None":
        """The one that counts of two for the same mailbox, as with ``fileinto``."""
        if not isinstance(known, Snooze):
            return None
        place = (self.mailbox, self.special_use, self.mailbox_id)
        if (known.mailbox, known.special_use, known.mailbox_id) != place:
            return None
        return evolve(self, create=self.create or known.create)


def _snooze(bound: Bound) -> Step:
    if bound.has("create") and not bound.has("mailbox"):
        raise bound.error("create", ":create can only stand beside :mailbox")
    mailbox = bound.value("mailbox") if bound.has("mailbox") else None
    zone: Value = bound.value("tzid") if bound.has("tzid") else ""
    days = bound.values("weekdays") if bound.has("weekdays") else tuple(EVERY_DAY)
    times = bound.values(0)
    _checked(bound, zone, days, times)
    add = bound.values("addflags") if bound.has("addflags") else ()
    drop = bound.values("removeflags") if bound.has("removeflags") else ()
    complete = bound.vocabulary.completed(bound)

    def snooze(run: Run) -> None:
        run.step()
        name = "" if mailbox is None else targets.mailbox_name(run, mailbox, bound.line)
        until, east = _asked(run, bound.line, zone, days, times)
        action = Snooze(
            until,
            east,
            name,
            run.kept_flags,
            tuple(flags.sorted_out(texts(run, add))),
            tuple(flags.sorted_out(texts(run, drop))),
            at=bound.line,
        )
        run.act(complete(run, action))

    return snooze


def _checked(bound: Bound, zone: Value, days: Values, times: Values) -> None:
    """Look at what is known of the times already. :raises BadScript: it is wrong."""
    if len(times) > awakening.TIMES:
        raise bound.error(0, f"these are more than {awakening.TIMES} times of day")
    _constant(bound, 0, times, awakening.clock, 'write "hh:mm:ss"')
    if bound.has("weekdays"):
        hint = 'write "0" for Sunday up to "6"'
        _constant(bound, "weekdays", days, awakening.weekday, hint)
    known = bound.vocabulary.zones
    if isinstance(zone, str) and zone:
        found = _named(zone) and (known is None or known(zone))
        if not found:
            hint = 'write one as "Europe/Rome"'
            raise bound.error("tzid", f"there is no time zone {zone[:40]}", hint)
    if all(isinstance(one, str) for one in (zone, *days, *times)):
        subject = (str(zone), *_subject(map(str, days), map(str, times)))
        bound.scope.wanted.append(Question(AWAKEN, subject))


def _constant(
    bound: Bound, which: int | str, values: Values, read: Any, hint: str
) -> None:
    for value in values:
        if isinstance(value, str):
            try:
                read(value)
            except ValueError as error:
                raise bound.error(which, str(error), hint) from None


def _named(zone: str) -> bool:
    return len(zone) <= ZONE_CHARACTERS and bool(_ZONE.fullmatch(zone))


def _subject(days: Any, times: Any) -> tuple[str, str]:
    """Days and times in order. :raises ValueError: one is none."""
    clocks = sorted({awakening.clock(one) for one in times})
    weekdays = sorted({awakening.weekday(one) for one in days})
    return "".join(map(str, weekdays)), " ".join(map(str, clocks))


def _asked(
    run: Run, line: int, zone: Value, days: Values, times: Values
) -> tuple[int, int]:
    """When it awakens. :raises Trouble: nobody can say."""
    name = text(run, zone)
    try:
        subject = _subject(texts(run, days), texts(run, times))
    except ValueError as error:
        raise Trouble(f"line {line}: {error}") from None
    answer = run.ask(AWAKEN, name, *subject) if not name or _named(name) else None
    if answer is None:
        raise Trouble(f"line {line}: there is no time zone {name[:40]!r}")
    until, east = str(answer).split()
    return int(until), int(east)


def answer(subject: Sequence[str], now: float, offset: awakening.Offset) -> str:
    """Answer the question of a letter that came ``now``, for whoever has the zone."""
    _, days, times = subject
    until = awakening.following(
        now, offset, {int(day) for day in days}, map(int, times.split())
    )
    return f"{until} {offset(until) // 60}"


_TAGS = (
    Tagged("mailbox", Kind.STRING),
    Tagged("weekdays", Kind.STRINGS),
    Tagged("tzid", Kind.STRING),
    Tagged("addflags", Kind.STRINGS, needs=flags.CAPABILITY),
    Tagged("removeflags", Kind.STRINGS, needs=flags.CAPABILITY),
    evolve(targets.CREATE, needs="mailbox"),
    evolve(targets.SPECIAL_USE, needs="special-use"),
    evolve(targets.MAILBOX_ID, needs="mailboxid"),
)

EXTENSIONS = (
    Extension(
        CAPABILITY,
        commands=(CommandShape("snooze", _snooze, (Kind.STRINGS,)),),
        tags={"snooze": _TAGS},
    ),
    Extension("vnd.cyrus.snooze", implies=(CAPABILITY,)),
)
"""The second name is the one that Cyrus gave it first."""
