"""Scripts of accounts, and what runs them at delivery."""

from attrs import frozen

from mailsuite.delivery.filing import Filing
from mailsuite.delivery.ground import Ground, System
from mailsuite.delivery.programs import Programs
from mailsuite.house.tree import Tree
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.directory import IDirectory
from mailsuite.net.lanes import Lane
from mailsuite.store.accounts import Accounts
from mailsuite.store.accounts import Ground as StoreGround
from mailsuite.store.memories import Memories
from mailsuite.store.scripts import Scripts


@frozen(eq=False, repr=False)
class Filters:
    """The scripts as doors and people change them, and as delivery runs them."""

    scripts: Scripts
    memories: Memories
    filing: Filing

    def reload(self, tree: Tree, system: System) -> None:
        """Let other settings and scripts count."""
        self.scripts.settings = tree.sieve
        self.filing.ground.system = system
        folders = tree.delivery.detail_folders
        self.filing.reload(tree.sieve, detail_folders=folders)

    def stop(self) -> None:
        """End the thread."""
        self.filing.close()
        self.filing.ground.lane.stop()


def made(
    ground: StoreGround, tree: Tree, accounts: Accounts, blobs: IBlobs, system: System
) -> Filters:
    """Make and join them."""
    directory: IDirectory = ground.directory
    lane = Lane(ground.reactor, "sieve")
    programs = Programs(lane)
    scripts = Scripts(
        accounts, programs.warnings, ground.wall, ground.events, tree.sieve
    )
    memories = Memories(accounts, ground.wall)
    stands = Ground(
        scripts,
        memories,
        programs,
        blobs,
        directory,
        ground.events,
        ground.wall,
        ground.host,
        lane,
        system,
    )
    filing = Filing(stands, tree.sieve, tree.delivery.detail_folders)
    return Filters(scripts, memories, filing)
