"""What deliveries of an account remember, in its ``account.db`` (IMemories)."""

from collections.abc import Callable

from attrs import define
from zope.interface import implementer

from mailsuite.interfaces.scripts import IMemories
from mailsuite.model.envelope import Once
from mailsuite.model.ids import AccountName
from mailsuite.store import scriptrows
from mailsuite.store.scriptrows import Memory
from mailsuite.store.scripts import Facts


@implementer(IMemories)
@define(eq=False)
class Memories:
    """Provides IMemories."""

    _accounts: Facts
    _wall: Callable[[], float]

    async def known(
        self, account: AccountName, kind: str, key: str, once: Once | None = None
    ) -> bool:
        """See :meth:`IMemories.known`."""
        memory = Memory(kind, key, 0.0, _source(once))
        found: bool = await self._accounts.facts(
            account, scriptrows.known, memory, self._wall()
        )
        return found

    async def remember(
        self,
        account: AccountName,
        kind: str,
        key: str,
        until: float,
        once: Once | None = None,
    ) -> bool:
        """See :meth:`IMemories.remember`."""
        memory = Memory(kind, key, until, _source(once))
        fresh: bool = await self._accounts.facts(
            account, scriptrows.remember, memory, self._wall(), anew=False
        )
        return fresh

    async def renew(
        self,
        account: AccountName,
        kind: str,
        key: str,
        until: float,
        once: Once | None = None,
    ) -> None:
        """See :meth:`IMemories.renew`."""
        memory = Memory(kind, key, until, _source(once))
        await self._accounts.facts(
            account, scriptrows.remember, memory, self._wall(), anew=True
        )


def _source(once: Once | None) -> str:
    """Name an action in a row; empty: none that could be repeated."""
    return f"{once.source}/{once.recipient}/{once.action}" if once else ""
