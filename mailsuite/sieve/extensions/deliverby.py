"""Time limits of deliveries (RFC 6009 §5, §7; RFC 2852).

``envelope-deliverby`` reads the parameter BY, which the letter has as it was when the
letter came; ``redirect-deliverby`` sets it for a copy.
"""

import re
from calendar import timegm
from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve, frozen

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.extensions import date
from mailsuite.sieve.extensions.date import Moment
from mailsuite.sieve.program import text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import EnvelopePart, Extension, Kind, Tagged

SECONDS = 999_999_999  # RFC 2852 §4: by-time has at most nine digits
MODES = {"notify": "N", "return": "R"}
_BY = re.compile(r"([+-]?\d{1,9});([NRnr])([Tt]?)")
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-]\d\d):?(\d\d))",
    re.ASCII,
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

Completed = Callable[[Run, Any], Any]


@frozen
class By:
    """The parameter BY: ``seconds`` that are left."""

    seconds: int
    mode: str
    traced: bool = False


def by(run: Run) -> By | None:
    """What the letter was to be delivered by, if that was said."""
    found = _BY.fullmatch(run.letter.parameters.get("BY", ""))
    if found is None:
        return None
    return By(int(found[1]), found[2].upper(), bool(found[3]))


def moment(written: str) -> int:
    """Seconds of a date-time (RFC 3339 §5.6). :raises ValueError: it is none."""
    found = _DATE_TIME.fullmatch(written)
    if found is None:
        raise ValueError(f"{written[:40]!r} is no date and time, as RFC 3339 has them")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    real = 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]
    if not real or hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{written[:40]!r} is no time")
    offset = date.zone(found[7] + found[8]) if found[7] else 0
    return timegm((year, month, day, hour, minute, second)) - offset * 60


def _relative(run: Run) -> Sequence[str]:
    found = by(run)
    return () if found is None else (str(found.seconds),)


def _mode(run: Run) -> Sequence[str]:
    found = by(run)
    if found is None:
        return ()
    return ("notify" if found.mode == "N" else "return",)


def _trace(run: Run) -> Sequence[str]:
    found = by(run)
    if found is None:
        return ()
    return ("trace" if found.traced else "",)


def _absolute(bound: Bound) -> EnvelopePart:
    """The limit as a date, in the zone that the test wants."""
    shift = date.shift_of(bound)

    def values(run: Run) -> Sequence[str]:
        found = by(run)
        if found is None:
            return ()
        at = Moment(int(run.letter.now // 1) + found.seconds, shift(run))
        return (date.iso8601(at),)

    return EnvelopePart(values, divided=False)


def _limited(bound: Bound) -> Completed:
    """``:bytimerelative`` and ``:bytimeabsolute``, with what stands beside them."""
    seconds = _seconds(bound)
    mode = bound.constant("bymode").lower() if bound.has("bymode") else "return"
    if mode not in MODES:
        raise bound.error("bymode", f"{mode[:20]!r} is neither notify nor return")
    suffix = MODES[mode] + ("T" if bound.has("bytrace") else "")

    def complete(run: Run, action: Any) -> Any:
        left = max(min(seconds(run), SECONDS), -SECONDS)
        if left <= 0 and mode == "return":
            raise Trouble(f"line {bound.line}: the time to deliver by has passed")
        return evolve(action, by=f"{left};{suffix}")

    return complete


def _seconds(bound: Bound) -> Callable[[Run], int]:
    if bound.has("bytimerelative"):
        given = bound.number("bytimerelative")
        return lambda _: given
    value = bound.value("bytimeabsolute")
    if isinstance(value, str):
        try:
            moment(value)
        except ValueError as error:
            hint = 'write "2026-11-22T22:00:00+01:00"'
            raise bound.error("bytimeabsolute", str(error), hint) from None

    def until(run: Run) -> int:
        try:
            return moment(text(run, value)) - int(run.letter.now // 1)
        except ValueError as error:
            raise Trouble(f"line {bound.line}: {error}") from None

    return until


def _beside(bound: Bound) -> Completed:
    """``:bymode`` and ``:bytrace`` say how a limit is meant."""
    if not (bound.has("bytimerelative") or bound.has("bytimeabsolute")):
        tag = "bymode" if bound.has("bymode") else "bytrace"
        hint = "write :bytimerelative or :bytimeabsolute before it"
        raise bound.error(
            None, f":{tag} is about a time limit, and there is none", hint
        )
    return lambda _, action: action


EXTENSIONS = (
    Extension(
        "envelope-deliverby",
        tags={"envelope": (Tagged("zone", Kind.STRING),)},
        envelope={
            "bytimerelative": EnvelopePart(_relative, divided=False),
            "bytimeabsolute": EnvelopePart(_relative, divided=False, shaped=_absolute),
            "bymode": EnvelopePart(_mode, divided=False),
            "bytrace": EnvelopePart(_trace, divided=False),
        },
    ),
    Extension(
        "redirect-deliverby",
        tags={
            "redirect": (
                Tagged("bytimerelative", Kind.NUMBER, group="bytime"),
                Tagged("bytimeabsolute", Kind.STRING, group="bytime"),
                Tagged("bymode", Kind.STRING),
                Tagged("bytrace"),
            ),
        },
        completes={
            "bytimerelative": _limited,
            "bytimeabsolute": _limited,
            "bymode": _beside,
            "bytrace": _beside,
        },
    ),
)
