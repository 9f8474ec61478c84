"""The thread that writes: one write and one barrier for all that waits.

While a barrier runs the next batch gathers, so a lone sender waits for one
``fdatasync`` and a thousand senders share one. The thread is woken after the
reactor's turn, with all that the turn brought. The reactor pays for an append to
a list; checksums, writes and waiting happen on the thread, and the results of a
whole batch come back in one call; of a large one, in several turns.
"""

from collections import deque
from collections.abc import Callable, Sequence
from errno import ENOSPC
from functools import partial
from queue import SimpleQueue
from threading import Thread

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.python.failure import Failure

from mailsuite.interfaces.journal import Hearer, Kind, Position, Record
from mailsuite.journal.disk import Disk, write_all
from mailsuite.journal.records import CALL_RECORDS, FIRST, octets_of, void
from mailsuite.journal.segments import RESERVED, Segment, Shelf
from mailsuite.model.errors import NoSpace, UsageError

BATCH_OCTETS = 8 << 20
"""After so many octets a barrier is made, however much waits."""

TOLD = 50
"""Results in one turn of the reactor; who gets one goes on for 0.2 ms or so."""

Positions = list[Position]
_Awaited = Deferred[Positions] | Hearer | None
_Call = tuple[Sequence[Record] | None, _Awaited]
_Result = tuple[Deferred[Positions] | Hearer, Positions | Failure]
OURS = frozenset((Kind.VOID, Kind.CHECKPOINT, Kind.STOP))


class ITurningReactor(IReactorTime, IReactorFromThreads):
    """What the committer needs of a reactor."""


@define(eq=False)
class _Batch:
    """Framed records that wait for their barrier."""

    segment: Segment
    start: int
    end: int
    blocks: list[bytes] = field(factory=list)
    results: list[_Result] = field(factory=list)


@define(eq=False)
class _Bell:
    """Wakes the thread; while it is awake, or will be soon, nothing is to be done."""

    _reactor: ITurningReactor
    _rung: "SimpleQueue[None]" = field(factory=SimpleQueue)
    _awake: bool = False
    _soon: bool = False

    def ring(self) -> None:
        """Wake it now."""
        if not self._awake:
            self._awake = True
            self._rung.put(None)

    def ring_soon(self) -> None:
        """Wake it when the reactor's turn is over, for all that the turn brings."""
        if not self._awake and not self._soon:
            self._soon = True
            _ = self._reactor.callLater(0, self._ring)

    def _ring(self) -> None:
        self._soon = False
        self.ring()

    def wait(self) -> None:
        """On the thread: sleep until it rings."""
        self._rung.get()
        # Whoever rings from here on wakes us again.
        self._awake = False


@define(eq=False)
class _News:
    """Brings results to those who wait, in their order, so many in a turn.

    ``epoch``: of a segment; the results of all before it have been told.
    """

    _reactor: ITurningReactor
    epoch: int = 0
    _waiting: deque[Callable[[], None]] = field(factory=deque)

    def bring(self, results: Sequence[_Result]) -> None:
        """On the thread: tell the results of a batch, behind those of earlier ones."""
        news = []
        for waiting, result in results:
            if isinstance(waiting, Deferred):
                news.append(partial(_told, waiting, result))
            else:
                waiting.told(_bare(result))
        if news:
            self._send(news)

    def began(self, epoch: int) -> None:
        """On the thread: results of that segment follow."""
        self._send([partial(setattr, self, "epoch", epoch)])

    def _send(self, news: Sequence[Callable[[], None]]) -> None:
        self._reactor.callFromThread(self._add, news)

    def _add(self, news: Sequence[Callable[[], None]]) -> None:
        going = bool(self._waiting)
        self._waiting.extend(news)
        if not going:
            self._tell()

    def _tell(self) -> None:
        for _ in range(min(TOLD, len(self._waiting))):
            self._waiting.popleft()()
        if self._waiting:
            _ = self._reactor.callLater(0, self._tell)


def _bare(result: Positions | Failure) -> Positions | Exception:
    if not isinstance(result, Failure):
        return result
    error = result.value
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def _told(waiting: Deferred[Positions], result: Positions | Failure) -> None:
    if waiting.called:
        return  # its owner was cancelled
    if isinstance(result, Failure):
        waiting.errback(result)
    else:
        waiting.callback(result)


