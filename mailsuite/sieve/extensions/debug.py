"""``debug_log`` (vnd.dovecot.debug): a line in the trail of a run, for its author."""

from mailsuite.sieve.binding import Bound
from mailsuite.sieve.program import Step, text
from mailsuite.sieve.run import Run
from mailsuite.sieve.shapes import CommandShape, Extension, Kind

LINE_CHARACTERS = 1_000  # of one message


def _debug_log(bound: Bound) -> Step:
    message = bound.value(0)

    def debug_log(run: Run) -> None:
        run.step()
        told = text(run, message)[:LINE_CHARACTERS]
        run.work(len(told))
        run.trail.append((bound.line, f"debug_log: {told}"))

    return debug_log


EXTENSION = Extension(
    "vnd.dovecot.debug",
    commands=(CommandShape("debug_log", _debug_log, (Kind.STRING,)),),
)
