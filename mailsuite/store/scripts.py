"""Scripts of accounts, kept in each ``account.db`` (IScripts).

The active script of an account is remembered here, because every delivery asks for
it: nobody else writes the database while the suite runs.
"""

import re
import unicodedata
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from sqlite3 import Connection, connect
from typing import Any, Protocol

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.scripts import BadScriptName, IScripts, Script, ScriptRow
from mailsuite.model.ids import AccountName
from mailsuite.sieve.settings import Sieve
from mailsuite.store import schema, scriptrows
from mailsuite.store.scriptrows import Limits

NAME_OCTETS = 512  # RFC 5804 §1.6 asks for at least 128 characters
KNOWN = 10_000  # accounts whose active script is remembered
KNOWN_OCTETS = 64 << 20  # of those scripts together

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")

Check = Callable[[AccountName, bytes], Awaitable[Sequence[str]]]
"""Gives a text's warnings. :raises BadScriptText: it is no script."""


class Facts(Protocol):
    """Whoever runs something with an account's database of facts."""

    async def facts(
        self,
        account: AccountName,
        call: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Run ``call(database, ...)``; blocking is allowed to it."""


@implementer(IScripts)
@define(eq=False)
class Scripts:
    """Provides IScripts."""

    _accounts: Facts
    _check: Check
    _wall: Callable[[], float]
    _events: IEvents
    settings: Sieve
    _known: "OrderedDict[AccountName, Script | None]" = field(factory=OrderedDict)
    _asking: Counter[AccountName] = field(factory=Counter)
    """How many wait for an account's script; who comes later waits behind them."""
    _octets: int = 0
    _changes: int = 0

    async def listed(self, account: AccountName) -> Sequence[ScriptRow]:
        """See :meth:`IScripts.listed`."""
        rows: list[ScriptRow] = await self._accounts.facts(account, scriptrows.listed)
        return rows

    async def get(self, account: AccountName, name: str) -> bytes:
        """See :meth:`IScripts.get`."""
        wanted = unicodedata.normalize("NFC", name)
        text: bytes = await self._accounts.facts(account, scriptrows.get, wanted)
        return text

    async def active(self, account: AccountName) -> Script | None:
        """See :meth:`IScripts.active`."""
        if account in self._known and account not in self._asking:
            return self._known[account]
        changes = self._changes
        self._asking[account] += 1
        try:
            script: Script | None = await self._accounts.facts(
                account, scriptrows.active
            )
        finally:
            self._asking[account] -= 1
            if not self._asking[account]:
                del self._asking[account]
        if changes == self._changes:  # else it may be another by now
            self._learn(account, script)
        return script

    async def check(self, account: AccountName, content: bytes) -> Sequence[str]:
        """See :meth:`IScripts.check`."""
        return await self._check(account, content)

    async def put(
        self, account: AccountName, name: str, content: bytes
    ) -> Sequence[str]:
        """See :meth:`IScripts.put`."""
        name = checked(name)
        limits = self._limits()
        await self._accounts.facts(account, scriptrows.room, name, len(content), limits)
        warnings = await self._check(account, content)
        now = self._wall()
        await self._change(account, scriptrows.put, name, content, now, limits)
        self._happened("sieve.stored", account, name, octets=len(content))
        return warnings

    async def activate(self, account: AccountName, name: str) -> None:
        """See :meth:`IScripts.activate`."""
        name = unicodedata.normalize("NFC", name)
        await self._change(account, scriptrows.activate, name)
        self._happened("sieve.activated", account, name)

    async def remove(self, account: AccountName, name: str) -> None:
        """See :meth:`IScripts.remove`."""
        name = unicodedata.normalize("NFC", name)
        await self._change(account, scriptrows.remove, name)
        self._happened("sieve.removed", account, name)

    async def rename(self, account: AccountName, old: str, new: str) -> None:
        """See :meth:`IScripts.rename`."""
        old, new = unicodedata.normalize("NFC", old), checked(new)
        await self._change(account, scriptrows.rename, old, new)

    async def room(self, account: AccountName, name: str, octets: int) -> None:
        """See :meth:`IScripts.room`."""
        name = checked(name)
        await self._accounts.facts(
            account, scriptrows.room, name, octets, self._limits()
        )

    def _limits(self) -> Limits:
        return Limits(self.settings.scripts, self.settings.octets)

    async def _change(
        self, account: AccountName, call: Callable[..., None], *args: object
    ) -> None:
        """Write, and forget what was known before or meanwhile."""
        try:
            await self._accounts.facts(account, call, *args)
        finally:
            self._changes += 1
            self._forget(account)

    def _forget(self, account: AccountName) -> None:
        script = self._known.pop(account, None)
        self._octets -= len(script.content) if script else 0

    def _learn(self, account: AccountName, script: Script | None) -> None:
        self._forget(account)
        self._known[account] = script
        self._octets += len(script.content) if script else 0
        while len(self._known) > KNOWN or self._octets > KNOWN_OCTETS:
            _, gone = self._known.popitem(last=False)
            self._octets -= len(gone.content) if gone else 0

    def _happened(
        self, event: str, account: AccountName, name: str, **more: int
    ) -> None:
        self._events.happened(event, account=account, script=name, **more)


def checked(name: str) -> str:
    """A name as it is kept. :raises BadScriptName: none can be like that."""
    name = unicodedata.normalize("NFC", name)
    if not name:
        raise BadScriptName("a script has a name")
    if _CONTROL.search(name):
        raise BadScriptName("the name has control characters")
    if len(name.encode()) > NAME_OCTETS:
        raise BadScriptName(f"the name has more than {NAME_OCTETS} octets")
    return name


@define(eq=False)
class InMemory:
    """Facts of accounts in memory: for tests, as :mod:`~mailsuite.store.memory`."""

    _databases: dict[AccountName, Connection] = field(factory=dict)

    async def facts(
        self,
        account: AccountName,
        call: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """See :class:`Facts`."""
        database = self._databases.get(account)
        if database is None:
            database = connect(":memory:", isolation_level=None)
            for version in schema.FACTS:
                database.executescript(version)
            self._databases[account] = database
        return call(database, *args, **kwargs)

    def close(self) -> None:
        """Forget everything."""
        for database in self._databases.values():
            database.close()
        self._databases.clear()
