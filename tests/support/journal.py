"""What tests of the journal and its clients share."""

import errno
import os

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import IJournalClient, Kind
from mailsuite.journal.disk import Disk
from mailsuite.journal.journal import Ground, Journal
from mailsuite.journal.settings import Settings

SMALL = 256 << 10  # octets in a segment of the tests


@define(eq=False)
@implementer(IEvents)
class Events:
    """Keeps what happened."""

    seen: list = field(factory=list)

    def happened(self, name, **fields):
        self.seen.append((name, fields))

    def named(self, name):
        return [fields for seen, fields in self.seen if seen == name]


@define(eq=False)
@implementer(IJournalClient)
class Client:
    """Remembers what was replayed and what was asked of it."""

    kinds: frozenset = frozenset((Kind.MESSAGE, Kind.OUTCOME, Kind.APPEND))
    records: list = field(factory=list)
    calls: list = field(factory=list)
    broken: Exception | None = None

    def replayed(self, position, record):
        self.records.append((position, record.kind, b"".join(record.body)))

    async def recovered(self):
        self.calls.append("recovered")

    async def evacuate(self, epoch):
        if self.broken is not None:
            raise self.broken
        self.calls.append(("evacuate", epoch))

    async def retired(self, epoch):
        self.calls.append(("retired", epoch))

    @property
    def bodies(self):
        return [body for _, _, body in self.records]


class Failing(Disk):
    """Fails the calls named in ``fail`` with the given errno, until cleared."""

    def __init__(self):
        self.fail = {}
        self.calls = []

    def _step(self, name):
        self.calls.append(name)
        if name in self.fail:
            code = self.fail[name]
            raise OSError(code, os.strerror(code))

    def fdatasync(self, fd):
        self._step("fdatasync")
        super().fdatasync(fd)

    def pwritev(self, fd, blocks, offset):
        self._step("pwritev")
        return super().pwritev(fd, blocks, offset)

    def fsync(self, fd):
        self._step("fsync")
        super().fsync(fd)

    def syncfs(self, path):
        self._step("syncfs")
        super().syncfs(path)


class Mortal(Disk):
    """A disk that dies at a durable step, taking unsynced octets with it.

    ``last`` is the number of the step, 0: never. From then on every call fails.
    :meth:`cut` undoes writes that no barrier covered, each with the given chance,
    as a power cut does.
    """

    def __init__(self, last=0, chance=None):
        self.count = 0
        self.last = last
        self.chance = chance
        self.dead = False
        self.paths = {}
        self.unsynced = []

    def _step(self):
        self.count += 1
        if self.dead or self.count == self.last:
            self.dead = True
            raise OSError(errno.EIO, "the disk is dead")

    def open(self, path, flags, mode=0o600):
        fd = super().open(path, flags, mode)
        self.paths[fd] = path
        return fd

    def pwritev(self, fd, blocks, offset):
        self._step()
        path = self.paths[fd]
        if self.chance is not None and path.endswith(".segment"):
            length = sum(map(len, blocks))
            with open(path, "rb") as file:
                old = os.pread(file.fileno(), length, offset)
            for start in range(0, length, 4096):
                self.unsynced.append((path, offset + start, old[start : start + 4096]))
        return super().pwritev(fd, blocks, offset)

    def fdatasync(self, fd):
        self._step()
        super().fdatasync(fd)
        path = self.paths[fd]
        self.unsynced = [each for each in self.unsynced if each[0] != path]

    def fsync(self, fd):
        self._step()

    def rename(self, old, new):
        self._step()
        super().rename(old, new)

    def unlink(self, path):
        self._step()
        super().unlink(path)

    def syncfs(self, path):
        self._step()

    def cut(self):
        """Lose what no barrier covered."""
        for path, offset, old in reversed(self.unsynced):
            if self.chance.random() < 0.5 and os.path.exists(path):
                with open(path, "r+b") as file:
                    os.pwrite(file.fileno(), old, offset)


EIO = errno.EIO
ENOSPC = errno.ENOSPC


def make(folder, disk=None, events=None, size=SMALL, segments=4, **settings):
    """A journal on the running reactor."""
    from twisted.internet import reactor

    ground = Ground(str(folder), 1, reactor, (str(folder),), disk=disk or Disk())
    return Journal(
        ground,
        events or Events(),
        Settings(segment_octets=size, segments=segments, **settings),
    )
