"""What is put around steps and conditions: a tale of what they do, and guards.

Guards stand where a script asks with ``ihave`` (RFC 5463): what may be missing is
an error only if the script comes to it.
"""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from attrs import NOTHING, fields, has

from mailsuite.sieve import printing
from mailsuite.sieve.errors import Trouble, Unsupported
from mailsuite.sieve.program import Condition, Step
from mailsuite.sieve.run import Run

T = TypeVar("T")


def judged(condition: Condition, line: int, name: str) -> Condition:
    """Tell what comes of a test."""

    def judge(run: Run) -> bool:
        result = condition(run)
        run.trail.append((line, f"{name}: {'yes' if result else 'no'}"))
        return result

    return judge


def watched(step: Step, line: int, name: str) -> Step:
    """Tell what actions a command planned, or that it ran."""

    def watch(run: Run) -> None:
        actions, trail = list(run.actions), len(run.trail)
        try:
            step(run)
        finally:
            planned = [one for one in run.actions if one not in actions]
            if planned:
                run.trail.append((line, "; ".join(map(described, planned))))
            elif len(run.trail) == trail:
                run.trail.append((line, name))

    return watch


def described(action: Any) -> str:
    """An action for people: its name, and what was said of it; no hidden fields."""
    words = [type(action).__name__.lower()]
    for one in fields(type(action)):
        value = getattr(action, one.name)
        if one.name == "at" or not one.repr or value == one.default:
            continue
        if value is True:
            words.append(one.name)
            continue
        text = printing.quoted(_plain(value)[: printing.TOLD])
        words.append(text if one.default is NOTHING else f"{one.name} {text}")
    return " ".join(words)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_plain, value))
    return described(value) if has(type(value)) else " ".join(str(value).split())


def guarded(
    made: Callable[[Run], T], needs: frozenset[str], line: int
) -> Callable[[Run], T]:
    """Run it only when ``ihave`` has found all that it needs."""

    def guard(run: Run) -> T:
        missing = needs - run.enabled
        if missing:
            told = ", ".join(sorted(missing))
            raise Trouble(f"line {line}: no ihave has found {told}")
        return made(run)

    return guard


def deferred(error: Unsupported) -> Callable[[Run], Any]:
    """Fail when the script comes here."""

    def fail(_: Run) -> NoReturn:
        raise Trouble(str(error))

    return fail
