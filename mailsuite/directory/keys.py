"""Signing keys of our domains, and how new ones take the place of old ones.

A key is ``new`` while its record spreads in DNS, ``active`` while it signs, and
``old`` while what it signed is still on its way; then it is forgotten.
"""

import sqlite3
from collections.abc import Callable, Sequence

from attrs import define, evolve, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.directory import keymaking
from mailsuite.directory.names import fold_domain
from mailsuite.directory.state import State
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.signing import IKeys, SigningKey
from mailsuite.mailauth.settings import Signing
from mailsuite.net.lanes import Runs

NEW, ACTIVE, OLD, GONE = "new", "active", "old", "gone"

_log = Logger()


def of(keys: Sequence[SigningKey], state: str) -> tuple[SigningKey, ...]:
    """Give those in a state."""
    return tuple(key for key in keys if key.state == state)


def moved(keys: Sequence[SigningKey], state: str, now: float) -> tuple[SigningKey, ...]:
    """Give keys as they are in another state."""
    return tuple(evolve(key, state=state, since=now) for key in keys)


@implementer(IKeys)
@define(eq=False, repr=False)
class Keys:
    """Provides IKeys; keys are made on ``thread``, and changed under ``lock``."""

    _state: State
    _thread: Runs
    _wall: Callable[[], float]
    _events: IEvents
    _settings: Signing = field(factory=Signing)
    lock: DeferredLock = field(factory=DeferredLock, init=False)

    def rearrange(self, settings: Signing) -> None:
        """Use other settings. :raises UsageError: one cannot be used."""
        for algorithm in settings.algorithms:
            keymaking.checked(algorithm)
        self._settings = settings

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def published(self, domain: str) -> Sequence[SigningKey]:
        """Every key of the domain, the oldest first."""
        return self._state.book.keys.get(fold_domain(domain), ())

    def signing(self, domain: str) -> Sequence[SigningKey]:
        """Those that sign, as long as the domain is ours or is our own name."""
        name, book = fold_domain(domain), self._state.book
        if name not in book.domains and name != book.rules.hostname:
            return ()
        return of(book.keys.get(name, ()), ACTIVE)

    async def needed(self, domain: str) -> Sequence[SigningKey]:
        """Make the first keys of a domain of ours; none if that fails."""
        name = fold_domain(domain)
        if name not in self._state.book.domains or self.published(name):
            return self.signing(name)
        try:
            async with self.lock:
                if not self.published(name):
                    await self.put(await self.first(name))
        except sqlite3.Error:
            _log.failure("keys for {domain} could not be kept", domain=name)
        return self.signing(name)

    async def first(self, domain: str) -> Sequence[SigningKey]:
        """Make keys that sign at once; nothing is kept yet."""
        return await self.made(domain, ACTIVE)

    async def made(self, domain: str, state: str) -> Sequence[SigningKey]:
        """Make a key for each algorithm of the settings; nothing is kept yet."""
        now, made = self._wall(), []
        taken = [key.selector for key in self.published(domain)]
        for algorithm in self._settings.algorithms:
            kind = keymaking.checked(algorithm)
            name = keymaking.selector(kind, now, taken)
            make = keymaking.make
            made.append(await self._thread.run(make, domain, name, kind, state, now))
        return made

    async def put(self, keys: Sequence[SigningKey]) -> Sequence[SigningKey]:
        """Keep keys in one commit."""
        await self._state.put(*keys)
        self._tell(keys)
        return keys

    async def drop(self, keys: Sequence[SigningKey]) -> Sequence[SigningKey]:
        """Forget keys."""
        for key in keys:
            await self._state.drop(key)
        gone = moved(keys, GONE, self._wall())
        self._tell(gone)
        return gone

    def _tell(self, keys: Sequence[SigningKey]) -> None:
        for key in keys:
            self._events.happened(
                "directory.keyed",
                domain=key.domain,
                selector=key.selector,
                state=key.state,
            )
