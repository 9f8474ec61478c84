"""Which jobs of scripts at IMAP events are under way, and who waits for them.

Those of an earlier process are found in the queue at the start; until all are, any
mailbox may have some.
"""

from collections import Counter
from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import Deferred

from mailsuite.delivery.occasions import DOMAIN, Occasion
from mailsuite.interfaces.queueing import IQueue, Listed
from mailsuite.model.ids import AccountName, MailboxId, QueueId

PAGE = 500  # rows of the queue that are looked at in one turn, at the start

Key = tuple[AccountName, MailboxId]


@define(eq=False)
class Tickets:
    """Jobs by their tickets, for each mailbox."""

    pending: dict[Key, set[str]] = field(factory=dict)
    under_way: Counter[AccountName] = field(factory=Counter)
    ids: dict[str, QueueId] = field(factory=dict)
    _waiting: dict[Key, list[Deferred[None]]] = field(factory=dict)
    _looking: bool = False
    _over_meanwhile: set[str] = field(factory=set)
    """Of jobs that ended while earlier ones were looked for."""

    def add(self, one: Occasion) -> None:
        """Count a job in, once."""
        tickets = self.pending.setdefault((one.account, one.mailbox), set())
        if one.ticket not in tickets:
            tickets.add(one.ticket)
            self.under_way[one.account] += 1

    def named(self, one: Occasion, job: QueueId) -> None:
        """Learn what the queue calls a job, unless it is over already."""
        if one.ticket in self.pending.get((one.account, one.mailbox), ()):
            self.ids[one.ticket] = job

    def over(self, key: Key, ticket: str) -> None:
        """A job is over; who waits for the last one of a mailbox goes on."""
        if self._looking:
            self._over_meanwhile.add(ticket)
        pending = self.pending.get(key, set())
        self.ids.pop(ticket, None)
        if ticket in pending:  # else it was held when we started
            pending.discard(ticket)
            account, _ = key
            self.under_way[account] -= 1
            if not self.under_way[account]:
                del self.under_way[account]
        if not pending:
            self.pending.pop(key, None)
            self._go_on(key)

    def look(self) -> None:
        """Say that there may be jobs that nobody has counted in yet."""
        self._looking = True

    def found(self, rows: Sequence[Listed]) -> None:
        """Count in what an earlier process left, but for what operators hold."""
        for row in rows:
            one = Occasion.read(row.marks)
            if one is None or row.state == "held" or one.ticket in self._over_meanwhile:
                continue
            self.add(one)
            self.named(one, row.id)

    def looked(self) -> None:
        """All that an earlier process left is known."""
        self._looking = False
        self._over_meanwhile.clear()
        for key in [*self._waiting]:
            self._go_on(key)

    def waits(self, key: Key) -> bool:
        """Whether there may be a job for a mailbox."""
        return self._looking or key in self.pending

    def waiter(self, key: Key) -> Deferred[None]:
        """Fires when there is none; who gives up calls :meth:`leave`."""
        waiting: Deferred[None] = Deferred()
        self._waiting.setdefault(key, []).append(waiting)
        return waiting

    def leave(self, key: Key, waiting: Deferred[None]) -> None:
        """Wait no more."""
        waiters = self._waiting.get(key, [])
        if waiting in waiters:
            waiters.remove(waiting)
        if not waiters:
            self._waiting.pop(key, None)

    def _go_on(self, key: Key) -> None:
        if not self.waits(key):
            for waiting in self._waiting.pop(key, ()):
                waiting.callback(None)


async def recall(tickets: Tickets, queue: IQueue, after: str) -> str:
    """Look at one page of the queue; gives the cursor of the next, empty: none."""
    page = await queue.browse(after, PAGE)
    for row in page.rows:
        if row.address.domain.endswith(DOMAIN):
            tickets.found(await queue.show(row.id))
    return page.after
