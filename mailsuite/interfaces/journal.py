"""The message journal: one barrier for all that waits."""

from collections.abc import Iterator, Sequence
from enum import IntEnum

from attrs import field, frozen
from zope.interface import Interface


class Kind(IntEnum):
    """Types of records; the number is on disk."""

    MESSAGE = 1
    APPEND = 2
    OUTCOME = 3
    VOID = 4
    CHECKPOINT = 5
    STOP = 6


@frozen
class Record:
    """One record. ``body`` is a sequence of blocks written one after another."""

    kind: Kind
    body: tuple[bytes, ...] = field(repr=False)


@frozen(order=True)
class Position:
    """Where a record begins: durable ``epoch`` of its segment, and ``offset``.

    (worker, epoch, offset) is unique for ever and makes a queue id.
    """

    worker: int
    epoch: int
    offset: int


class IJournal(Interface):
    """Append-only; its clients are the queue and the store."""

    async def commit(records: Sequence[Record]) -> Sequence[Position]:
        """Append all of them; durable on return, positions in order.

        Records of one call are adjacent and fall or stand together.

        :raises NoSpace: no segment is free; nothing was written.
        :raises OSError: the barrier failed; none of them will be replayed.
        """

    def note(record: Record) -> None:
        """Append with the next barrier; nobody waits, a loss is harmless."""

    def replay() -> Iterator[tuple[Position, Record]]:
        """What stood at start, in order, since the last checkpoint.

        Voided and damaged records are left out. Only before the first commit.
        """


class IJournalClient(Interface):
    """Whoever keeps things in the journal must make them safe elsewhere."""

    async def evacuate(epoch: int) -> None:
        """Make everything of segments up to ``epoch`` stand without them.

        On return files and rows are written (not yet synced: the checkpoint syncs
        the file systems); after that the segments are reused.
        """

    async def retired(epoch: int) -> None:
        """Segments up to ``epoch`` are gone; memories kept for them may go."""
