"""A checked script, ready to run: closures over constants, no names to look up."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from mailsuite.sieve.errors import Question

if TYPE_CHECKING:
    from mailsuite.sieve.run import Run

Step = Callable[["Run"], None]
Condition = Callable[["Run"], bool]
Expand = Callable[["Run"], str]

Value = str | Expand
"""A string: a constant, or what is known only when the script runs."""
Values = tuple[Value, ...]


@frozen
class Program:
    """``requires`` are the capabilities that the script asked for.

    ``wanted`` are questions that a run is likely to ask: answers to them that are
    there from the beginning spare it to begin anew. ``nodes`` are the commands and
    tests of the script. ``doubts`` tell, with lines, what may not be meant.
    """

    steps: tuple[Step, ...]
    requires: frozenset[str]
    wanted: tuple[Question, ...] = ()
    nodes: int = 0
    doubts: tuple[str, ...] = ()


def text(run: "Run", value: Value) -> str:
    """The string that a value is now."""
    return value if isinstance(value, str) else value(run)


def texts(run: "Run", values: Values) -> Sequence[str]:
    """The strings that values are now."""
    if len(values) == 1:
        (only,) = values
        return (only if isinstance(only, str) else only(run),)
    return [v if isinstance(v, str) else v(run) for v in values]


def sequence(steps: tuple[Step, ...]) -> Step:
    """All steps, one after another."""

    def run_all(run: "Run") -> None:
        for step in steps:
            step(run)

    return run_all
