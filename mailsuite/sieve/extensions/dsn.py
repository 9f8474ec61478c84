"""Delivery status notifications (RFC 6009 §4, §6): what was asked for, what to ask for.

``envelope-dsn`` reads the parameters of RFC 3461; ``redirect-dsn`` sets them.
"""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve

from mailsuite.mime import xtext
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.program import text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import EnvelopePart, Extension, Kind, Tagged

CONDITIONS = frozenset(("SUCCESS", "FAILURE", "DELAY"))
RETURNS = frozenset(("FULL", "HDRS"))

Completed = Callable[[Run, Any], Any]


def _parameter(name: str) -> Callable[[Run], Sequence[str]]:
    """The value of a parameter, decoded, if there is one."""

    def values(run: Run) -> Sequence[str]:
        found = run.letter.parameters.get(name)
        return () if found is None else (xtext.decode(found),)

    return values


def _notify(run: Run) -> Sequence[str]:
    found = run.letter.parameters.get("NOTIFY")
    return found.split(",") if found else ()


def conditions(value: str) -> str:
    """NOTIFY in its wire form. :raises ValueError: it is none (RFC 3461 §4.1)."""
    words = [word.strip().upper() for word in value.split(",")]
    if words != ["NEVER"] and not CONDITIONS.issuperset(words):
        raise ValueError(f"{value[:40]!r} is neither NEVER nor a list of conditions")
    return ",".join(dict.fromkeys(words))


def returned(value: str) -> str:
    """RET in its wire form. :raises ValueError: it is none."""
    word = value.strip().upper()
    if word not in RETURNS:
        raise ValueError(f"{value[:40]!r} is neither FULL nor HDRS")
    return word


def _setting(tag: str, name: str, read: Callable[[str], str]) -> Any:
    """Complete a redirect with a parameter."""

    def compiled(bound: Bound) -> Completed:
        value = bound.value(tag)
        if isinstance(value, str):
            try:
                read(value)
            except ValueError as error:
                raise bound.error(tag, str(error)) from None

        def complete(run: Run, action: Any) -> Any:
            try:
                return evolve(action, **{name: read(text(run, value))})
            except ValueError as error:
                raise Trouble(f"line {bound.line}: {error}") from None

        return complete

    return compiled


EXTENSIONS = (
    Extension(
        "envelope-dsn",
        envelope={
            "notify": EnvelopePart(_notify, divided=False),
            "orcpt": EnvelopePart(_parameter("ORCPT"), divided=False),
            "ret": EnvelopePart(_parameter("RET"), divided=False),
            "envid": EnvelopePart(_parameter("ENVID"), divided=False),
        },
    ),
    Extension(
        "redirect-dsn",
        tags={
            "redirect": (Tagged("notify", Kind.STRING), Tagged("ret", Kind.STRING)),
        },
        completes={
            "notify": _setting("notify", "notify", conditions),
            "ret": _setting("ret", "ret", returned),
        },
    ),
)
