"""The room's front: what is judged is counted, what is due is sent, what is kept shown.

Counts are in memory for at most a minute, or until the house stops; a crash loses what
was counted since, and no more: a report then tells of a minute's mail less.
"""

import random
import sqlite3

from attrs import define, field
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.interfaces.queueing import IDelivery
from mailsuite.interfaces.reporting import IReports, Judged
from mailsuite.model.errors import NoSpace
from mailsuite.net.tasks import Tasks
from mailsuite.net.workers import Program, Workers
from mailsuite.reports import inbox, outbox
from mailsuite.reports.archive import Archive
from mailsuite.reports.arriving import TRANSPORT, Consuming, Reading
from mailsuite.reports.collect import DAY, Collector
from mailsuite.reports.desk import Desk
from mailsuite.reports.failing import Failing
from mailsuite.reports.ground import Ground, Office
from mailsuite.reports.intake import Intake
from mailsuite.reports.sending import Sender
from mailsuite.reports.settings import Reports

TICK_SECONDS = 60.0  # between writes of what was counted
EAGER_ROWS = 5_000  # different rows in memory that are written at once
PIECE_ROWS = 500  # written in one transaction
UNTOLD_DAYS = 7  # that a report is tried, then it is forgotten
TOLD_DAYS = 90  # that a sent report is remembered
LEAST_SECONDS = 120.0  # after midnight: the day's last counts are written by then
CHILD_SECONDS = 120.0  # for one report


def consumed(settings: Reports) -> dict[str, str]:
    """Give the directory's names and the transport that reads their mail."""
    return dict.fromkeys((name.lower() for name in settings.addresses), TRANSPORT)


@implementer(IReports)
@define(eq=False)
class ReportService:
    """``open`` before the journal starts, ``start`` right after the queue did.

    ``stop`` follows the queue's end.
    """

    _ground: Ground
    _settings: Reports
    _archive: Archive
    consuming: Consuming = field(init=False)
    workers: Workers = field(init=False)
    desk: Desk = field(init=False)
    _office: Office = field(init=False)
    _sender: Sender = field(init=False)
    _failing: Failing = field(init=False)
    _intake: Intake = field(init=False)
    _readers: list[Reading] = field(factory=list, init=False)
    _collector: Collector = field(factory=Collector, init=False)
    _loop: LoopingCall | None = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _offset: tuple[int, float] = field(default=(0, 0.0), init=False)
    _log: Logger = field(factory=Logger, init=False)

    def __attrs_post_init__(self) -> None:
        settings = self._settings
        program = Program(
            "mailsuite.reports.reader",
            (str(settings.unpacked_octets),),
            ("-W", "ignore"),
            seconds=CHILD_SECONDS,
        )
        self.workers = Workers(self._ground.reactor, program)
        self._office = Office(self._ground, settings)
        self._sender = Sender(self._office, self._archive, self.workers)
        self._failing = Failing(self._office)
        self._intake = Intake(self._office, self._archive, self.workers)
        self.consuming = Consuming(self._intake)
        self.desk = Desk(
            self._ground, self._archive, self._sender, self._intake, self._flush
        )

    def reading(self, inner: IDelivery) -> Reading:
        """Give a transport that delivers by ``inner`` and reads what is for us too."""
        reading = Reading(inner, self._intake, frozenset(consumed(self._settings)))
        self._readers.append(reading)
        return reading

    # Its life

    async def open(self) -> None:
        """Open the database. :raises UsageError: it cannot be used."""
        await self._archive.open()
        await self._sender.load()

    def start(self) -> None:
        """Finish what an earlier run began, then look each minute what is due.

        Called in the turn of the reactor in which the journal was replayed.
        """
        self._tasks.launch("reports: resume", self._resume())
        self._loop = LoopingCall(self._tick)
        self._loop.clock = self._ground.reactor
        _ = self._loop.start(TICK_SECONDS, now=False)

    async def stop(self) -> None:
        """Write what was counted; nothing is sent any more."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        await self._failing.stop()
        for reading in self._readers:
            await reading.stop()
        await self.workers.stop()
        await self._tasks.settled()
        await self._flush()
        await self._archive.close()

    def reload(self, settings: Reports) -> None:
        """Let other settings count from now on."""
        self._settings = self._office.settings = settings
        for reading in self._readers:
            reading.names = frozenset(consumed(settings))

    # IReports

    def judged(self, what: Judged) -> None:
        """See :meth:`IReports.judged`."""
        if self._settings.aggregate:
            self._collector.add(what)
            if len(self._collector) >= EAGER_ROWS and not len(self._tasks):
                self._tasks.launch("reports: flush", self._flush())
        if self._settings.failure:
            self._failing.judged(what)

    async def _flush(self) -> None:
        """Write what was counted. What cannot be written now is kept, bounded."""
        batch = self._collector.take()
        lost, self._collector.dropped = self._collector.dropped, 0
        done = False
        try:
            if batch.rows:
                await self._archive.run(outbox.publish, batch.policies())
                for piece in batch.pieces(PIECE_ROWS):
                    lost += await self._archive.run(outbox.count, piece)
            done = True
        except (NoSpace, sqlite3.Error) as error:
            self._log.warn("what was seen cannot be written: {error}", error=error)
        finally:
            if not done:
                self._collector.restore(batch)
        if lost:
            self._ground.events.happened("reports.dropped", messages=lost)

    # Each minute

    def _tick(self) -> None:
        if not len(self._tasks):
            self._tasks.launch("reports: minute", self._minute())

    async def _resume(self) -> None:
        try:
            await self._sender.resume()
        except NoSpace as error:
            self._log.warn("reports wait: {error}", error=error)

    async def _minute(self) -> None:
        await self._flush()
        settings, now = self._settings, self._ground.wall()
        try:
            if settings.aggregate and self._ripe(now):
                await self._sender.send(settings.per_minute)
            await self._forget(now)
        except NoSpace as error:
            self._log.warn("reports wait: {error}", error=error)

    def _ripe(self, now: float) -> bool:
        """Whether the moment of this day has come that was chosen by chance."""
        day = int(now // DAY)
        if self._offset[0] != day:
            spread = max(0, self._settings.spread_seconds) * random.random()
            self._offset = (day, min(LEAST_SECONDS + spread, DAY / 2))
        return now - day * DAY >= self._offset[1]

    async def _forget(self, now: float) -> None:
        day = int(now // DAY)
        run, settings = self._archive.run, self._settings
        lost = await run(outbox.forget, day - UNTOLD_DAYS, day - TOLD_DAYS)
        before = now - settings.keep_days * DAY
        await run(inbox.forget, before, settings.keep_rows)
        if lost:
            self._ground.events.happened("reports.dropped", messages=lost)
