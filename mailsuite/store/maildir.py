"""Files of one Maildir: how they are named, written, listed, moved.

Names are ``<base>`` in ``new`` and ``<base>:2,<letters>`` in ``cur``. Everything
here blocks and runs on a lane, :func:`open_cached` apart. Files are 0600, directories
0700, symbolic links are never followed.
"""

import ctypes
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from errno import EEXIST, EINVAL, ENOSYS

from attrs import frozen

from mailsuite.model.errors import UsageError

INFO = ":2,"
FOLDERS = ("new", "cur", "tmp")

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN = re.compile(r"[0-9]+\.(?:Q[0-9A-Z]+R[0-9]+A[0-9]+|M[0-9]+P[0-9]+N[0-9]+)(D|\.)")
_SIZE = re.compile(r",S=([0-9]{1,18})(?:,|$)")
_NOREPLACE = 1  # RENAME_NOREPLACE of renameat2(2)
_AT_FDCWD = -100

_OPENAT2 = 437  # the system call's number, the same on every machine
_CACHED = 0x20  # RESOLVE_CACHED of openat2(2), since Linux 5.12

_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    """``struct open_how`` of openat2(2)."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_how = _How(_READ, 0, _CACHED)
_openat2 = _libc.syscall
_openat2.restype = ctypes.c_long
_openat2.argtypes = (
    ctypes.c_long,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
_of_how = (ctypes.addressof(_how), ctypes.sizeof(_how))


@frozen
class Found:
    """A message's file as a listing saw it: ``place`` is ``new`` or ``cur``."""

    base: str
    place: str
    letters: str
    """Flag letters; with the mark of the info part it is the rest of the name."""

    @property
    def relative(self) -> str:
        """Its path below the mailbox's directory."""
        return relative(self.base, self.place, self.letters)


def relative(base: str, place: str, letters: str) -> str:
    """Path of a message below its mailbox's directory."""
    return f"new/{base}" if place == "new" else f"cur/{base}{INFO}{letters}"


def make(path: str) -> None:
    """Make a mailbox's directories; those that are there stay.

    :raises UsageError: one of them is a symbolic link or no directory.
    """
    for directory in (path, *(os.path.join(path, name) for name in FOLDERS)):
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            if os.path.islink(directory) or not os.path.isdir(directory):
                raise UsageError(f"{directory} is no directory of its own") from None


def make_tree(path: str, top: str) -> None:
    """Make ``path`` and what is missing above it, down from ``top``; synced.

    :raises UsageError: a level below ``top`` is a symbolic link.
    """
    missing = []
    level = path
    while level != top and len(level) > len(top):
        if os.path.islink(level):
            raise UsageError(f"{level} is a symbolic link")
        if not os.path.isdir(level):
            missing.append(level)
        level = os.path.dirname(level)
    for level in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(level, 0o700)
        sync_directory(os.path.dirname(level))


def sync_directory(path: str) -> None:
    """Put a directory's entries on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: str) -> None:
    """Put a file's octets on disk."""
    descriptor = os.open(path, _READ)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def write(path: str, blocks: Sequence[bytes], date: float = 0.0) -> None:
    """Make a file of these blocks; nothing of it stays behind on failure.

    ``date`` (wall seconds) becomes its mtime if it is not 0.
    """
    descriptor = os.open(path, _CREATE, 0o600)
    done = False
    try:
        count = os.writev(descriptor, blocks)
        if count < sum(map(len, blocks)):
            _write_rest(descriptor, b"".join(blocks), count)
        if date:
            os.utime(descriptor, (date, date))
        done = True
    finally:
        os.close(descriptor)
        if not done:
            discard(path)


def _write_rest(descriptor: int, octets: bytes, count: int) -> None:
    while count < len(octets):
        count += os.write(descriptor, memoryview(octets)[count:])


def discard(path: str) -> None:
    """Unlink a file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def rename(old: str, new: str) -> None:
    """Rename, never over another file. :raises FileExistsError: it is there."""
    if _libc.renameat2(
        _AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), _NOREPLACE
    ):
        number = ctypes.get_errno()
        if number not in {EINVAL, ENOSYS}:  # else this file system cannot
            raise OSError(number, os.strerror(number), old, None, new)
        _rename_plainly(old, new)


def _rename_plainly(old: str, new: str) -> None:
    """As :func:`rename`, by a link, which a directory cannot have."""
    if os.path.isdir(old):
        if os.path.lexists(new):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), old, None, new)
        os.rename(old, new)
    else:
        os.link(old, new, follow_symlinks=False)
        os.unlink(old)


def listing(path: str) -> dict[str, Found]:
    """Every message file of a mailbox's ``new`` and ``cur``, by base name.

    ``new`` is read first: a file that moves to ``cur`` meanwhile is seen there.
    """
    return look(path)[0]


def look(path: str) -> tuple[dict[str, Found], list[str]]:
    """As :func:`listing`, and paths of files that it leaves out.

    They say too little, or what cannot be kept: see :mod:`mailsuite.store.respelling`.
    """
    found: dict[str, Found] = {}
    strange: list[str] = []
    for place in FOLDERS[:2]:
        with suppress(FileNotFoundError):
            for name in os.listdir(os.path.join(path, place)):
                if name[0] == ".":
                    continue
                base, mark, letters = name.partition(INFO)
                if bool(mark) == (place == "cur") and base and name.isprintable():
                    other = found.get(base)
                    if other is not None:
                        strange.append(other.relative)
                    found[base] = Found(base, place, letters)
                else:
                    strange.append(f"{place}/{name}")
    return found, strange


def locate(path: str, base: str) -> Found | None:
    """Look for one message whose file is not where it was."""
    return listing(path).get(base)


def mtimes(path: str) -> tuple[int, int]:
    """When ``new`` and ``cur`` last changed, nanoseconds; 0: not there."""
    return mtime(path, "new"), mtime(path, "cur")


def mtime(path: str, place: str) -> int:
    """When one of them last changed."""
    try:
        return os.stat(f"{path}/{place}").st_mtime_ns
    except FileNotFoundError:
        return 0


def open_read(path: str) -> int:
    """A descriptor of a message's file. :raises OSError: there is none."""
    return os.open(path, _READ)


def open_cached(path: str) -> int:
    """As :func:`open_read`, but never waits for the disk.

    :raises OSError: there is none, or the kernel does not know the name by heart.
    """
    descriptor: int = _openat2(_OPENAT2, _AT_FDCWD, os.fsencode(path), *_of_how)
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return descriptor


def sync_filesystem(path: str) -> None:
    """Put everything of a file system on disk (syncfs(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)


def is_own(name: str) -> bool:
    """Whether a name is one that we give: then its octets end lines with CRLF."""
    return _OWN.match(name) is not None


def stated_size(base: str) -> int:
    """The size that a base name tells; -1: none."""
    match = _SIZE.search(base)
    return int(match.group(1)) if match else -1
