"""One instance at a time on a data directory, and how the last one ended.

``lock`` is held by flock while the suite runs, so it falls with the process.
``generation`` holds the number of this run and whether it ended by a clean stop.
"""

import fcntl
import os
from contextlib import ExitStack, suppress
from typing import Self

from attrs import define

from mailsuite.journal.disk import Disk
from mailsuite.model.errors import UsageError

_CLEAN = "clean"
_RUNNING = "running"


@define(eq=False)
class Generation:
    """This run of the suite on its data directory."""

    folder: str
    number: int
    clean: bool
    """Whether the run before this one ended by a clean stop (or there was none)."""
    _lock: int
    _disk: Disk

    @classmethod
    def begin(cls, folder: str, disk: Disk | None = None) -> Self:
        """Take the directory; the new number is durable on return. Blocks.

        :raises UsageError: another instance runs on it; nothing was changed.
        """
        disk = disk or Disk()
        lock = _locked(os.path.join(folder, "lock"))
        with ExitStack() as undo:
            undo.callback(os.close, lock)
            number, clean = _read(folder)
            _write(disk, folder, number + 1, _RUNNING)
            undo.pop_all()
        return cls(folder, number + 1, clean, lock, disk)

    def finish(self, *, clean: bool) -> None:
        """Let the directory go. ``clean``: everything was stopped in order."""
        if clean:
            _write(self._disk, self.folder, self.number, _CLEAN)
        os.close(self._lock)


def _locked(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise UsageError(
            f"another instance runs on {os.path.dirname(path)}; stop it first"
        ) from error
    return fd


def _read(folder: str) -> tuple[int, bool]:
    with suppress(FileNotFoundError):
        with open(os.path.join(folder, "generation"), encoding="ascii") as file:
            words = file.read(64).split()
        with suppress(ValueError, IndexError):
            return int(words[0]), words[1] == _CLEAN
        return 0, False
    return 0, True


def _write(disk: Disk, folder: str, number: int, state: str) -> None:
    path = os.path.join(folder, "generation")
    disk.write_whole(path, f"{number} {state}\n".encode("ascii"))
