"""The parts of a house: groups of them, their order, and proof of what they are."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import maybeDeferred
from zope.interface import Interface, Invalid
from zope.interface.verify import verifyObject

from mailsuite.delivery.local import LocalDelivery
from mailsuite.directory.admin import Admin
from mailsuite.directory.keys import Keys
from mailsuite.directory.keysadmin import KeysAdmin
from mailsuite.directory.registry import Registry
from mailsuite.directory.turnover import Turnover
from mailsuite.dns.resolver import Resolver
from mailsuite.events.record import Events
from mailsuite.house.doctor.examination import Doctor
from mailsuite.house.doors import Doors
from mailsuite.house.filtering import Attendance, Filters
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.calendars import ICalendars
from mailsuite.interfaces.changes import IChanges
from mailsuite.interfaces.directory import IDirectory, IDirectoryAdmin
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.happenings import IHappenings
from mailsuite.interfaces.journal import IJournal, IJournalClient
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.interfaces.publishing import IDoctor, IPublishing
from mailsuite.interfaces.queueing import IDelivery, IQueue, IRouting
from mailsuite.interfaces.reporting import IReportDesk, IReports
from mailsuite.interfaces.resolving import IResolver
from mailsuite.interfaces.scripts import IMemories, IReplay, IScripts
from mailsuite.interfaces.searching import ISearchIndex
from mailsuite.interfaces.signing import IKeys, IKeysAdmin, ISigner
from mailsuite.interfaces.snoozing import ISnoozed
from mailsuite.journal.journal import Journal
from mailsuite.model.errors import UsageError
from mailsuite.queue.blobs import Blobs
from mailsuite.queue.queue import Queue
from mailsuite.relay.remote import Remote
from mailsuite.relay.signing import Signatures
from mailsuite.reports.service import ReportService
from mailsuite.search.service import SearchService
from mailsuite.store.accounts import Accounts


@frozen(eq=False, repr=False)
class People:
    """The directory, asked and changed, its domains' keys, and who looks after them."""

    registry: Registry
    admin: Admin
    keys: Keys
    changes: KeysAdmin
    turnover: Turnover
    doctor: Doctor


@frozen(eq=False, repr=False)
class Keeping:
    """What holds mail: journal and its clients, and blobs on their way."""

    journal: Journal
    blobs: Blobs
    accounts: Accounts


@frozen(eq=False, repr=False)
class Ways:
    """The queue and its transports."""

    queue: Queue
    local: LocalDelivery
    relay: Remote
    resolver: Resolver
    signatures: Signatures
    reports: ReportService
    filters: Filters
    attendance: Attendance


@define(eq=False, repr=False)
class Parts:
    """Everything that runs."""

    people: People
    keeping: Keeping
    ways: Ways
    search: SearchService
    doors: Doors
    control: Service
    _serving: list[Service] = field(factory=list)

    async def start(self) -> None:
        """Recover what the last run left, then open the doors."""
        keeping, queue = self.keeping, self.ways.queue
        await self.people.registry.start()
        await self.ways.reports.open()
        await keeping.journal.start([queue, keeping.accounts])
        keeping.accounts.start()
        await self.ways.filters.awakening.start()
        await queue.start()
        self.ways.attendance.happenings.start()
        self.ways.reports.start()
        self.people.turnover.start()
        for service in (self.search, *self.doors.services, self.control):
            self._serving.append(service)
            service.startService()

    async def stop(self) -> None:
        """Refuse new work and finish what is in hand; the journal last."""
        keeping, ways = self.keeping, self.ways
        serving, self._serving = self._serving, []
        await _left([one for one in serving if one is not self.search])
        await _left([one for one in serving if one is self.search])
        await self.people.turnover.stop()
        await ways.attendance.happenings.stop()
        await ways.queue.stop()
        await ways.reports.stop()
        await ways.relay.stop()
        await ways.filters.awakening.stop()
        ways.signatures.stop()
        await self.doors.judging.ground.stop()
        await ways.resolver.stop()
        ways.local.close()
        ways.attendance.transport.close()
        ways.filters.stop()
        await keeping.accounts.stop()
        await keeping.journal.stop()
        ways.queue.close()
        keeping.blobs.lane.stop()
        self.people.keys.stop()
        await self.people.registry.stop()


async def _left(services: Sequence[Service]) -> None:
    """Stop services side by side and wait for all of them."""
    for leaving in [maybeDeferred(service.stopService) for service in services]:
        await leaving


def verify(parts: Parts, events: Events) -> None:
    """Prove that each part provides what it says.

    :raises UsageError: a broken plug stops the house and not the mail.
    """
    provided: dict[Any, tuple[type[Interface], ...]] = {
        parts.people.registry: (IDirectory, IRouting),
        parts.people.admin: (IDirectoryAdmin,),
        parts.people.keys: (IKeys,),
        parts.people.changes: (IKeysAdmin,),
        parts.people.doctor: (IDoctor,),
        parts.people.doctor.publishing: (IPublishing,),
        parts.keeping.journal: (IJournal,),
        parts.keeping.blobs: (IBlobs,),
        parts.keeping.accounts: (IAccounts, IChanges, IJournalClient),
        parts.ways.queue: (IQueue, IJournalClient),
        parts.ways.resolver: (IResolver,),
        parts.ways.relay: (IDelivery,),
        parts.ways.signatures: (ISigner,),
        parts.ways.local: (IDelivery,),
        parts.ways.filters.scripts: (IScripts,),
        parts.ways.filters.memories: (IMemories,),
        parts.ways.filters.replaying: (IReplay,),
        parts.ways.filters.agenda: (ICalendars,),
        parts.ways.attendance.happenings: (IHappenings,),
        parts.ways.attendance.transport: (IDelivery,),
        parts.ways.filters.awakening.snoozed: (ISnoozed,),
        parts.ways.reports: (IReports,),
        parts.ways.reports.desk: (IReportDesk,),
        parts.ways.reports.consuming: (IDelivery,),
        parts.search: (ISearchIndex,),
        events: (IEvents,),
    }
    for part, interfaces in provided.items():
        for interface in interfaces:
            try:
                verifyObject(interface, part)
            except Invalid as error:
                said = str(error).rpartition(interface.__name__)[2]
                raise UsageError(
                    f"{type(part).__name__} does not provide {interface.__name__}{said}"
                ) from error
