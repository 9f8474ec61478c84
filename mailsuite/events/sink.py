"""Where lines go: gathered on the reactor, written by a thread of their own.

A full disk, a slow terminal or a reader that went away costs lines, which are
counted, and never holds up mail.
"""

import os
import sys
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFromThreads,
    IReactorTime,
)

from mailsuite.net.lanes import Lane

FLUSH_SECONDS = 0.2
WAITING_CHARACTERS = 4 * 1024 * 1024
"""More than this unwritten and further lines are dropped."""
FILE_MODE = 0o640


@define(eq=False, repr=False)
class Sink:
    """Lines to one descriptor, in order."""

    _clock: IReactorTime
    _lane: Lane
    _target: Callable[[], str]
    _lines: list[str] = field(factory=list)
    _size: int = 0
    _writing: int = 0
    _descriptor: int = -1
    _timer: IDelayedCall | None = None
    dropped: int = 0

    @classmethod
    def to(
        cls,
        reactor: IReactorFromThreads,
        clock: IReactorTime,
        target: Callable[[], str],
    ) -> "Sink":
        """``target`` gives ``stdout``, ``stderr`` or a path, at the first line."""
        return cls(clock, Lane(reactor, "log"), target)

    def add(self, line: str) -> None:
        """Take a whole line, its end included."""
        if self._size + self._writing > WAITING_CHARACTERS:
            self.dropped += 1
            return
        self._lines.append(line)
        self._size += len(line)
        if self._timer is None:
            self._timer = self._clock.callLater(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._timer = None
        lines, self._lines = self._lines, []
        if not lines:
            return
        size, self._size = self._size, 0
        self._writing += size
        _ = self._lane.run(self._write, lines).addBoth(self._written, size)

    def _written(self, _result: object, size: int) -> None:
        self._writing -= size

    def _write(self, lines: list[str]) -> None:
        octets = memoryview("".join(lines).encode("utf-8", "backslashreplace"))
        try:
            if self._descriptor < 0:
                self._descriptor = self._open()
            while octets:
                octets = octets[os.write(self._descriptor, octets) :]
        except OSError:
            self.dropped += len(lines)

    def _open(self) -> int:
        target = self._target()
        if target == "stdout":
            return sys.__stdout__.fileno() if sys.__stdout__ else 1
        if target == "stderr":
            return sys.__stderr__.fileno() if sys.__stderr__ else 2
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(target, flags, FILE_MODE)

    def reopen(self) -> None:
        """Open the file anew, after a rotation."""
        _ = self._lane.run(self._close)

    def _close(self) -> None:
        if self._descriptor > 2:
            os.close(self._descriptor)
        self._descriptor = -1

    def stop(self) -> None:
        """Write what waits and close. Blocks, at the very end of the process."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        _ = self._lane.run(self._close)
        self._lane.stop()
