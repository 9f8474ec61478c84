"""The jobs in memory, and what is remembered of those that ended.

Everybody in this room works on one :class:`Ledger`. It starts nothing by itself.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.journal import IJournal, Kind, Position, Record
from mailsuite.model.envelope import Blob, Once, Submission
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import QueueId
from mailsuite.model.outcomes import Outcome
from mailsuite.net.lanes import Lane
from mailsuite.queue.blobs import Blobs
from mailsuite.queue.encoding import Change, outcome
from mailsuite.queue.jobs import Job, Slot
from mailsuite.queue.rows import Rows
from mailsuite.queue.settings import Settings

NOTES = 64  # outcomes that share one record
REMEMBERED = 180.0  # seconds that an outcome can be asked for, and twice that at most
OUTCOMES = 10_000  # remembered; then the older half is forgotten: who asks asks at once
LATE = 200  # waits ended in one turn; who waited goes on for some 50 us


class IGroundReactor(IReactorTime, IReactorFromThreads):
    """What the queue needs of a reactor."""


@frozen
class Ground:
    """What the queue stands on.

    ``folder`` is the data directory; notices come from ``hostname``'s postmaster.
    """

    folder: str
    journal: IJournal
    reactor: IGroundReactor
    wall: Callable[[], float]
    events: IEvents
    blobs: Blobs
    hostname: str


@define(eq=False)
class Ledger:
    """Open jobs by their ids. ``octets`` counts content that is in memory."""

    ground: Ground
    settings: Settings
    rows: Rows
    lane: Lane
    jobs: dict[QueueId, Job] = field(factory=dict)
    onces: dict[Once, tuple[QueueId, int]] = field(factory=dict)
    """What an action made, and in which epoch of the journal."""
    octets: int = 0
    fresh: int = 0
    """Jobs whose content counts in ``octets``."""
    ended: list[QueueId] = field(factory=list)
    """Kept jobs without open recipients, whose rows may be swept."""
    files: list[tuple[int, str]] = field(factory=list)
    """Content files of ended jobs, with the epoch in which they ended."""
    outcomes: "Outcomes" = field(
        factory=lambda: Outcomes()  # noqa: PLW0108 - defined below
    )
    eased: Callable[[], None] = lambda: None
    """Called when memory was given back."""
    owing: list[Change] = field(factory=list)
    """What is to be written as soon as the journal has room again."""
    _notes: list[Change] = field(factory=list)

    def add(self, job: Job) -> Job:
        """Take an open job in."""
        self.jobs[job.id] = job
        if job.once is not None and job.place is not None:
            self.onces[job.once] = (job.id, job.place.epoch)
        if job.blob.octets is not None:
            self.hold(job)
        if job.blob.path:
            self.ground.blobs.claim(job.blob.path)
        return job

    def hold(self, job: Job) -> None:
        """Count the job's content; it is in memory now."""
        if not job.held_octets:
            job.held_octets = max(job.blob.size, 1)
            self.octets += job.held_octets
            self.fresh += 1

    def let_go(self, job: Job) -> None:
        """Take the job's content out of memory."""
        if job.held_octets:
            self.octets -= job.held_octets
            self.fresh -= 1
            job.held_octets = 0
            self.eased()
        if job.blob.octets is not None:
            job.blob = evolve(job.blob, octets=None)

    def end(self, job: Job) -> None:
        """No recipient is open any more."""
        if job.held_octets:
            self.octets -= job.held_octets
            self.fresh -= 1
            job.held_octets = 0
            self.eased()
        if job.kept:
            job.dirty = True  # its rows go with the next that are written
            return
        del self.jobs[job.id]
        if job.blob.path:
            self.files.append((self.ground.journal.epoch(), job.blob.path))

    def note(self, change: Change) -> None:
        """Let the journal know by and by."""
        self._notes.append(change)
        if len(self._notes) >= NOTES:
            self.flush()

    def flush(self) -> None:
        """Hand all notes to the journal; they keep their order with commits."""
        if self._notes:
            notes, self._notes = self._notes, []
            body, _ = outcome(notes)
            self.ground.journal.note(Record(Kind.OUTCOME, body))

    async def pay(self) -> None:
        """Write what is owing, unless there is no room yet. One call at a time."""
        try:
            while some := self.owing[:NOTES]:
                _ = await self.commit(some, ())
                del self.owing[: len(some)]
        except (OSError, NoSpace):
            return

    async def commit(
        self, changes: Sequence[Change], children: Sequence[tuple[str, Blob]]
    ) -> tuple[Position, list[int]]:
        """Write outcomes and children as one record, after the notes so far.

        :raises OSError, NoSpace: they do not stand.
        """
        self.flush()
        body, starts = outcome(changes, children)
        (place,) = await self.ground.journal.commit([Record(Kind.OUTCOME, body)])
        return place, starts

    def born(
        self,
        name: QueueId,
        submission: Submission,
        times: tuple[float, float],
        place: Position,
        start: int,
    ) -> Job:
        """Make and take in the job of a submission that is durable now."""
        accepted, expires = times
        recipients = submission.envelope.recipients
        due = max(submission.after, accepted) if submission.after else accepted
        slots: dict[int, Slot] = {}
        following = 1
        for each in recipients:
            slots[each.n] = Slot(each, due)
            following = max(following, each.n + 1)
        return self.add(
            Job(
                name,
                submission.envelope,
                submission.blob,
                accepted,
                expires,
                slots,
                following,
                submission.once,
                place,
                start,
            )
        )


