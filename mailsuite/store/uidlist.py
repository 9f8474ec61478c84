"""``dovecot-uidlist``, version 3: the UIDs of a mailbox beside its mail.

A line ``3 V<uidvalidity> N<next uid> G<guid>``, then ``<uid> <extras> :<base>`` for
each message in rising order. ``N`` holds our durable limit, never less than the
next UID. Extras of ours: ``E<email id>``, ``K<keywords without a letter>``. Lines
are only added; those of expunged messages stay until the file is written anew.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from attrs import field, frozen

from mailsuite.store import maildir

FILE = "dovecot-uidlist"
LINE_OCTETS = 8_192  # longer lines are damage

_GUID = re.compile(rb"[0-9A-Za-z_-]{1,128}")  # what may stand in an id of RFC 8474
_HEADER = re.compile(rb"3((?: [A-Z][^ ]*)*)\s*")


class Entry(NamedTuple):
    """One message: ``keywords`` only those that its name does not tell."""

    uid: int
    base: str
    email: int = 0
    keywords: tuple[str, ...] = ()

    def line(self) -> bytes:
        """As it stands in the file."""
        extras = f" E{self.email}" if self.email else ""
        if self.keywords:
            extras += f" K{','.join(self.keywords)}"
        return os.fsencode(f"{self.uid}{extras} :{self.base}\n")


@frozen
class Uidlist:
    """What a file told; a ``uidvalidity`` of 0 says that it told nothing."""

    uidvalidity: int = 0
    uidnext: int = 1
    guid: str = ""
    entries: dict[str, Entry] = field(factory=dict, repr=False)
    """By base name."""


def header(uidvalidity: int, limit: int, guid: str) -> bytes:
    """The first line; its limit has a fixed width and is written in place."""
    return b"3 V%d N%010d G%b\n" % (uidvalidity, limit, guid.encode("ascii"))


def _entry(line: bytes) -> Entry | None:
    numbers, mark, base = line.partition(b" :")
    uid, *extras = numbers.split(b" ")
    if not mark or not base or not uid.isdigit() or len(line) > LINE_OCTETS:
        return None
    email = 0
    keywords: tuple[str, ...] = ()
    for extra in extras:
        if extra[:1] == b"E" and extra[1:].isdigit():
            email = int(extra[1:])
        elif extra[:1] == b"K":
            keywords = tuple(extra[1:].decode("ascii", "replace").split(","))
    return Entry(int(uid), os.fsdecode(maildir_base(base)), email, keywords)


def maildir_base(name: bytes) -> bytes:
    """The base of a name, which others write with its letters."""
    return name.partition(b":2,")[0]


def read(path: str) -> Uidlist:
    """Read a mailbox's list; damaged lines, and what repeats a UID, are left out."""
    try:
        with open(os.path.join(path, FILE), "rb") as file:
            first, _, rest = file.read().partition(b"\n")
    except FileNotFoundError:
        return Uidlist()
    match = _HEADER.fullmatch(first)
    fields = {word[:1]: word[1:] for word in match.group(1).split()} if match else {}
    validity, following = fields.get(b"V", b""), fields.get(b"N", b"")
    if not (validity.isdigit() and following.isdigit()):
        return Uidlist()
    entries: dict[str, Entry] = {}
    last = 0
    if not rest.endswith(b"\n"):
        rest = rest[: rest.rfind(b"\n") + 1]
    for line in rest.splitlines():
        entry = _entry(line)
        if entry is not None and last < entry.uid < 1 << 32:
            entries[entry.base] = entry
            last = entry.uid
    guid = fields.get(b"G", b"")
    guid = guid if _GUID.fullmatch(guid) else b""
    uidnext = max(int(following), last + 1)
    return Uidlist(int(validity), uidnext, guid.decode("ascii"), entries)


def append(path: str, lines: Iterable[bytes]) -> bool:
    """Add lines. False: there is no file yet, or its last line is cut short."""
    try:
        descriptor = os.open(
            os.path.join(path, FILE), os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW
        )
    except FileNotFoundError:
        return False
    try:
        size = os.fstat(descriptor).st_size
        if size == 0 or os.pread(descriptor, 1, size - 1) != b"\n":
            return False
        octets = b"".join(lines)
        if os.write(descriptor, octets) < len(octets):
            os.ftruncate(descriptor, size)
            return False
    finally:
        os.close(descriptor)
    return True


def write(path: str, first: bytes, entries: Iterable[Entry]) -> None:
    """Replace the file; ``entries`` are in rising order of UID."""
    target = os.path.join(path, FILE)
    maildir.discard(f"{target}.mailsuite")
    blocks = [first, b"".join(entry.line() for entry in entries)]
    maildir.write(f"{target}.mailsuite", blocks)
    os.rename(f"{target}.mailsuite", target)


def raise_limit(path: str, first: bytes) -> bool:
    """Write the header in place. False: it is not ours, write the list anew."""
    try:
        descriptor = os.open(os.path.join(path, FILE), os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        before = os.pread(descriptor, len(first), 0)
        same = len(before) == len(first) and before.endswith(b"\n")
        if not same or before.split()[1] != first.split()[1]:
            return False
        os.pwrite(descriptor, first, 0)
    finally:
        os.close(descriptor)
    return True


def remove(path: str) -> None:
    """Forget the list of a mailbox that starts anew."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(path, FILE))
