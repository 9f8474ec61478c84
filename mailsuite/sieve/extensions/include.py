"""Scripts within scripts (RFC 6609): ``include``, ``return`` and ``global``.

A script is checked without those it includes. When it runs it asks the question
``script`` about (location, name); the answer is a checked :class:`Program`, or None
where there is no such script, or text that says what is wrong with it. Whoever runs
programs keeps them compiled; a program's ``wanted`` names those it may include.
"""

from typing import Any, NoReturn

from attrs import define, field

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Exhausted, Question, Trouble
from mailsuite.sieve.extensions import presenting, variables
from mailsuite.sieve.program import Expand, Program, Step
from mailsuite.sieve.run import Run, Stopped
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Namespace, Tagged

CAPABILITY = "include"
QUESTION = "script"
DEPTH = 10  # scripts within scripts; RFC 6609 §3.1 asks for 3
NAME_CHARACTERS = 128  # RFC 5804 §1.6
_UNFIT = frozenset('/\\$`|<>"\u2028\u2029')
"""RFC 5804 §1.6, and what means something to a shell or a file system (RFC 6609 §4)."""

Key = tuple[str, str]
"""Location (``personal``, ``global``) and name."""


class Returned(Stopped):
    """The script said ``return``; the one that runs first stops by it."""


@define(eq=False)
class Included:
    """The scripts that a run is in, and all it has been in."""

    stack: list[Key] = field(factory=list)
    seen: set[Key] = field(factory=set)


def name_fits(name: str) -> bool:
    """Whether a script may have this name."""
    return (
        0 < len(name) <= NAME_CHARACTERS
        and not _UNFIT.intersection(name)
        and not name.startswith(".")
        and not any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 for one in name)
    )


def _include(bound: Bound) -> Step:
    name = bound.constant(0)
    if not name_fits(name):
        raise bound.error(0, f"no script may be named {name[:40]!r}")
    key = (bound.chosen("location", "personal"), name)
    bound.scope.wanted.append(Question(QUESTION, key))
    once, optional = bound.has("once"), bound.has("optional")

    def include(run: Run) -> None:
        run.step()
        here = _here(run)
        if once and key in here.seen:
            return
        if key in here.stack:
            raise Trouble(f"line {bound.line}: {name} includes itself")
        if len(here.stack) >= DEPTH:
            raise Exhausted(f"scripts include each other deeper than {DEPTH}")
        program = run.ask(QUESTION, *key)
        if program is None and optional:
            return
        if not isinstance(program, Program):
            why = program or f"there is no {key[0]} script {name}"
            raise Trouble(f"line {bound.line}: {why}")
        here.stack.append(key)
        here.seen.add(key)
        with presenting.part(run):
            _within(run, program, name)
        here.stack.pop()

    return include


def _here(run: Run) -> Included:
    known: Any = run.state.get(CAPABILITY)
    if known is None:
        known = run.state[CAPABILITY] = Included()
        if run.letter.script:
            known.stack.append(("personal", run.letter.script))
            known.seen.add(("personal", run.letter.script))
    found: Included = known
    return found


def _within(run: Run, program: Program, name: str) -> None:
    """Run a script that has its own variables and capabilities."""
    outside = run.variables, run.matched, run.enabled, run.branched
    run.variables, run.matched, run.enabled = {}, (), set()
    told = len(run.trail)
    try:
        for step in program.steps:
            step(run)
    except Returned:
        pass
    except Trouble as error:
        raise type(error)(f"{name}: {error}") from error
    finally:
        run.trail[told:] = [(at, f"{name}: {what}") for at, what in run.trail[told:]]
    run.variables, run.matched, run.enabled, run.branched = outside


def _return(_: Bound) -> Step:
    def leave(run: Run) -> NoReturn:
        run.step()
        raise Returned

    return leave


def _global(bound: Bound) -> Step:
    if variables.CAPABILITY not in bound.requires:
        hint = 'add "variables" to require'
        raise bound.error(None, "global needs variables as well", hint)
    known = variables.names(bound.scope)
    for value in bound.values(0):
        name = value.lower() if isinstance(value, str) else ""
        if not variables.IDENTIFIER.fullmatch(name):
            raise bound.error(0, f"{name[:40]!r} is no name of a variable")
        if name in known.own:
            hint = "write global before the first set"
            raise bound.error(0, f"{name} is set above, for this script alone", hint)
        known.shared.add(name)
    return lambda run: run.step()


def _read(name: str) -> Expand:
    if not variables.IDENTIFIER.fullmatch(name):
        raise ValueError(f"global.{name[:40]} cannot be a variable")
    return lambda run: variables.shared(run).get(name, "")


LOCATION = tuple(Tagged(name, group="location") for name in ("personal", "global"))
EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape(
            "include",
            _include,
            (Kind.STRING,),
            tags=(*LOCATION, Tagged("once"), Tagged("optional")),
        ),
        CommandShape("return", _return),
        CommandShape("global", _global, (Kind.STRINGS,)),
    ),
    namespaces={"global": Namespace(_read, variables.put_shared)},
)
