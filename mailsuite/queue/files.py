"""Spool files: one for each job whose journal segment was retired.

A file is what the job's record in the journal was: head, prefix and content (or
the name of the content's own file). All calls block; they run on the queue's lane.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress

from attrs import field, frozen

from mailsuite.interfaces.journal import IJournal, Position
from mailsuite.model.envelope import Marks
from mailsuite.model.errors import Damaged
from mailsuite.model.ids import QueueId
from mailsuite.queue.blobs import put
from mailsuite.queue.encoding import Opened, opened, to_recipient

FOLDER = "spool"
_FAN = 2  # of the id's last characters name the folder


def path_of(folder: str, name: QueueId) -> str:
    """Where the file of a job is, below the data directory ``folder``."""
    return os.path.join(folder, FOLDER, name[-_FAN:], name)


@frozen
class Sheet:
    """A file to be written: ``blocks`` whole, or head and the journal's rest."""

    id: QueueId
    blocks: tuple[bytes, ...] = field(repr=False)
    place: Position | None = None
    start: int = 0


@frozen
class Files:
    """The spool folder below the data directory."""

    folder: str
    _journal: IJournal

    def path(self, name: QueueId) -> str:
        """Where a job's file is."""
        return path_of(self.folder, name)

    def write(self, sheet: Sheet) -> int:
        """Write without a barrier; the checkpoint syncs. Gives the checksum.

        :raises Damaged: the journal's record cannot be read.
        """
        blocks = list(sheet.blocks)
        if sheet.place is not None:
            blocks.append(self._journal.read(sheet.place)[sheet.start :])
        octets = b"".join(blocks)
        path = self.path(sheet.id)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            fd = os.open(path, flags, 0o600)
        try:
            put(fd, octets)
        finally:
            os.close(fd)
        return zlib.crc32(octets)

    def read(self, name: QueueId, crc: int) -> tuple[Opened, bytes]:
        """A file's head, and its content without the prefix.

        :raises Damaged: it is not what was written.
        """
        try:
            with open(self.path(name), "rb") as file:
                octets = file.read()
        except OSError as error:
            raise Damaged(f"spool file of {name}: {error}") from error
        if zlib.crc32(octets) != crc:
            raise Damaged(f"spool file of {name} has changed")
        found = opened(octets)
        return found, octets[found.start + len(found.prefix) :]

    def marks(self, name: QueueId) -> tuple[Marks, dict[int, Marks]]:
        """Marks of a job and of its recipients; none if they cannot be read."""
        try:
            with open(self.path(name), "rb") as file:
                found = opened(file.read())
        except (OSError, Damaged):
            return {}, {}
        each = map(to_recipient, found.head["r"])
        return found.head["m"], {one.n: one.marks for one in each}

    def remove(self, names: Sequence[QueueId]) -> None:
        """Remove files of jobs that ended."""
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(self.path(name))

    def aside(self, name: QueueId, why: str) -> str:
        """Move a damaged file away from the others; gives where it is now."""
        folder = os.path.join(self.folder, "corrupt")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = os.path.join(folder, f"queue-{name}")
        with suppress(FileNotFoundError):
            os.rename(self.path(name), path)
        with open(f"{path}.why", "w", encoding="utf-8") as file:
            file.write(f"{why}\n")
        return path

    def all(self) -> Iterator[tuple[QueueId, bytes]]:
        """Every file, for making the rows again."""
        top = os.path.join(self.folder, FOLDER)
        os.makedirs(top, mode=0o700, exist_ok=True)
        for folder in os.scandir(top):
            for entry in os.scandir(folder.path):
                with open(entry.path, "rb") as file:
                    yield QueueId(entry.name), file.read()
