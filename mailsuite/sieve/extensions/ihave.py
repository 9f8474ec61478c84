"""``ihave`` and ``error`` (RFC 5463): scripts that get by with what there is.

What an ``ihave`` asks for may be used behind it. Where the server has it, commands
that need it run once the test was true; where not, whatever is unknown behind the
test is an error only if the script comes to it.
"""

from typing import NoReturn

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Trouble
from mailsuite.sieve.extensions import imapsieve
from mailsuite.sieve.program import Condition, Step, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, TestShape
from mailsuite.sieve.vocabulary import Vocabulary


def granted(name: str, vocabulary: Vocabulary) -> bool:
    """Whether ``ihave`` may grant it: it is there and changes no strings (§4)."""
    changing = (*vocabulary.interprets, *vocabulary.expands)
    there = name in vocabulary.capabilities or name in vocabulary.built_in
    return there and name not in {one for one, _ in changing}


def _ihave(bound: Bound) -> Condition:
    scope = bound.scope
    wanted = [value for value in bound.values(0) if isinstance(value, str)]
    if len(wanted) < len(bound.texts(0)):
        raise bound.error(0, "capabilities must be constant strings")
    asked = [name for name in wanted if name not in scope.requires - scope.maybe]
    if not all(granted(name, bound.vocabulary) for name in asked):
        scope.lenient = True
        return _missing
    before = scope.requires
    for name in asked:
        bound.demand(name, bound.node.at)
    scope.maybe |= scope.requires - before
    implied = (bound.vocabulary.implied.get(name, ()) for name in asked)
    gained = frozenset(asked).union(*implied)

    unfit = imapsieve.INAPPLICABLE.intersection(wanted)

    def ihave(run: Run) -> bool:
        run.step()
        if unfit and run.letter.event:
            return False
        run.enabled |= gained
        return True

    return ihave


def _missing(run: Run) -> bool:
    run.step()
    return False


def _error(bound: Bound) -> Step:
    message = bound.value(0)

    def error(run: Run) -> NoReturn:
        run.step()
        raise Trouble(f"line {bound.line}: {text(run, message)}")

    return error


EXTENSION = Extension(
    "ihave",
    commands=(CommandShape("error", _error, (Kind.STRING,)),),
    tests=(TestShape("ihave", _ihave, (Kind.STRINGS,)),),
)
