"""``foreverypart`` and ``break`` (RFC 5703 §3).

A loop goes from part to part by their paths, so that parts may be replaced and the
whole message enclosed while it runs. Each part counts as a step of the run.
"""

from attrs import define

from mailsuite.sieve import looking
from mailsuite.sieve.binding import Bound
from mailsuite.sieve.parts import Path, following
from mailsuite.sieve.program import Step, sequence
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind, Tagged
from mailsuite.sieve.tree import Command, Tag, Text

CAPABILITY = "foreverypart"


@define(eq=False)
class Loop:
    """A loop that runs: where it is, and what it may not leave."""

    path: Path
    top: Path
    replaced: bool = False
    """Whether there is something else in the place of the part it is at."""


class _Broken(Exception):  # noqa: N818 - an end, no error
    """``break``; of the loop with that name, or of the innermost."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def running(run: Run) -> list[Loop]:
    """The loops that run, the outermost first."""
    loops: list[Loop] = run.state.setdefault(CAPABILITY, [])
    return loops


def current(run: Run) -> Path | None:
    """The part that the innermost loop is at; None outside of loops."""
    loops = running(run)
    return loops[-1].path if loops else None


def enclosed(run: Run, path: Path) -> None:
    """The message lies at this path of another one from now on."""
    for loop in running(run):
        loop.path, loop.top = path + loop.path, path + loop.top


def names(bound: Bound) -> list[str]:
    """The names of the loops around a command; empty for those without one."""
    return [_name(one) for one in bound.scope.within if one.name == CAPABILITY]


def _name(command: Command) -> str:
    arguments = iter(command.arguments)
    for argument in arguments:
        if isinstance(argument, Tag) and argument.name == "name":
            name = next(arguments, None)
            return name.value if isinstance(name, Text) else ""
    return ""


def _foreverypart(bound: Bound) -> Step:
    block = sequence(bound.steps)
    name = bound.constant("name") if bound.has("name") else ""

    def foreverypart(run: Run) -> None:
        run.step()
        loops = running(run)
        inner = bool(loops)
        top = loops[-1].path if inner else ()
        loop = Loop(top, top)
        if inner and not _next(run, loop):
            return
        loops.append(loop)
        try:
            _walk(run, loop, block)
        except _Broken as broken:
            if broken.name and broken.name != name:
                raise
        finally:
            loops.pop()

    return foreverypart


def _walk(run: Run, loop: Loop, block: Step) -> None:
    run.step()
    block(run)
    while _next(run, loop):
        run.step()
        block(run)


def _next(run: Run, loop: Loop) -> bool:
    """Go to the next part, not into one that took the place of another."""
    if loop.replaced:
        whole = run.message.before
    else:
        whole = looking.lying(run, loop.path, inside=False)
    into = not loop.replaced
    path = following(whole.structure, loop.path, loop.top, into=into)
    if path is None:
        return False
    loop.path, loop.replaced = path, False
    return True


def _break(bound: Bound) -> Step:
    around = names(bound)
    if not around:
        raise bound.error(None, "break can only stand in a foreverypart")
    name = bound.constant("name") if bound.has("name") else ""
    if name and name not in around:
        raise bound.error("name", f"no foreverypart around here has the name {name}")

    def break_(run: Run) -> None:
        run.step()
        raise _Broken(name)

    return break_


_NAMED = (Tagged("name", Kind.STRING),)

EXTENSION = Extension(
    CAPABILITY,
    commands=(
        CommandShape("foreverypart", _foreverypart, tags=_NAMED, block=True),
        CommandShape("break", _break, tags=_NAMED),
    ),
)
