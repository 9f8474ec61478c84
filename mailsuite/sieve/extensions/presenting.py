"""The part a loop is at stands for the whole message in an included script.

RFC 6609 §3.5. What the script changes there is put into the message when it ends or
plans an action: actions are about the message that was delivered.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define

from mailsuite.sieve import looking
from mailsuite.sieve.extensions import loops, rewriting
from mailsuite.sieve.message import Message
from mailsuite.sieve.parts import Path
from mailsuite.sieve.run import Run, Stopped


@define(eq=False)
class Presented:
    """The message around a part, and the part as it lies there."""

    outer: Message
    around: Callable[[], Message] | None
    path: Path
    entity: bytes


@contextmanager
def part(run: Run) -> Iterator[None]:
    """Let a script see the part that the innermost loop is at, and no loop."""
    path = loops.current(run)
    if path is None:
        yield
        return
    hidden = run.state.pop(loops.CAPABILITY)
    leave = _whole(run, hidden) if path == () else _presented(run, path, hidden)
    try:
        yield
    except Stopped:
        leave()
        raise
    leave()


def _whole(run: Run, hidden: list[loops.Loop]) -> Callable[[], None]:
    """The part is the message itself; how to go on in the loops behind it."""
    before = rewriting.enclosures(run)

    def leave() -> None:
        run.state[loops.CAPABILITY] = hidden
        for _ in range(before, rewriting.enclosures(run)):
            loops.enclosed(run, rewriting.INSIDE)

    return leave


def _presented(run: Run, path: Path, hidden: list[loops.Loop]) -> Callable[[], None]:
    """Show a part; gives how to come back to the message."""
    found = looking.lying(run, path)
    lies = found.part(path)
    entity = found.octets[lies.start : lies.end]
    run.work(len(entity))
    shown = Presented(run.message, run.around, path, entity)
    run.message = Message.of(entity)

    def around() -> Message:
        inner, own = run.message, run.around
        _go_out(run, shown)
        outer = run.message if run.around is None else run.around()
        run.message, run.around = inner, own
        return outer

    def leave() -> None:
        _go_out(run, shown)
        run.state[loops.CAPABILITY] = hidden

    run.around = around
    return leave


def _go_out(run: Run, shown: Presented) -> None:
    """Be about the message around, with the part as it is now."""
    entity = run.message.written()
    run.message, run.around = shown.outer, shown.around
    if entity != shown.entity:
        run.work(len(entity))
        rewriting.put(run, shown.path, entity)
        shown.outer, shown.entity = run.message, entity
