"""What IMAP sessions did becomes jobs of the queue (IHappenings, RFC 6785).

The command is answered when the jobs are durable; scripts run behind its back, and
whoever expunges waits for those that still look at what would go.
"""

from collections.abc import Iterator, Sequence
from itertools import count

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailsuite.delivery.filing import Filing
from mailsuite.delivery.occasions import BATCH, Occasion
from mailsuite.delivery.rounds import NOTHING
from mailsuite.delivery.tickets import Key, Tickets, recall
from mailsuite.interfaces.happenings import Happening, IHappenings
from mailsuite.interfaces.mailboxes import IAccount, NoSuchMailbox
from mailsuite.interfaces.queueing import IQueue
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import AccountName, MailboxId
from mailsuite.net.tasks import Tasks

ENTRY = "/shared/imapsieve/script"
"""Names the script, of a mailbox or of the account (RFC 6785 §7.4, §7.5)."""
TOGETHER = 50  # jobs that are handed over in one turn of the reactor
ACCOUNT_JOBS = 200  # under way for one account; then its next command waits
FEW = 5  # jobs of a small command: it may go beyond that, up to twice as many
ALL_JOBS = 4_000  # under way for all of them, a fifth of what the queue takes
LOOK = 0.1  # seconds between looks whether there is room
LOOKS = 100  # in vain; then it is seen whether operators took jobs away
PATIENCE = 5.0  # seconds that an EXPUNGE waits for scripts


@define(eq=False)
@implementer(IHappenings)
class Happenings:
    """Hands over jobs, and remembers which are under way."""

    _reactor: IReactorTime
    _queue: IQueue
    _filing: Filing
    _run: str
    """Tells the jobs of this process from those of earlier ones."""
    tickets: Tickets = field(factory=Tickets)
    _numbers: Iterator[int] = field(factory=count)
    _tasks: Tasks = field(factory=Tasks)

    def start(self) -> None:
        """Find the jobs that an earlier process left; the queue runs by now.

        Until all are found, who expunges waits as for jobs that are known.
        """
        self.tickets.look()
        self._tasks.launch("find jobs of scripts", self._recall())

    async def stop(self) -> None:
        """Look no further."""
        await self._tasks.stop()

    async def _recall(self) -> None:
        try:
            after = await recall(self.tickets, self._queue, "")
            while after:
                await self._pause(0)
                after = await recall(self.tickets, self._queue, after)
        finally:
            self.tickets.looked()

    async def awaited(self, account: IAccount, mailbox: MailboxId) -> bool:
        """See :meth:`IHappenings.awaited`."""
        try:
            return bool(self._filing.system.rules or await _script(account, mailbox))
        except (NoSpace, OSError):
            return True  # then operators learn that it was missed

    async def happened(self, account: IAccount, what: Sequence[Happening]) -> None:
        """See :meth:`IHappenings.happened`."""
        jobs: list[Occasion] = []
        for one in what:
            occasion = await self._occasion(account, one)
            if occasion is None:
                continue
            for start in range(0, len(one.uids), BATCH):
                uids = [*one.uids[start : start + BATCH]]
                jobs.append(evolve(occasion, ticket=self._ticket(), uids=uids))
                if len(jobs) >= TOGETHER:
                    await self._hand_over(jobs)
                    jobs.clear()
        if jobs:
            await self._hand_over(jobs)

    async def _occasion(self, account: IAccount, what: Happening) -> Occasion | None:
        """What a job says; None: no script is to run."""
        try:
            script = await _script(account, what.mailbox)
            name = (await account.mailbox(what.mailbox)).name
        except NoSuchMailbox:
            return None
        except (NoSpace, OSError) as error:
            self._missed(account.name, what.cause, len(what.uids), error)
            return None
        occasion = Occasion.of(account.name, name, script, what)
        fit = self._filing.system.at(what.cause, what.source, name)
        return occasion if script or fit else None

    def _ticket(self) -> str:
        return f"{self._run}{next(self._numbers)}"

    async def _hand_over(self, jobs: Sequence[Occasion]) -> None:
        await self._room(jobs[0].account, len(jobs))
        for one in jobs:
            self.tickets.add(one)
        taken = False
        try:
            ids = await self._queue.accept([one.submission(NOTHING) for one in jobs])
            taken = True
            for one, known in zip(jobs, ids, strict=True):
                self.tickets.named(one, known)
        except (NoSpace, OSError) as error:
            for one in jobs:
                self._missed(one.account, one.cause, len(one.uids), error)
        finally:
            if not taken:
                for one in jobs:
                    self.ended(one)
        await self._pause(0)

    def _missed(
        self, account: AccountName, cause: str, messages: int, error: Exception
    ) -> None:
        self._filing.ground.events.happened(
            "sieve.missed",
            account=account,
            cause=cause,
            messages=messages,
            reason=str(error),
        )

    async def _room(self, account: AccountName, jobs: int) -> None:
        """Wait for room; jobs that operators hold or removed take none.

        Who reads mail does not stand behind a COPY of thousands.
        """
        looks = 0
        most = ACCOUNT_JOBS if jobs > FEW else 2 * ACCOUNT_JOBS
        while self._crowded(account, most):
            looks += 1
            if looks % LOOKS == 0:
                for key in [one for one in self.tickets.pending if one[0] == account]:
                    await self._sort_out(key)
            await self._pause(LOOK)

    async def _sort_out(self, key: Key) -> None:
        """Forget jobs that no transport will tell of; one that began again may."""
        for ticket in [*self.tickets.pending.get(key, ())]:
            known = self.tickets.ids.get(ticket)
            if known is None:
                continue
            rows = await self._queue.show(known)
            if all(row.state == "held" for row in rows):
                self.tickets.over(key, ticket)

    def _crowded(self, account: AccountName, most: int) -> bool:
        """Whether so much is under way that mail of others would wait for it."""
        under_way = self.tickets.under_way
        mine, all_ = under_way[account], under_way.total()
        return mine >= most or all_ >= ALL_JOBS

    async def _pause(self, seconds: float) -> None:
        """Let others have the reactor."""
        waited: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._reactor.callLater(seconds, waited.callback, None)
        await waited

    def ended(self, occasion: Occasion) -> None:
        """A job is over; who waits for the last one of a mailbox goes on."""
        self.tickets.over((occasion.account, occasion.mailbox), occasion.ticket)

    async def settled(self, account: AccountName, mailbox: MailboxId) -> None:
        """See :meth:`IHappenings.settled`."""
        key, tickets = (account, mailbox), self.tickets
        if not tickets.waits(key):
            return
        waiting = tickets.waiter(key)

        def late() -> None:
            tickets.leave(key, waiting)
            waiting.callback(None)

        timer = self._reactor.callLater(PATIENCE, late)
        try:
            await waiting
        finally:
            if timer.active():
                timer.cancel()
            tickets.leave(key, waiting)
        if key in tickets.pending:  # nobody shall wait in vain again
            await self._sort_out(key)


async def _script(account: IAccount, mailbox: MailboxId) -> str:
    """The script of a mailbox, or else of the account; empty: none (§2.3.1)."""
    found = (await account.annotations(mailbox, [ENTRY])).get(ENTRY)
    if found is None:
        found = (await account.annotations("", [ENTRY])).get(ENTRY, b"")
    return found.decode("utf-8", "replace")
