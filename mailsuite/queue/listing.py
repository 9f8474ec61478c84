"""What people see of the queue and do to it: over memory and rows alike."""

from collections.abc import Sequence
from heapq import nsmallest

from attrs import define, evolve

from mailsuite.interfaces.queueing import Listed, Page
from mailsuite.model.envelope import Marks
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import QueueId
from mailsuite.queue.encoding import DONE, DUE, HOLD, Change, Json
from mailsuite.queue.jobs import Job
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.pages import change, listed, shown
from mailsuite.queue.recover import changed
from mailsuite.queue.returns import Returns
from mailsuite.queue.schedule import Schedule
from mailsuite.queue.shelves import Shelves

ACTIONS = ("retry", "hold", "release", "remove")
PAGE = 1_000  # rows of one page at most
CHUNK = 500  # jobs changed by one record


@define(eq=False)
class Listing:
    """Browses and changes open jobs."""

    _ledger: Ledger
    _shelves: Shelves
    _returns: Returns
    _schedule: Schedule

    async def browse(self, after: str, limit: int) -> Page:
        """See :meth:`IQueue.browse`."""
        limit = max(1, min(limit, PAGE))
        name, number = _place(after)
        ledger = self._ledger
        jobs = dict(ledger.jobs)
        names = nsmallest(limit + 2, (each for each in jobs if each >= name))
        rows = [
            row
            for each in names
            for row in jobs[each].listed()
            if (row.id, row.recipient) > (name, number)
        ]
        start = (name, number)
        while True:
            found = await ledger.lane.run(listed, ledger.rows, start, limit + 1)
            rows += [row for row in found if row.id not in jobs]
            if len(found) <= limit or len(rows) > limit:
                break
            start = (found[-1].id, found[-1].recipient)
        rows.sort(key=lambda row: (row.id, row.recipient))
        some = tuple(rows[:limit])
        more = len(rows) > limit
        return Page(some, f"{some[-1].id}/{some[-1].recipient}" if more else "")

    async def show(self, name: QueueId) -> Sequence[Listed]:
        """See :meth:`IQueue.show`."""
        ledger = self._ledger
        job = ledger.jobs.get(name)
        if job is not None:
            marks = job.envelope.marks
            return [
                _marked(row, job.slots[row.recipient].recipient.marks, marks)
                for row in job.listed()
            ]
        rows = await ledger.lane.run(shown, ledger.rows, name)
        if not rows:
            return rows
        marks, each = await ledger.lane.run(self._returns.files.marks, name)
        return [_marked(row, each.get(row.recipient, {}), marks) for row in rows]

    async def change(self, names: Sequence[QueueId] | None, action: str) -> int:
        """See :meth:`IQueue.change`. :raises UsageError: no such action."""
        if action not in ACTIONS:
            raise UsageError(f"{action} is none of {', '.join(ACTIONS)}")
        ledger = self._ledger
        now = ledger.ground.wall()
        if action == "retry":
            self._schedule.lines.retry()
        resting = 0
        if names is None:
            resting = await ledger.lane.run(change, ledger.rows, action, now)
            if action == "remove":
                await self._shelves.sweep()
            jobs = [job for job in ledger.jobs.values() if job.slots]
        else:
            jobs = await self._found(list(dict.fromkeys(names)))
        for first in range(0, len(jobs), CHUNK):
            await self._record(jobs[first : first + CHUNK], action, now)
        count = resting + len(jobs)
        ledger.ground.events.happened("queue.changed", action=action, jobs=count)
        return count

    async def _found(self, names: Sequence[QueueId]) -> list[Job]:
        ledger = self._ledger
        away = [name for name in names if name not in ledger.jobs]
        if away:
            read = await ledger.lane.run(
                lambda: self._returns.read(ledger.rows.take(away))
            )
            for job in await self._returns.arrived(read):
                self._schedule.add(job)
        found = (ledger.jobs.get(name) for name in names)
        return [job for job in found if job is not None and job.slots]

    async def _record(self, jobs: Sequence[Job], action: str, now: float) -> None:
        """One record for some jobs; durable before anything is changed."""
        ledger = self._ledger
        changes: list[Change] = []
        for job in jobs:
            job.version += 1
            job.writing += 1
            changes.append((job.id, job.version, _changes(job, action, now)))
        try:
            await ledger.commit(changes, ())
        finally:
            for job in jobs:
                job.writing -= 1
        for job, (_, _, what) in zip(jobs, changes, strict=True):
            self._apply(job, what)

    def _apply(self, job: Job, what: Sequence[list[Json]]) -> None:
        if not job.slots:
            return
        for each in what:
            changed(job, each, keep_local=False)
        if job.kept:
            job.dirty = True
        if not job.slots:
            self._ledger.end(job)
        else:
            self._schedule.add(job)


def _marked(row: Listed, own: Marks, message: Marks) -> Listed:
    return evolve(row, marks={**message, **own})


def _changes(job: Job, action: str, now: float) -> list[list[Json]]:
    if action == "remove":
        return [[n, DONE] for n in job.slots]
    if action == "hold":
        return [[n, HOLD] for n in job.slots]
    if action == "release":
        return [[n, DUE, slot.due] for n, slot in job.slots.items() if slot.held]
    return [[n, DUE, now] for n, slot in job.slots.items() if not slot.held]


def _place(after: str) -> tuple[str, int]:
    name, _, number = after.partition("/")
    return name, int(number) if number.isdigit() else -1
