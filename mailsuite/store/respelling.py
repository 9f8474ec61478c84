"""Other names for files whose own names an index cannot keep.

A file in ``cur`` has an info part (``:2,``) and one in ``new`` has none; no other file
of the mailbox has its base; all of it can be printed. Other programs, and people with
``mv``, do otherwise: such a file is renamed, and its flags stay.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress

from mailsuite.store import maildir
from mailsuite.store.maildir import Found

_LEADING = re.compile(r"[0-9]{1,12}")  # seconds, which give files their order


def settle(path: str, strange: Iterable[str], found: dict[str, Found]) -> None:
    """Rename what :func:`maildir.look` left out of a mailbox at ``path``.

    ``found`` is what it did not leave out, and takes in what is renamed. What is no
    file, is gone or cannot be renamed stays as it is.
    """
    for old in strange:
        with suppress(OSError):
            status = os.lstat(f"{path}/{old}")
            if stat.S_ISREG(status.st_mode):
                new = _settled(path, old, status, found)
                found.setdefault(new.base, new)


def _settled(
    path: str, old: str, status: os.stat_result, found: Mapping[str, Found]
) -> Found:
    place, _, name = old.partition("/")
    base, mark, letters = name.partition(maildir.INFO)
    place = "cur" if mark else place
    letters = "".join(filter(str.isprintable, letters))
    new = Found(_printable(base), place, letters)
    other = found.get(new.base)
    if other is not None:
        if os.path.samestat(status, os.lstat(f"{path}/{other.relative}")):
            return other  # somebody renames it by a link
    elif base:
        try:
            maildir.rename(f"{path}/{old}", f"{path}/{new.relative}")
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENAMETOOLONG}:
                raise
        else:
            return new
    leading = _LEADING.match(base)
    seconds = leading.group() if leading else str(int(status.st_mtime))
    seed = f"{status.st_ino}/{old}"
    digest = hashlib.sha256(os.fsencode(seed)).hexdigest()
    new = Found(f"{seconds}.{digest}", place, letters)
    maildir.rename(f"{path}/{old}", f"{path}/{new.relative}")
    return new


def _printable(base: str) -> str:
    """``base``, with every octet that cannot be printed as ``=`` and two digits."""
    return "".join(
        char
        if char.isprintable()
        else "".join(f"={octet:02X}" for octet in os.fsencode(char))
        for char in base
    )
