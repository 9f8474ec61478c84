"""A directory in memory, for tests: the same rules, no disk and no hashing."""

import hmac
from collections.abc import Mapping, Sequence

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.directory.admin import Admin
from mailsuite.directory.keys import Keys
from mailsuite.directory.keysadmin import KeysAdmin
from mailsuite.directory.names import parse
from mailsuite.directory.passwords import key_now
from mailsuite.directory.registry import Registry, rules_of
from mailsuite.directory.settings import Settings
from mailsuite.directory.state import Listing, State
from mailsuite.events.memory import Events
from mailsuite.model.principals import StoredKeys
from mailsuite.net.lanes import Inline


class Plain:
    """Keeps passwords as they are."""

    iterations = 2

    async def hashed(self, secret: str) -> str:
        """Give the secret itself."""
        return secret

    async def matches(self, stored: str | None, secret: str) -> bool:
        """Compare them."""
        known = (stored or "").encode("utf-8", "surrogateescape")
        return stored is not None and hmac.compare_digest(
            known, secret.encode("utf-8", "surrogateescape")
        )

    async def keyed(
        self, secret: str, salts: Mapping[str, bytes]
    ) -> tuple[StoredKeys, ...]:
        """Derive quickly."""
        return key_now(secret, salts, self.iterations)

    def stop(self) -> None:
        """There is nothing to let go of."""


@frozen
class Memory:
    """``directory`` provides IDirectory and IRouting, ``admin`` IDirectoryAdmin.

    ``keys`` provides IKeys, ``changes`` IKeysAdmin; domains have none at first.
    """

    directory: Registry
    admin: Admin
    events: Events
    keys: Keys
    changes: KeysAdmin


def make(
    users: Mapping[str, str],
    aliases: Mapping[str, Sequence[str]] | None = None,
    *,
    catch_all: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> Memory:
    """Make one with these users (address: password), started.

    Domains are those of the users and of ``catch_all``.
    """
    settings = settings or Settings()
    events = Events()

    def wall() -> float:
        return float(len(events.seen))

    state = State(":memory:", Inline(), events)
    state.arrange(rules_of(settings), Listing())
    keys = Keys(state, Inline(), wall, events)
    made = Memory(
        Registry(Clock(), state, Plain(), settings),
        Admin(state, Plain(), wall, events),
        events,
        keys,
        KeysAdmin(state, keys, wall),
    )
    _ = Deferred.fromCoroutine(_fill(made, users, aliases or {}, catch_all or {}))
    return made


async def _fill(
    made: Memory,
    users: Mapping[str, str],
    aliases: Mapping[str, Sequence[str]],
    catch_all: Mapping[str, str],
) -> None:
    await made.directory.start()
    domains = dict.fromkeys(parse(name).domain for name in users) | dict(catch_all)
    for domain, into in domains.items():
        await made.admin.add_domain(domain, into or "")
    for name, password in users.items():
        await made.admin.add_user(parse(name), password)
    for name, targets in aliases.items():
        await made.admin.add_alias(parse(name), [parse(one) for one in targets])
    made.events.seen.clear()
