"""Open accounts, so that a busy one is not opened for every message."""

from collections import OrderedDict

from attrs import define, field

from mailsuite.interfaces.mailboxes import IAccount, IAccounts
from mailsuite.model.ids import AccountName


@define(eq=False)
class _Held:
    account: IAccount
    users: int = 0
    unwanted: bool = False


@define(eq=False)
class Handles:
    """The accounts used last, at most ``limit`` beside those in use."""

    _accounts: IAccounts
    limit: int
    _held: "OrderedDict[AccountName, _Held]" = field(factory=OrderedDict)

    async def take(self, name: AccountName) -> "_Held":
        """An open account; :meth:`give` it back."""
        held = self._held.get(name)
        if held is None:
            account = await self._accounts.open(name)
            held = self._held.get(name)
            if held is None:
                held = self._held[name] = _Held(account)
            else:
                account.close()  # somebody was faster
        self._held.move_to_end(name)
        held.users += 1
        return held

    def give(self, held: "_Held") -> None:
        """Done with it for now."""
        held.users -= 1
        if held.unwanted and not held.users:
            held.account.close()
        if len(self._held) > self.limit:
            self._trim()

    def drop(self, name: AccountName) -> None:
        """Open it anew the next time."""
        held = self._held.pop(name, None)
        if held is not None:
            held.unwanted = True
            if not held.users:
                held.account.close()

    def _trim(self) -> None:
        for name, held in list(self._held.items()):
            if len(self._held) <= self.limit:
                return
            if not held.users:
                self.drop(name)

    def close(self) -> None:
        """Close all of them; those in use when they are given back."""
        for name in list(self._held):
            self.drop(name)
