"""What every POP3 session of one service shares."""

from collections.abc import Callable

from attrs import Factory, define, field, frozen
from twisted.internet.interfaces import IReactorTime

from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.model.errors import Taken
from mailsuite.model.ids import AccountName
from mailsuite.net.throttle import Throttle
from mailsuite.pop3.settings import POP3
from mailsuite.tls.contexts import Contexts


@define(eq=False)
class Locks:
    """Maildrops that a session has for itself (RFC 1939 §4)."""

    _held: dict[AccountName, object] = field(factory=dict)

    def take(self, account: AccountName) -> Callable[[], None]:
        """Lock it; gives the call that unlocks. :raises Taken: it is locked."""
        if account in self._held:
            raise Taken(account)
        mine = self._held[account] = object()

        def give_back() -> None:
            if self._held.get(account) is mine:
                del self._held[account]

        return give_back


@frozen
class Ground:
    """Given to every session; ``settings`` is replaced as a whole at a reload."""

    clock: IReactorTime
    directory: IDirectory
    accounts: IAccounts
    contexts: Contexts
    throttle: Throttle
    events: IEvents
    settings: POP3 = Factory(POP3)
    locks: Locks = Factory(Locks)