_Waiting = tuple[float, Sequence[Deferred[Outcome | None]]]
"""Those who wait for one recipient, and until when (reactor clock)."""
_NOBODY: _Waiting = (0.0, ())


@define(eq=False)
class Outcomes:
    """What became of recipients in the last minutes, and who waits for it."""

    _known: dict[tuple[QueueId, int], Outcome] = field(factory=dict)
    _before: dict[tuple[QueueId, int], Outcome] = field(factory=dict)
    """Those that came before ``_since``; they are forgotten together."""
    _since: float = 0.0
    _waiting: dict[tuple[QueueId, int], _Waiting] = field(factory=dict)
    _asked: set[tuple[QueueId, int]] = field(factory=set)
    """Recipients for whose outcome somebody is about to ask, or waits."""
    _promised: set[tuple[QueueId, int]] = field(factory=set)
    """Those whose failure is told to who waits, and to nobody else."""

    def expect(self, name: QueueId, recipients: Iterable[int]) -> None:
        """Somebody is about to ask for these."""
        self._asked.update((name, n) for n in recipients)

    def promise(self, name: QueueId, n: int) -> bool:
        """Whether who asked will be told of a failure; then nobody gives up."""
        if (name, n) not in self._asked:
            return False
        self._promised.add((name, n))
        return True

    def came(self, name: QueueId, n: int, outcome: Outcome) -> None:
        """A recipient is settled for good."""
        self._known[name, n] = outcome
        self._promised.discard((name, n))
        if self._waiting:
            self._answer(name, n, outcome)

    def put_off(self, name: QueueId, n: int) -> None:
        """A recipient was deferred: who waits learns that it is still open."""
        self._asked.discard((name, n))
        self._promised.discard((name, n))
        if self._waiting:
            self._answer(name, n, None)

    def _answer(self, name: QueueId, n: int, outcome: Outcome | None) -> None:
        _, those = self._waiting.pop((name, n), _NOBODY)
        for waiting in those:
            if not waiting.called:
                waiting.callback(outcome)

    def known(self, name: QueueId, n: int) -> Outcome | None:
        """The outcome, if it is remembered."""
        return self._known.get((name, n)) or self._before.get((name, n))

    def give_up(self, now: float) -> None:
        """Answer who has no more time, unless the outcome is about to come.

        :data:`LATE` at most; the others follow in another call.
        """
        late = (
            which
            for which, (until, _) in self._waiting.items()
            if until <= now and which not in self._promised
        )
        for name, n in list(islice(late, LATE)):
            self.put_off(name, n)

    @property
    def following(self) -> float | None:
        """When the next of those who wait has no more time; None: nobody waits."""
        which = self._waiting.items()
        ends = [until for one, (until, _) in which if one not in self._promised]
        return min(ends, default=None)

    def unwait(self, name: QueueId, n: int) -> None:
        """Somebody has what was waited for."""
        self._asked.discard((name, n))
        until, those = self._waiting.pop((name, n), _NOBODY)
        waiting = [each for each in those if not each.called]
        if waiting:
            self._waiting[name, n] = (until, waiting)

    def wait(self, name: QueueId, n: int, until: float) -> "Deferred[Outcome | None]":
        """Fires with the outcome, or with None when an attempt was deferred.

        The first ``until`` (reactor clock) counts for all who wait for a recipient.
        """
        waiting: Deferred[Outcome | None] = Deferred()
        first, those = self._waiting.get((name, n), (until, ()))
        self._waiting[name, n] = (min(first, until), [*those, waiting])
        return waiting

    def forget(self, now: float) -> None:
        """Drop what is old, or when it is too much the older part of it."""
        if now - self._since >= REMEMBERED or len(self._known) > OUTCOMES // 2:
            self._before, self._known, self._since = self._known, {}, now
