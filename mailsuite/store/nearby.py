"""Messages opened right on the reactor, where nothing has to be waited for.

A hand-over to the lane costs some hundred microseconds, opening a file whose name
and octets the kernel has in memory less than ten. So the names of files are
remembered, and what the kernel would have to fetch from the disk is left to the
lane, which also looks for files that moved.
"""

import os
from collections.abc import Sequence

from attrs import define, field

from mailsuite.model.ids import AccountName
from mailsuite.store import maildir
from mailsuite.store.box import Box
from mailsuite.store.reading import PRELOAD_OCTETS, Name, Opened

NAMES = 100_000  # remembered in the whole process; about 300 octets each

_Key = tuple[AccountName, int, int]


@define(eq=False)
class Nearby:
    """Names of message files by UID, those of the mailboxes read last."""

    _boxes: dict[_Key, dict[int, tuple[str, int]]] = field(factory=dict)
    _count: int = 0

    def opened(self, account: AccountName, box: Box, uid: int) -> Opened | None:
        """A message's octets; None: the lane has to open it."""
        names = self._boxes.get((account, box.id, box.uidvalidity))
        known = None if names is None else names.get(uid)
        if known is None:
            return None
        relative, size = known
        try:
            descriptor = maildir.open_cached(f"{box.path}/{relative}")
        except OSError:
            return None
        return _read(descriptor, size)

    def knows(self, account: AccountName, box: Box, uid: int) -> bool:
        """Whether the name was learnt; its file may have another by now."""
        return uid in self._boxes.get((account, box.id, box.uidvalidity), ())

    def learn(self, account: AccountName, box: Box, names: Sequence[Name]) -> None:
        """Remember the names of messages near the one that was asked for."""
        key = (account, box.id, box.uidvalidity)
        known = self._boxes.pop(key, {})
        self._count -= len(known)
        if len(known) > 2 * box.messages:  # most of those have left
            known = {}
        known |= {
            uid: (maildir.relative(base, place, letters), size)
            for uid, base, place, letters, size in names
        }
        while self._boxes and self._count + len(known) > NAMES:
            self._count -= len(self._boxes.pop(next(iter(self._boxes))))
        if len(known) <= NAMES:
            self._boxes[key] = known
            self._count += len(known)


_buffer = memoryview(bytearray(PRELOAD_OCTETS + 1))
"""What a small message is read into; one more octet tells that it is no longer."""


def _read(descriptor: int, size: int) -> Opened | None:
    """Small messages whole; None where the disk or a look at the lines is needed."""
    keep = False
    try:
        if size > PRELOAD_OCTETS:
            keep = os.fstat(descriptor).st_size == size
            return Opened(size, None, descriptor) if keep else None
        room = _buffer[: size + 1]
        read = os.preadv(descriptor, [room], 0, os.RWF_NOWAIT)
        return Opened(size, bytes(room[:size])) if read == size else None
    except OSError:
        return None
    finally:
        if not keep:
            os.close(descriptor)
