"""The message journal: one barrier for all that waits."""

from collections.abc import Awaitable, Sequence
from enum import IntEnum
from typing import Protocol

from attrs import field
from zope.interface import Attribute, Interface

from mailsuite.model.ids import QueueId
from mailsuite.model.values import value


class Kind(IntEnum):
    """Types of records; the number is on disk."""

    MESSAGE = 1
    APPEND = 2
    OUTCOME = 3
    VOID = 4
    CHECKPOINT = 5
    STOP = 6


@value
class Record:
    """One record. ``body`` is a sequence of blocks written one after another."""

    kind: Kind
    body: tuple[bytes, ...] = field(repr=False)


@value(order=True)
class Position:
    """Where a record begins: durable ``epoch`` of its segment, and ``offset``.

    (worker, epoch, offset) is unique for ever and makes a queue id.
    """

    worker: int
    epoch: int
    offset: int


def queue_id(position: Position, child: int = 0) -> QueueId:
    """Name the job of a record; ``child`` numbers the children in one record."""
    text = f"{position.worker:X}G{position.epoch:X}G{position.offset // 8:X}"
    return QueueId(f"{text}G{child:X}" if child else text)


def epoch_of(name: QueueId) -> int:
    """Of the segment with a job's record. :raises ValueError: no queue id."""
    _, epoch, _ = name.split("G", 2)
    return int(epoch, 16)


class Hearer(Protocol):
    """Hears on the journal's thread what becomes of its records.

    It hands over to a lane, and neither waits nor raises.
    """

    def begun(self) -> None:
        """They are written, and the barrier begins: there is time for other work."""

    def told(self, result: Sequence[Position] | Exception) -> None:
        """They stand, or what :meth:`IJournal.commit` would have raised; once."""


class IJournal(Interface):
    """Append-only; its clients are the queue and the store."""

    def commit(records: Sequence[Record]) -> Awaitable[Sequence[Position]]:
        """Append all of them; durable on return, positions in order.

        Records of one call are adjacent and fall or stand together.

        :raises NoSpace: no segment is free; nothing was written.
        :raises OSError: the barrier failed; none of them will be replayed.
        """

    def commit_for(records: Sequence[Record], hearer: Hearer) -> None:
        """As :meth:`commit`, at once, and told without a way through the reactor."""

    def note(record: Record) -> None:
        """Append with the next barrier; nobody waits, a loss is harmless."""

    def epoch() -> int:
        """Epoch of the segment that the next record may go to."""

    def read(position: Position) -> bytes:
        """Read a record's body again. Blocks: call it on a lane.

        Only while its segment stands, up to :meth:`IJournalClient.evacuate`.
        :raises Damaged: the record cannot be read.
        """


class IJournalClient(Interface):
    """Whoever keeps things in the journal must make them safe elsewhere.

    At start the journal calls ``replayed`` for each record since the last
    checkpoint, in order, then awaits ``recovered`` of each client, and only then
    takes new records.
    """

    kinds: frozenset[Kind] = Attribute("kinds of records it wants replayed")

    def replayed(position: Position, record: Record) -> None:
        """A record that stood at start; voided and damaged ones are left out."""

    async def recovered() -> None:
        """All were replayed: finish what was open. No record can be made yet."""

    async def evacuate(epoch: int) -> None:
        """Make everything of segments up to ``epoch`` stand without them.

        On return files and rows are written (not yet synced: the checkpoint syncs
        the file systems); after that the segments are reused.
        """

    async def retired(epoch: int) -> None:
        """Segments up to ``epoch`` are gone; memories kept for them may go."""
