"""The language's control commands and its tests of tests (RFC 5228 §3, §5).

A run remembers whether the chain of ``if``, ``elsif`` and ``else`` that it is in has
found its branch; blocks within a branch are over before that is set.
"""

from mailsuite.sieve import screening
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.extensions import imapsieve
from mailsuite.sieve.program import Condition, Step, sequence
from mailsuite.sieve.run import Run, Stopped
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tests, TestShape


def _require(bound: Bound) -> Step:
    for text in bound.texts(0):
        bound.demand(text.value, text.at)
    unfit = imapsieve.INAPPLICABLE.intersection(one.value for one in bound.texts(0))
    if not unfit:
        return _nothing
    line, told = bound.line, ", ".join(sorted(unfit))
    return lambda run: imapsieve.at_delivery(run, line, told)


def _nothing(_: Run) -> None:
    """``require`` has done its work when the script was checked."""


def _stop(_: Bound) -> Step:
    def stop(run: Run) -> None:
        run.step()
        raise Stopped

    return stop


def _if(bound: Bound) -> Step:
    (condition,), block = bound.conditions, sequence(bound.steps)

    def branch(run: Run) -> None:
        run.step()
        taken = condition(run)
        if taken:
            block(run)
        run.branched = taken

    return _screened(bound, branch)


def _elsif(bound: Bound) -> Step:
    (condition,), block = bound.conditions, sequence(bound.steps)

    def branch(run: Run) -> None:
        if run.branched:
            return
        run.step()
        taken = condition(run)
        if taken:
            block(run)
        run.branched = taken

    return _screened(bound, branch)


def _screened(bound: Bound, branch: Step) -> Step:
    """Have it known what must be true for the branch to be taken."""
    screen = screening.joined(bound.scope, bound.conditions, steps=1)
    if screen is not None:
        screening.known(bound.scope)[branch] = screen
    return branch


def _else(bound: Bound) -> Step:
    block = sequence(bound.steps)

    def branch(run: Run) -> None:
        if not run.branched:
            block(run)

    return branch


def _anyof(bound: Bound) -> Condition:
    conditions = bound.conditions

    def anyof(run: Run) -> bool:
        for condition in conditions:  # noqa: SIM110 - any() costs half as much again
            if condition(run):
                return True
        return False

    screen = screening.joined(bound.scope, conditions)
    if screen is not None:
        screening.known(bound.scope)[anyof] = screen
    return anyof


def _allof(bound: Bound) -> Condition:
    conditions = bound.conditions

    def allof(run: Run) -> bool:
        for condition in conditions:  # noqa: SIM110 - all() costs half as much again
            if not condition(run):
                return False
        return True

    screen = screening.joined(bound.scope, conditions[:1])
    if conditions and screen is not None:
        screening.known(bound.scope)[allof] = screen
    return allof


def _not(bound: Bound) -> Condition:
    (condition,) = bound.conditions
    return lambda run: not condition(run)


EXTENSION = Extension(
    "",
    commands=(
        CommandShape("require", _require, (Kind.STRINGS,), first=True),
        CommandShape("if", _if, tests=Tests.ONE, block=True),
        CommandShape(
            "elsif", _elsif, tests=Tests.ONE, block=True, follows=("if", "elsif")
        ),
        CommandShape("else", _else, block=True, follows=("if", "elsif")),
        CommandShape("stop", _stop),
    ),
    tests=(
        TestShape("anyof", _anyof, tests=Tests.MANY),
        TestShape("allof", _allof, tests=Tests.MANY),
        TestShape("not", _not, tests=Tests.ONE),
        TestShape("true", lambda _: lambda _: True),
        TestShape("false", lambda _: lambda _: False),
    ),
)
