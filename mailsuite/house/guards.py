"""What must be right before the suite starts; nothing is changed here.

Each guard raises one text that says what to do, so that a start that cannot work
stops at once, with a status other than 0, before anything was touched.
"""

import fcntl
import os
import stat
from collections.abc import Iterable

from mailsuite.house.tree import Tree
from mailsuite.model.errors import UsageError
from mailsuite.net.endpoints import Place, bind

OTHERS = stat.S_IRWXO


def settings(tree: Tree) -> None:
    """Look for settings that are well-formed and yet must not be used."""
    if tree.server.assembly not in {"solo", "memory"}:
        raise UsageError("server.assembly is solo or memory")


def private(path: str, what: str) -> None:
    """:raises UsageError: a secret file that everybody may read."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise UsageError(f"{what}: {path}: {error.strerror}") from error
    if mode & OTHERS:
        raise UsageError(
            f"{what}: everybody may read {path}; run chmod 600 {path} first"
        )


def data_folder(path: str) -> None:
    """:raises UsageError: the folder cannot be ours, or somebody runs on it."""
    if not os.path.isdir(path):
        above = os.path.dirname(path)
        while above and not os.path.exists(above):
            above = os.path.dirname(above)
        if not os.access(above, os.W_OK | os.X_OK):
            raise UsageError(f"{path} does not exist and cannot be made: see {above}")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(f"{path} cannot be written: it belongs to another user")
    if os.stat(path).st_mode & stat.S_IWOTH:
        raise UsageError(f"everybody may write to {path}: run chmod 700 {path}")
    _unlocked(os.path.join(path, "lock"), path)


def _unlocked(lock: str, folder: str) -> None:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(
            f"another instance runs on {folder}: stop it first, or give this one a"
            " data folder of its own (server.data)"
        ) from error
    finally:
        os.close(descriptor)


def free(places: Iterable[str]) -> None:
    """:raises UsageError: one of these cannot be listened on."""
    for text in places:
        place = Place.parse(text)
        if place.port:
            bind(place).close()
