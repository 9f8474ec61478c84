"""Changes to signing keys that operators make, and time (see ``turnover``)."""

from collections.abc import Callable, Sequence

from attrs import define
from zope.interface import implementer

from mailsuite.directory.keys import ACTIVE, NEW, OLD, Keys, moved, of
from mailsuite.directory.names import checked_domain
from mailsuite.directory.state import State
from mailsuite.interfaces.signing import IKeysAdmin, SigningKey
from mailsuite.model.errors import UsageError


@implementer(IKeysAdmin)
@define(eq=False, repr=False)
class KeysAdmin:
    """Provides IKeysAdmin over the same state as :class:`Keys`."""

    _state: State
    _keys: Keys
    _wall: Callable[[], float]

    async def keys(self, domain: str = "") -> Sequence[SigningKey]:
        """All keys, or those of one domain."""
        if domain:
            return self._keys.published(checked_domain(domain))
        every = self._state.book.keys
        return [key for name in sorted(every) for key in every[name]]

    async def add(self, domain: str) -> Sequence[SigningKey]:
        """Make the first keys of a domain."""
        name = self._ours(domain)
        async with self._keys.lock:
            if self._keys.published(name):
                raise UsageError(f"{name} has keys: mailsuite dkim rotate {name}")
            return await self._keys.put(await self._keys.first(name))

    async def rotate(self, domain: str) -> Sequence[SigningKey]:
        """Make the next keys."""
        name = self._ours(domain)
        async with self._keys.lock:
            known = self._known(name)
            if of(known, NEW):
                raise UsageError(
                    f"{name} has new keys already: mailsuite dkim activate {name}"
                )
            return await self._keys.put(await self._keys.made(name, NEW))

    async def activate(self, domain: str) -> Sequence[SigningKey]:
        """Let new keys sign."""
        name = checked_domain(domain)
        async with self._keys.lock:
            known = self._known(name)
            if not of(known, NEW):
                raise UsageError(
                    f"{name} has no new keys: mailsuite dkim rotate {name}"
                )
            now = self._wall()
            before = moved(of(known, ACTIVE), OLD, now)
            after = moved(of(known, NEW), ACTIVE, now)
            return await self._keys.put((*before, *after))

    async def retire(self, domain: str, selector: str = "") -> Sequence[SigningKey]:
        """Forget old keys, or change one that is named."""
        name = checked_domain(domain)
        async with self._keys.lock:
            known = self._known(name)
            if not selector:
                old = of(known, OLD)
                if not old:
                    raise UsageError(f"{name} has no old keys")
                return await self._keys.drop(old)
            return await self._retired(name, known, selector)

    async def _retired(
        self, name: str, known: Sequence[SigningKey], selector: str
    ) -> Sequence[SigningKey]:
        found = [key for key in known if key.selector == selector]
        if not found:
            raise UsageError(f"{name} has no key {selector}")
        if found[0].state != ACTIVE:
            return await self._keys.drop(found)
        if len(of(known, ACTIVE)) == 1:
            raise UsageError(
                f"{selector} is the only key that signs: mailsuite dkim rotate {name}"
            )
        return await self._keys.put(moved(found, OLD, self._wall()))

    def _ours(self, domain: str) -> str:
        """:raises UsageError: neither a domain of ours nor our own name."""
        name, book = checked_domain(domain), self._state.book
        if name not in book.domains and name != book.rules.hostname:
            raise UsageError(
                f"{name} is not one of our domains: mailsuite domain add {name}"
            )
        return name

    def _known(self, name: str) -> Sequence[SigningKey]:
        known = self._keys.published(name)
        if not known:
            raise UsageError(f"{name} has no keys: mailsuite dkim add {name}")
        return known