@define(eq=False)
class Committer:
    """Owns the current segment. ``failed`` is told of each broken barrier."""

    _shelf: Shelf
    _disk: Disk
    _reactor: ITurningReactor
    _failed: Callable[[OSError], None]
    _waiting: deque[_Call] = field(factory=deque)
    _bell: _Bell = field(init=False)
    _news: _News = field(init=False)
    _noted: bool = False
    _stopping: bool = False
    _thread: Thread | None = None
    _segment: Segment | None = None
    _batch: _Batch | None = None
    _voids: list[Record] = field(factory=list)
    content: bool = False
    """Whether the current segment holds more than the journal's own records."""

    def __attrs_post_init__(self) -> None:
        self._bell = _Bell(self._reactor)
        self._news = _News(self._reactor)

    # Called on the reactor.

    def start(self) -> None:
        """Begin to write, in a new segment."""
        self._news.epoch = self.epoch()
        self._thread = Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def commit(self, records: Sequence[Record] | None) -> "Deferred[Positions]":
        """Write with the next barrier; fires when it stands.

        None: go on in a new segment, if the current one has content.
        """
        if self._stopping:
            raise UsageError("the journal has stopped")
        result: Deferred[Positions] = Deferred()
        self._waiting.append((records, result))
        self._bell.ring_soon()
        return result

    def commit_for(self, records: Sequence[Record], hearer: Hearer) -> None:
        """As :meth:`commit`, at once; ``hearer`` is told on the thread."""
        if self._stopping:
            raise UsageError("the journal has stopped")
        self._waiting.append((records, hearer))
        self._bell.ring()

    def note(self, record: Record) -> None:
        """Write with the next barrier that somebody waits for."""
        self._noted = True
        self._waiting.append(((record,), None))

    def nudge(self) -> None:
        """Let notes that found no barrier have one of their own."""
        if self._noted:
            self._bell.ring()

    def stop(self) -> None:
        """Write what waits and end the thread. Blocks until it ended."""
        self._stopping = True
        self._bell.ring()
        if self._thread is not None:
            self._thread.join()

    def epoch(self) -> int:
        """Of the segment that is written to."""
        segment = self._segment
        return self._shelf.epoch + 1 if segment is None else segment.epoch

    def told(self) -> int:
        """Of the segment from which results come: all of those before are told.

        What a thread has written, and nobody here knows of, is not before it.
        """
        return self._news.epoch

    # Called on the thread.

    def _work(self) -> None:
        while not self._stopping:
            self._bell.wait()
            self._noted = False
            self._serve()
        self._serve()

    def _serve(self) -> None:
        """Write what waits now; what comes meanwhile is the next batch."""
        for _ in range(len(self._waiting)):
            records, result = self._waiting.popleft()
            try:
                if records is not None:
                    self._add(records, result)
                    continue
                self._flush()
                if self.content or self._segment is None:
                    self._next()
                if result is not None:
                    self._news.bring([(result, [])])
            except (NoSpace, OSError, UsageError, TypeError, ValueError):
                if result is not None:
                    self._news.bring([(result, Failure())])
        self._flush()

    def _add(self, records: Sequence[Record], result: _Awaited) -> None:
        ours = bool(records) and records[0].kind in OURS
        batch = self._place(sum(map(octets_of, records)), len(records), ours=ours)
        segment = batch.segment
        worker, epoch, frame = segment.header.worker, segment.epoch, segment.framer
        positions: Positions = []
        blocks: list[bytes] = []
        at, rest = batch.end, len(records)
        for record in records:
            rest -= 1
            positions.append(Position(worker, epoch, at))
            at = frame.frame(record, at, rest, blocks)
        batch.blocks += blocks
        batch.end = at
        self.content = self.content or not ours
        if result is not None:
            batch.results.append((result, positions))

    def _place(self, size: int, count: int, *, ours: bool) -> _Batch:
        """The batch that has room for a commit; a new one if need be."""
        batch = self._batch
        if (
            batch is not None
            and batch.end - batch.start < BATCH_OCTETS
            and batch.end + size <= _room(batch.segment, ours=ours)
        ):
            return batch
        self._flush()
        if count > CALL_RECORDS or size > self._shelf.plan.size - FIRST - RESERVED:
            raise UsageError("larger than a segment of the journal")
        segment = self._segment
        if segment is None or segment.end + size > _room(segment, ours=ours):
            segment = self._next(beyond=ours)
        batch = self._batch = _Batch(segment, segment.end, segment.end)
        return batch

    def _next(self, *, beyond: bool = False) -> Segment:
        """Go on in a new segment; it begins with what must not be replayed."""
        segment = self._shelf.take(beyond=beyond)
        if self._voids:
            blocks: list[bytes] = []
            at = segment.end
            for record in self._voids:
                at = segment.framer.frame(record, at, 0, blocks)
            write_all(self._disk, segment.fd, blocks, segment.end)
            self._disk.fdatasync(segment.fd)
            segment.end = at
            self._voids.clear()
        self._segment = segment
        self.content = False
        self._news.began(segment.epoch)
        return segment

    def _flush(self) -> None:
        batch, self._batch = self._batch, None
        if batch is None:
            return
        segment = batch.segment
        try:
            write_all(self._disk, segment.fd, batch.blocks, batch.start)
            for waiting, _ in batch.results:
                if not isinstance(waiting, Deferred):
                    waiting.begun()
            self._disk.fdatasync(segment.fd)
        except OSError as error:
            self._break(batch, error)
            return
        segment.end = batch.end
        if batch.results:
            self._news.bring(batch.results)

    def _break(self, batch: _Batch, error: OSError) -> None:
        """Nobody of this batch is told yes, and the segment is left for ever."""
        self._voids.append(void(batch.segment.epoch, batch.start, batch.end))
        self._segment = None
        self.content = True
        failure = Failure(NoSpace(str(error)) if error.errno == ENOSPC else error)
        self._news.bring([(result, failure) for result, _ in batch.results])
        self._news.began(self._shelf.epoch + 1)
        self._reactor.callFromThread(self._failed, error)


def _room(segment: Segment, *, ours: bool) -> int:
    return segment.header.size - (0 if ours else RESERVED)
