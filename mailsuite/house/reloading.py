"""A reload: everything is prepared and may fail, then all of it counts at once."""

from collections.abc import Sequence

from attrs import evolve, frozen

from mailsuite.delivery.ground import System
from mailsuite.directory.state import Listing
from mailsuite.house import config, domains, guards, sieves
from mailsuite.house.config import Loaded
from mailsuite.house.parts import Parts
from mailsuite.house.paths import absolute, places
from mailsuite.house.tree import SECTIONS, Tree, waits
from mailsuite.house.wiring import terms
from mailsuite.model.settings import described
from mailsuite.reports.service import consumed


@frozen
class Prepared:
    """A new configuration that was read and found usable."""

    loaded: Loaded
    tree: Tree
    files: Listing
    system: System


def prepared(old: Loaded) -> Prepared:
    """Read the files again. :raises UsageError: something is wrong with them."""
    loaded = config.load(old.path)
    where = places(loaded)
    tree = absolute(loaded.tree, where.etc)
    guards.settings(tree)
    files = domains.load(where.domains)
    system = sieves.load(tree, files, where.etc)
    return Prepared(loaded, tree, files, system)


def waiting(old: Tree, new: Tree) -> Sequence[str]:
    """Name the settings that changed and wait for a restart."""
    return [
        f"{name}.{one.key}"
        for name, kind in SECTIONS.items()
        for one in described(kind)
        if waits(name, one)
        and getattr(getattr(old, name), one.key) != getattr(getattr(new, name), one.key)
    ]


def taken(old: Loaded, new: Loaded) -> Loaded:
    """Give what is in force now: the new, with the old where a restart is due."""
    sections = {
        name: evolve(
            getattr(new.tree, name),
            **{
                one.key: getattr(getattr(old.tree, name), one.key)
                for one in described(kind)
                if waits(name, one)
            },
        )
        for name, kind in SECTIONS.items()
    }
    return evolve(new, tree=Tree(**sections))


def commit(parts: Parts, fresh: Prepared) -> None:
    """Let the new settings count; they were checked, so that nothing fails."""
    tree, ways = fresh.tree, parts.ways
    parts.doors.judging.own = fresh.files.authentication
    parts.doors.reload(tree)
    names = consumed(tree.reports)
    parts.people.registry.rearrange(tree.directory, fresh.files, names)
    parts.people.keys.rearrange(tree.signing)
    parts.people.turnover.rearrange(tree.signing)
    parts.people.doctor.rearrange(tree)
    ways.resolver.reload(tree.dns)
    ways.relay.reload(tree.relay)
    ways.signatures.rearrange(terms(tree))
    ways.local.reload(tree.delivery)
    ways.filters.reload(tree, fresh.system)
    ways.queue.reload(tree.queue)
    ways.reports.reload(tree.reports)
    parts.search.reload(tree.search)
