"""The loop of a child process: read a request, answer it, until stdin ends.

Runs in the child, without Twisted; :mod:`mailsuite.net.workers` is its parent.
A parent that is killed closes the pipe, so a child never outlives it by more
than the request in its hands.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from mailsuite.net import frames

NICENESS = 10  # where the scheduler knows no idle policy

Answer = Callable[[Mapping[str, Any], bytes], tuple[Mapping[str, Any], bytes]]


def serve(answer: Answer, *, background: bool = False) -> None:
    """Answer every request on stdin with a frame on stdout; return at its end.

    What ``answer`` raises is reported as ``{"error": text}`` with a traceback on
    stderr, and the loop goes on. Ends on a broken pipe or a bad frame.
    ``background`` work, for which nobody waits, runs only on an idle core.
    """
    if background:
        _step_back()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)  # a stray print must not break the frames
        while (request := _read(source)) is not None:
            header, octets = request
            try:
                frame = frames.pack(*answer(header, octets))
            except Exception as error:
                traceback.print_exc()
                frame = frames.pack({"error": f"{type(error).__name__}: {error}"})
            try:
                sink.writelines(frame)
                sink.flush()
            except BrokenPipeError:
                os._exit(0)  # nobody is left to flush for


def _step_back() -> None:
    """Run only when a core has nothing else to do: the reactor goes first."""
    os.nice(NICENESS)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _read(source: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    head = source.read(frames.HEAD.size)
    if len(head) < frames.HEAD.size:
        return None
    text, octets = frames.lengths(head)
    header, body = source.read(text), source.read(octets)
    if len(header) < text or len(body) < octets:
        return None
    return frames.header(header), body
