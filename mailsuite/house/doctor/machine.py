"""This machine: folders and their modes, disk, clock, certificate."""

import ctypes
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from mailsuite.house.paths import Places
from mailsuite.house.tree import Tree
from mailsuite.interfaces.publishing import NOTE, RIGHT, WRONG, Finding
from mailsuite.model.errors import UsageError
from mailsuite.tls import certificate

DAY_SECONDS = 86_400
SOON_DAYS = 14  # of a certificate's life left: renew it now
FREE_PART = 20  # less than this part of the disk or its files is little
FUTURE_SECONDS = 300.0  # that a file of ours may be ahead of the clock
YEAR = 2025  # a clock before it was never set

_UNSYNCHRONIZED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_OCTETS = 512  # more than struct timex has on any machine


def folders(tree: Tree, places: Places) -> Iterator[Finding]:
    """Whether only we may look at what is kept, and whether all may be read."""
    yield _private(places.data, "data folder", folder=True)
    yield _private(places.state, "directory")
    if tree.tls.key:
        yield _private(tree.tls.key, "TLS key")
    yield _settings(places.config)


def _private(path: str, what: str, *, folder: bool = False) -> Finding:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return Finding(
            what, WRONG, f"{path} is not there", "run mailsuite init ADDRESS"
        )
    except OSError as error:
        return Finding(what, WRONG, f"{path}: {error.strerror}", "look who owns it")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o007:
        right = "700" if folder else "600"
        said = f"everybody may use {path} (mode {mode:o})"
        return Finding(what, WRONG, said, f"chmod {right} {path}")
    if found.st_uid not in {os.geteuid(), 0}:
        said = f"{path} belongs to user {found.st_uid}"
        return Finding(what, NOTE, said, "it should belong to the suite's user")
    return Finding(what, RIGHT, f"{path} is ours alone")


def _settings(path: str) -> Finding:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return Finding("settings", WRONG, f"{path}: {error.strerror}", "look for it")
    if mode & stat.S_IWOTH:
        said = f"everybody may change {path}"
        return Finding("settings", WRONG, said, f"chmod o-w {path}")
    return Finding("settings", RIGHT, f"{path} is not open to others")


def disk(places: Places, least: int) -> Iterator[Finding]:
    """Whether there is room: ``least`` octets are what mail is refused below."""
    try:
        found = os.statvfs(places.data)
    except OSError as error:
        yield Finding("disk", WRONG, f"{places.data}: {error.strerror}", "look for it")
        return
    free = found.f_bavail * found.f_frsize
    said = f"{free >> 20} MiB are free for {places.data}"
    if free < 2 * least:
        yield Finding("disk", WRONG, said, "make room: mail is soon answered 452")
    elif free * FREE_PART < found.f_blocks * found.f_frsize:
        yield Finding("disk", NOTE, said, "make room before it is full")
    else:
        yield Finding("disk", RIGHT, said)
    if found.f_files and found.f_favail * FREE_PART < found.f_files:
        said = f"{found.f_favail} files more can be made"
        yield Finding("inodes", WRONG, said, "each message is a file: make room")


def clock(places: Places, wall: Callable[[], float]) -> Finding:
    """Whether the clock was set, does not lag behind our files, and is kept right."""
    now = wall()
    said = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    hint = "set the clock, and let NTP keep it right"
    if datetime.fromtimestamp(now, UTC).year < YEAR:
        return Finding("clock", WRONG, f"it says {said}", hint)
    try:
        newest = max(entry.stat().st_mtime for entry in os.scandir(places.data))
    except (OSError, ValueError):
        newest = now
    if newest > now + FUTURE_SECONDS:
        behind = f"it says {said}, {newest - now:.0f} s before our newest file"
        return Finding("clock", WRONG, behind, hint)
    if _unsynchronized():
        said += ", but nothing keeps it right"
        return Finding("clock", NOTE, said, "let NTP keep it right")
    return Finding("clock", RIGHT, said)


def _unsynchronized() -> bool:
    """Ask the kernel; False where it does not tell."""
    library = ctypes.CDLL(None, use_errno=True)
    adjtimex = getattr(library, "adjtimex", None)
    if adjtimex is None:
        return False
    answer: int = adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    return answer == _UNSYNCHRONIZED


def certificates(tree: Tree, wall: Callable[[], float]) -> Finding:
    """Whether clients and servers can believe our certificate."""
    what, host = "certificate", tree.server.hostname
    if not tree.tls.certificate:
        hint = "set [tls] certificate and key: nobody can log in without TLS"
        return Finding(what, WRONG, "there is none", hint)
    try:
        found = certificate.read(tree.tls.certificate)
    except UsageError as error:
        return Finding(what, WRONG, str(error), "look at [tls] certificate")
    days = (found.ends - wall()) / DAY_SECONDS
    until = datetime.fromtimestamp(found.ends, UTC).strftime("%Y-%m-%d")
    if days < 0 or found.begins > wall():
        hint = "renew it, then mailsuite reload"
        return Finding(what, WRONG, f"it is not valid now (until {until})", hint)
    if not found.covers(host):
        said = f"it is for {', '.join(found.names) or 'nobody'}, not for {host}"
        return Finding(what, WRONG, said, f"get one for {host}")
    if days < SOON_DAYS:
        hint = "renew it, then mailsuite reload"
        return Finding(what, WRONG, f"it ends in {days:.0f} days", hint)
    if found.self_signed:
        hint = "get one from an authority: clients warn of it"
        return Finding(what, NOTE, f"it is signed by itself, until {until}", hint)
    return Finding(what, RIGHT, f"for {host} until {until}")
