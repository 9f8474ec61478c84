"""Coroutines that run at once, and whose failure before a wait is the caller's."""

from mailsuite.net.tasks import Tasks, Work


def run(tasks: Tasks, what: str, work: Work) -> None:
    """Run ``work`` up to its first wait; if there is one, ``tasks`` keep it.

    What it raises before its first wait is raised here.
    """
    waiting = next(work.__await__(), None)  # half of ``send``, whose end is raised
    if waiting is not None:
        tasks.keep(what, work, waiting)
