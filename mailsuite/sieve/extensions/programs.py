"""Programs of the operator: ``pipe``, ``filter``, ``execute`` (``vnd.dovecot.*``).

Not among what scripts may ask for unless the operator allows it. What a program says
decides what a script does next, so that running it is a question, ``program``:

    (kind, number, name, input, arguments ...)

``number`` counts the calls of one run, ``input`` holds octets, a character for each.
The answer is the program's output as octets, or None if it failed or is not there.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from mailsuite.sieve import octets
from mailsuite.sieve.actions import clash
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.errors import Exhausted, Trouble
from mailsuite.sieve.extensions import variables
from mailsuite.sieve.program import Condition, Step, text, texts
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import (
    CommandShape,
    Extension,
    Kind,
    Tagged,
    TestShape,
)

VENDOR = "vnd.dovecot."
NAME_CHARACTERS = 128
ARGUMENTS = 16
ARGUMENT_OCTETS = 1_024
CALLS = 8  # in one run
INPUT_OCTETS = 10 << 20  # of a message that a program is given
OUTPUT_OCTETS = 10 << 20  # that it may answer with

Call = Callable[[Run], bytes | None]


@frozen
class Piped:
    """The message was given to a program. Cancels the implicit keep."""

    program: str
    arguments: tuple[str, ...] = ()
    at: int = 0

    def clashes(self, other: Any) -> str:
        """Only one pipe into one program."""
        if isinstance(other, Piped) and other.program == self.program:
            return f"the message is piped into {self.program} already"
        return ""


def name_of(bound: Bound) -> str:
    """The program's name, which no variable may choose. :raises BadScript: bad."""
    name = bound.constant(0)
    fit = 0 < len(name) <= NAME_CHARACTERS and name.isprintable()
    if not fit or "/" in name or name.startswith("."):
        hint = "names have no slashes and no dot at their beginning"
        raise bound.error(0, f"{name[:40]!r} can be no program", hint)
    return name


def _calling(bound: Bound, kind: str, given: Callable[[Run], str]) -> Call:
    """What has a program run and gives its output, None: it failed."""
    name = name_of(bound)
    arguments = bound.values(1) if bound.given(1) else ()
    if len(arguments) > ARGUMENTS:
        raise bound.error(1, f"a program takes at most {ARGUMENTS} arguments")

    def call(run: Run) -> bytes | None:
        run.step()
        told = tuple(texts(run, arguments))
        for one in told:
            if len(one.encode("utf-8", "replace")) > ARGUMENT_OCTETS or "\0" in one:
                raise Trouble(f"line {bound.line}: {one[:40]!r} can be no argument")
        number = run.state[VENDOR] = run.state.get(VENDOR, 0) + 1
        if number > CALLS:
            raise Exhausted(f"more than {CALLS} programs")
        octets = given(run)
        run.work(len(octets))
        answer = run.ask("program", kind, str(number), name, octets, *told)
        return answer if isinstance(answer, bytes) else None

    return call


def _message(run: Run) -> str:
    """The message as it is now, a character for each octet."""
    if run.message.size > INPUT_OCTETS:
        raise Trouble(f"a program is given at most {INPUT_OCTETS} octets")
    return run.message.written().decode("latin-1")


def _pipe(bound: Bound) -> Step:
    call = _calling(bound, "pipe", _message)
    name, attempt, copy = bound.constant(0), bound.has("try"), bound.has("copy")
    arguments = bound.values(1) if bound.given(1) else ()

    def pipe(run: Run) -> None:
        told = Piped(name, tuple(texts(run, arguments)), bound.line)
        for known in run.actions:
            if why := clash(known, told):
                raise Trouble(f"line {bound.line}: {why}")
        if call(run) is not None:
            run.act(told, cancels=not copy)
        elif not attempt:
            raise Trouble(f"line {bound.line}: the program {name} failed")

    return pipe


def _filter(bound: Bound) -> Condition:
    call = _calling(bound, "filter", _message)

    def filtered(run: Run) -> bool:
        output = call(run)
        if not output:
            return False
        run.editable().become(output)
        return True

    return filtered


def _execute(bound: Bound) -> Condition:
    put = _output(bound)
    given = _input(bound)
    call = _calling(bound, "execute", given)

    def execute(run: Run) -> bool:
        output = call(run)
        if output is None:
            return False
        if put is not None:
            put(run, output.decode("utf-8", "replace"))
        return True

    return execute


def _input(bound: Bound) -> Callable[[Run], str]:
    if bound.has("pipe"):
        return _message
    if not bound.has("input"):
        return lambda _: ""
    (value,) = bound.keys("input")
    return lambda run: octets.octets(text(run, value)).decode("latin-1")


def _output(bound: Bound) -> variables.Put | None:
    if not bound.has("output"):
        return None
    try:
        return variables.target(bound.constant("output"), bound.scope)
    except ValueError as error:
        raise bound.error("output", str(error)) from None


def _as_step(compiled: Callable[[Bound], Condition]) -> Callable[[Bound], Step]:
    """A test that is a command as well."""

    def compile_step(bound: Bound) -> Step:
        condition = compiled(bound)

        def step(run: Run) -> None:
            condition(run)

        return step

    return compile_step


_ARGUMENTS = (Kind.STRING, Kind.STRINGS)
_EXECUTE_TAGS = (
    Tagged("input", Kind.STRING, group="input"),
    Tagged("pipe", group="input"),
    Tagged("output", Kind.STRING, needs=variables.CAPABILITY),
)

EXTENSIONS = (
    Extension(
        f"{VENDOR}pipe",
        commands=(
            CommandShape(
                "pipe",
                _pipe,
                _ARGUMENTS,
                trailing=1,
                tags=(Tagged("try"), Tagged("copy", needs="copy")),
            ),
        ),
    ),
    Extension(
        f"{VENDOR}filter",
        commands=(CommandShape("filter", _as_step(_filter), _ARGUMENTS, trailing=1),),
        tests=(TestShape("filter", _filter, _ARGUMENTS, trailing=1),),
    ),
    Extension(
        f"{VENDOR}execute",
        commands=(
            CommandShape(
                "execute",
                _as_step(_execute),
                _ARGUMENTS,
                trailing=1,
                tags=_EXECUTE_TAGS,
            ),
        ),
        tests=(
            TestShape("execute", _execute, _ARGUMENTS, trailing=1, tags=_EXECUTE_TAGS),
        ),
    ),
)
