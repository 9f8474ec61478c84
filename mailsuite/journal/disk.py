"""Every call that the journal makes to the operating system.

One object of plain calls, so that a test can make any of them fail, lose what was
not synced, or end the process, at any step.
"""

import ctypes
import errno
import os
from collections.abc import Sequence

_LIBC = ctypes.CDLL(None, use_errno=True)


class Disk:
    """The real one. Everything blocks; nothing here runs on the reactor."""

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Open without inheriting into children."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        os.close(fd)

    def pwritev(self, fd: int, blocks: Sequence[bytes], offset: int) -> int:
        """Write some of the blocks; gives how many octets were taken."""
        return os.pwritev(fd, blocks, offset)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """Read up to ``length`` octets."""
        return os.pread(fd, length, offset)

    def fdatasync(self, fd: int) -> None:
        """Make a file's octets durable."""
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        """Make a file or folder durable."""
        os.fsync(fd)

    def rename(self, old: str, new: str) -> None:
        """Rename within one file system."""
        os.rename(old, new)

    def unlink(self, path: str) -> None:
        """Remove a name."""
        os.unlink(path)

    def sync_folder(self, path: str) -> None:
        """Make the names in a folder durable."""
        fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.fsync(fd)
        finally:
            self.close(fd)

    def syncfs(self, path: str) -> None:
        """Make the whole file system that holds ``path`` durable."""
        fd = self.open(path, os.O_RDONLY)
        try:
            if _LIBC.syncfs(fd) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), path)
        finally:
            self.close(fd)

    def write_whole(self, path: str, content: bytes) -> None:
        """Put a small file in place, durable whole or not at all."""
        new = f"{path}.new"
        fd = self.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            write_all(self, fd, [content], 0)
            self.fsync(fd)
        finally:
            self.close(fd)
        self.rename(new, path)
        self.sync_folder(os.path.dirname(path))


IOV_MAX = 1_024  # blocks in one pwritev; limits.h of Linux


def write_all(disk: Disk, fd: int, blocks: Sequence[bytes], offset: int) -> int:
    """Write all blocks from ``offset``; gives the offset after them."""
    for first in range(0, len(blocks), IOV_MAX):
        some = blocks[first : first + IOV_MAX]
        wanted = sum(map(len, some))
        written = disk.pwritev(fd, some, offset)
        if written < wanted:
            written = _write_rest(disk, fd, b"".join(some), offset, written)
        offset += written
    return offset


def _write_rest(disk: Disk, fd: int, octets: bytes, offset: int, done: int) -> int:
    while done < len(octets):
        written = disk.pwritev(fd, [octets[done:]], offset + done)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done += written
    return done
