"""The directory of a stopped suite, opened by a command."""

import time
from collections.abc import Mapping, Sequence

from attrs import define

from mailsuite.directory.admin import Admin
from mailsuite.directory.keys import Keys
from mailsuite.directory.keysadmin import KeysAdmin
from mailsuite.directory.passwords import ITERATIONS, hash_now, key_now, verify_now
from mailsuite.directory.registry import rules_of
from mailsuite.directory.state import State
from mailsuite.events.memory import Events
from mailsuite.house import domains
from mailsuite.house.paths import Places, absolute
from mailsuite.house.publishing import Publishing
from mailsuite.house.tree import Tree
from mailsuite.http.api.dkim import DKIM
from mailsuite.http.api.dns import DNS
from mailsuite.http.api.people import People
from mailsuite.http.routes import Route
from mailsuite.model.principals import StoredKeys
from mailsuite.net.lanes import Inline

wall = getattr(time, "time")  # noqa: B009 - a command is its own house


class Direct:
    """Hashes on the spot."""

    iterations = ITERATIONS

    async def hashed(self, secret: str) -> str:
        """Give the stored form."""
        return hash_now(secret)

    async def matches(self, stored: str | None, secret: str) -> bool:
        """Compare."""
        return stored is not None and verify_now(stored, secret)

    async def keyed(
        self, secret: str, salts: Mapping[str, bytes]
    ) -> tuple[StoredKeys, ...]:
        """Derive."""
        return key_now(secret, salts)

    def stop(self) -> None:
        """There is nothing to let go of."""


@define(eq=False, repr=False)
class Stopped:
    """The open database and what can be done to it."""

    state: State
    admin: Admin
    keys: KeysAdmin
    ring: Keys
    routes: Sequence[Route]

    async def close(self) -> None:
        """Close it."""
        await self.state.close()


async def routes(tree: Tree, places: Places) -> Stopped:
    """Open the directory. :raises UsageError: it cannot be used."""
    events = Events()
    state = State(places.state, Inline(), events)
    rules = rules_of(tree.directory, tree.server.hostname)
    state.arrange(rules, domains.load(places.domains))
    await state.open()
    keys = Keys(state, Inline(), wall, events, tree.signing)
    admin = Admin(state, Direct(), wall, events, keys)
    changes = KeysAdmin(state, keys, wall)
    publishing = Publishing(absolute(tree, places.etc), admin, keys)
    every = [
        *People(admin).routes(),
        *DKIM(changes).routes(),
        *DNS(publishing).routes(),
    ]
    return Stopped(state, admin, changes, keys, every)
