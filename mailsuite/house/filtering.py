"""Scripts of accounts, and what runs them at delivery."""

from attrs import frozen

from mailsuite.delivery.agenda import Agenda
from mailsuite.delivery.attending import Attending
from mailsuite.delivery.awakening import Awakening
from mailsuite.delivery.calendars import Calendars
from mailsuite.delivery.externals import Externals
from mailsuite.delivery.filing import Filing
from mailsuite.delivery.ground import Ground, System
from mailsuite.delivery.happenings import Happenings
from mailsuite.delivery.lists import Lists
from mailsuite.delivery.programs import Programs
from mailsuite.delivery.replaying import Replaying
from mailsuite.house.sieves import vocabulary
from mailsuite.house.tree import Tree
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.queueing import IQueue
from mailsuite.net.lanes import Lane
from mailsuite.sieve.settings import Sieve
from mailsuite.store.accounts import Accounts
from mailsuite.store.accounts import Ground as StoreGround
from mailsuite.store.memories import Memories
from mailsuite.store.scripts import Scripts
from mailsuite.store.snoozed import Waiting


@frozen(eq=False, repr=False)
class Filters:
    """The scripts as doors and people change them, and as delivery runs them."""

    scripts: Scripts
    memories: Memories
    filing: Filing
    replaying: Replaying
    agenda: Agenda
    accounts: Accounts
    awakening: Awakening

    def reload(self, tree: Tree, system: System) -> None:
        """Let other settings and scripts count."""
        self.scripts.settings = tree.sieve
        self.filing.system = system
        folders = tree.delivery.detail_folders
        self.filing.reload(tree.sieve, detail_folders=folders)
        self.filing.programs.speak(vocabulary(tree, users=True))
        externals = self.filing.ground.externals
        if externals is not None:
            externals.settings = tree.sieve
        lists = self.filing.ground.lists
        if lists is not None:
            lists.settings = tree.sieve

    def stop(self) -> None:
        """End the thread."""
        self.filing.close()
        self.filing.ground.lane.stop()


@frozen(eq=False, repr=False)
class Attendance:
    """What IMAP sessions tell of, and the transport that has scripts run then."""

    happenings: Happenings
    transport: Attending


def made(
    ground: StoreGround,
    tree: Tree,
    etc: str,
    keeping: tuple[Accounts, IBlobs],
    system: System,
) -> Filters:
    """Make and join them; ``etc`` is where the settings lie."""
    accounts, blobs = keeping
    directory: IDirectory = ground.directory
    lane = Lane(ground.reactor, "sieve")
    programs = Programs(lane, vocabulary(tree, users=True))
    scripts = Scripts(
        accounts, programs.warnings, ground.wall, ground.events, tree.sieve
    )
    memories = Memories(accounts, ground.wall)
    awakening = _awakening(ground, accounts)
    stands = Ground(
        ground.reactor,
        scripts,
        memories,
        programs,
        blobs,
        directory,
        ground.events,
        ground.wall,
        ground.host,
        lane,
        awakening,
        _calendars(ground, lane, tree.sieve),
        Externals(ground.reactor, ground.events, etc, tree.sieve),
        Lists(lane, etc, tree.sieve),
    )
    filing = Filing(stands, tree.sieve, tree.delivery.detail_folders, system)
    replaying = Replaying(accounts, filing)
    agenda = Agenda(accounts, stands.calendars, lane)
    return Filters(scripts, memories, filing, replaying, agenda, accounts, awakening)


def attendance(
    ground: StoreGround, filters: Filters, queue: IQueue, run: str
) -> Attendance:
    """Let scripts run at IMAP events; ``run`` differs between starts."""
    filing = filters.filing
    happenings = Happenings(ground.reactor, queue, filing, run)
    accounts = filters.accounts
    transport = Attending(filing, accounts, queue.renew, happenings.ended)
    return Attendance(happenings, transport)


def _awakening(ground: StoreGround, accounts: Accounts) -> Awakening:
    """What wakes up snoozed mail."""
    reactor, wall, events = ground.reactor, ground.wall, ground.events
    lane = Lane(reactor, "snoozed")
    snoozed = Waiting.of(accounts, ground.data, lane, wall, events)
    return Awakening(reactor, wall, accounts, snoozed, events)


def _calendars(ground: StoreGround, lane: Lane, settings: Sieve) -> Calendars:
    """What knows the events of accounts."""
    return Calendars(lane, ground.wall, settings.calendar, settings.calendar_senders)
