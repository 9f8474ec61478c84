"""The vacations of accounts, kept among their scripts (:mod:`.away`)."""

from collections.abc import Sequence

from attrs import define, evolve, frozen

from mailsuite.interfaces.scripts import IScripts, NoSuchScript
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import AccountName
from mailsuite.sieve import away
from mailsuite.sieve.away import NAME, Away
from mailsuite.sieve.errors import BadScript
from mailsuite.sieve.extensions.include import DEPTH, name_fits
from mailsuite.sieve.grammar import parse
from mailsuite.sieve.tree import Command, Text

REFUSALS = frozenset(("reject", "ereject"))


@frozen
class Shown:
    """A vacation and whether it counts: its script is the active one."""

    away: Away
    active: bool


@define(eq=False)
class Vacations:
    """Sets and clears them; what an owner wrote is never changed."""

    _scripts: IScripts

    async def show(self, account: AccountName) -> Shown | None:
        """The vacation of an account, None: there is none.

        :raises UsageError: its script was changed so that it cannot be read.
        """
        try:
            known = away.read(await self._scripts.get(account, NAME))
        except NoSuchScript:
            return None
        except BadScript as error:
            raise UsageError(f"the script {NAME} was changed: {error}") from error
        if known is None:
            return None
        return Shown(known, await self._active(account) == NAME)

    async def set(self, account: AccountName, wanted: Away) -> Sequence[str]:
        """Write its script and let it count; gives warnings.

        :raises UsageError: the owner's scripts stand in the way.
        """
        known = await self._ours(account)
        own = await self._active(account)
        if own == NAME and known is not None:
            own = known.includes
        return await self._write(account, wanted, own)

    async def _write(self, account: AccountName, wanted: Away, own: str) -> list[str]:
        """Keep the script that includes ``own``, and let it count."""
        if own and not name_fits(own):
            raise UsageError(
                f"the script {own!r} must have another name to be included: rename it"
            )
        warnings = await self._looked_through(account, own) if own else []
        content = away.written(evolve(wanted, includes=own))
        warnings += await self._scripts.put(account, NAME, content)
        await self._scripts.activate(account, NAME)
        return warnings

    async def activate(self, account: AccountName, name: str) -> bool:
        """Let a script count, or with an empty name none.

        True: a vacation counts before it, which now includes that script.

        :raises NoSuchScript: there is none of that name.
        :raises UsageError: it cannot be included.
        """
        shown = await self.show(account) if name != NAME else None
        if shown is None or not shown.active:
            await self._scripts.activate(account, name)
            return False
        if name:
            await self._scripts.get(account, name)
        await self._write(account, shown.away, name)
        return True

    async def clear(self, account: AccountName) -> str:
        """Take it away; gives the name of the script that counts now, or nothing.

        :raises UsageError: there is no vacation.
        """
        known = await self._ours(account)
        if known is None:
            raise UsageError(f"{account} has no vacation")
        active = await self._active(account)
        if active == NAME:
            there = {row.name for row in await self._scripts.listed(account)}
            active = known.includes if known.includes in there else ""
            await self._scripts.activate(account, active)
        await self._scripts.remove(account, NAME)
        return active

    async def _active(self, account: AccountName) -> str:
        rows = await self._scripts.listed(account)
        return next((row.name for row in rows if row.active), "")

    async def _ours(self, account: AccountName) -> Away | None:
        """What the script says that is written here, None: there is none.

        :raises UsageError: the owner has a script of that name.
        """
        try:
            content = await self._scripts.get(account, NAME)
        except NoSuchScript:
            return None
        if not content.startswith(away.MARK):
            raise UsageError(
                f"{account} has a script {NAME} that was written otherwise: rename it"
            )
        try:
            return away.read(content)
        except BadScript:
            return Away("")

    async def _looked_through(self, account: AccountName, name: str) -> list[str]:
        """What in the owner's scripts does not go together with a vacation.

        :raises UsageError: they reply themselves, which may happen once (RFC 5230).
        """
        warnings = []
        waiting, seen = [name], {name}
        while waiting and len(seen) <= DEPTH:
            one = waiting.pop()
            for line, command in await self._commands(account, one):
                if command.name == "vacation":
                    raise UsageError(
                        f"the script {one!r} has a vacation in line {line}: change it"
                        " there, or take it out first"
                    )
                if command.name in REFUSALS:
                    warnings.append(
                        f"the script {one!r} refuses mail in line {line}; during the"
                        " vacation such mail is kept, for no mail is both answered"
                        " and refused (RFC 5230 \u00a74.7)"
                    )
                if command.name == "include":
                    last = command.arguments[-1]
                    if isinstance(last, Text) and last.value not in seen:
                        seen.add(last.value)
                        waiting.append(last.value)
        return warnings

    async def _commands(
        self, account: AccountName, name: str
    ) -> Sequence[tuple[int, Command]]:
        try:
            tree = parse(await self._scripts.get(account, name))
        except (NoSuchScript, BadScript):
            return ()
        return [(tree.place(one.at)[0], one) for one in away.commands(tree)]
