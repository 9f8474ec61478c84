"""Follows what changes and has it indexed: the parent's half.

There is no queue but the cursor: an index knows the ModSeq it has reached, and
what lies between that and the account's own is what waits. So nothing is lost
when either process is killed, and an index that is gone begins again at 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mailsuite.interfaces.changes import IChanges
from mailsuite.interfaces.events import IEvents
from mailsuite.model.errors import Taken
from mailsuite.model.ids import AccountName, EmailId, ModSeq
from mailsuite.net.tasks import Tasks
from mailsuite.net.workers import Failed, Lost, Workers
from mailsuite.search.settings import Search

SLOW_SECONDS = 2.0  # a batch above it halves the next one
CRASHES = 3  # of the child at one message, before it is left out
MISSES = 3  # times that a message's file was not there, before it is left out
LONGEST_WAIT = 300.0  # seconds between attempts at an account that fails

_log = Logger()


@define(eq=False)
class _Progress:
    """How an account's indexing goes; ``cursor`` None: the child must be asked."""

    cursor: int | None = None
    limit: int = 0
    crashes: int = 0
    misses: int = 0
    failures: int = 0
    waiting: "list[Deferred[None]]" = field(factory=list)


@define(eq=False)
class Follower:
    """Keeps every account's index up to its changes."""

    _clock: IReactorTime
    _changes: IChanges
    _workers: Workers
    _events: IEvents
    settings: Search
    _tasks: Tasks = field(factory=Tasks)
    _dirty: dict[AccountName, None] = field(factory=dict)
    _known: dict[AccountName, _Progress] = field(factory=dict)
    _timers: set[IDelayedCall] = field(factory=set)
    _gathering: bool = False
    _working: bool = False
    _current: AccountName | None = None
    _unfollow: Callable[[], None] | None = None

    def start(self) -> None:
        """Follow all accounts, beginning with what changed while we were off."""
        self._unfollow = self._changes.follow(self.wake)
        self._tasks.launch("search: first look", self._first())

    async def stop(self) -> None:
        """Follow no more; what is not indexed yet will be at the next start."""
        if self._unfollow is not None:
            self._unfollow()
        self._dirty.clear()
        for timer in list(self._timers):
            timer.cancel()
        self._timers.clear()
        await self._tasks.stop()

    def wake(self, account: AccountName) -> None:
        """The account changed, or its index should be looked at."""
        self._dirty[account] = None
        if not (self._gathering or self._working):
            self._gathering = True
            self._later(self.settings.settle_seconds, self._begin)

    def forget(self, account: AccountName) -> None:
        """The index is not where we thought it was: ask, and catch up."""
        self._known.pop(account, _Progress()).cursor = None
        self.wake(account)

    async def settled(self, account: AccountName, seconds: float) -> None:
        """Wait until the account is indexed, at most so long."""
        if account not in self._dirty and account != self._current:
            return
        waiter: Deferred[None] = Deferred()
        self._progress(account).waiting.append(waiter)
        timer = self._later(seconds, lambda: _release([waiter]))
        await waiter
        if timer.active():
            timer.cancel()
            self._timers.discard(timer)

    @property
    def accounts(self) -> Sequence[AccountName]:
        """Accounts whose index is known to hold something."""
        return [name for name, one in self._known.items() if one.cursor]

    async def _first(self) -> None:
        for account in await self._changes.accounts():
            self.wake(account)

    def _later(self, seconds: float, call: Callable[[], Any]) -> IDelayedCall:
        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = self._clock.callLater(seconds, run)
        self._timers.add(timer)
        return timer

    def _begin(self) -> None:
        self._gathering = False
        if not self._working:
            self._working = True
            self._tasks.launch("search: indexing", self._work())

    def _progress(self, account: AccountName) -> _Progress:
        return self._known.setdefault(account, _Progress())

    async def _work(self) -> None:
        """Index what is dirty, one account after the other, a batch at a time."""
        try:
            while self._dirty:
                account = next(iter(self._dirty))
                del self._dirty[account]
                self._current = account
                progress = self._progress(account)
                if await self._attempt(account, progress):
                    self._dirty[account] = None  # at the end: others get their turn
                elif account not in self._dirty:
                    waiting, progress.waiting = progress.waiting, []
                    self._current = None
                    _release(waiting)
        finally:
            self._working = False
            self._current = None

    async def _attempt(self, account: AccountName, progress: _Progress) -> bool:
        """Index one batch; whether there may be more. Failures wait their turn."""
        try:
            more = await self._batch(account, progress)
        except Lost as error:
            progress.crashes += 1
            progress.limit = 1
            self._events.happened("search.restarted", reason=str(error))
            self._retry(account, progress)
            return False
        except (Failed, Taken, OSError) as error:
            _log.warn(
                "{account} cannot be indexed now: {error}",
                account=account,
                error=str(error),
            )
            self._retry(account, progress)
            return False
        progress.failures = 0
        return more

    def _retry(self, account: AccountName, progress: _Progress) -> None:
        progress.cursor = None
        wait = min(LONGEST_WAIT, 0.5 * 2 ** min(progress.failures, 12))
        progress.failures += 1
        self._later(wait, lambda: self.wake(account))

    async def _batch(self, account: AccountName, progress: _Progress) -> bool:
        if progress.cursor is None:
            progress.cursor = await self._cursor(account)
        cursor = progress.cursor
        limit = progress.limit or self.settings.batch
        reached, added, gone = await self._changes.since(account, ModSeq(cursor), limit)
        if reached < cursor:
            self._rebuilt(account, "it was ahead of its account")
            await self._workers.ask({"do": "drop", "account": account})
            progress.cursor = 0
            return True
        if reached == cursor:
            return False
        if progress.crashes >= CRASHES:
            _log.error("{account}: a message crashes the indexer", account=account)
            added = []
        began = self._clock.seconds()
        await self._take(account, progress, (reached, added, gone))
        self._adapt(progress, self._clock.seconds() - began)
        return True

    async def _take(
        self,
        account: AccountName,
        progress: _Progress,
        changes: tuple[ModSeq, Sequence[tuple[EmailId, str]], Sequence[EmailId]],
    ) -> None:
        reached, added, gone = changes
        answer, _ = await self._workers.ask(
            {
                "do": "take",
                "account": account,
                "from": progress.cursor,
                "reached": reached,
                "added": [list(row) for row in added],
                "gone": list(gone),
                "partial": progress.misses >= MISSES,
            }
        )
        progress.cursor = int(answer["cursor"])
        progress.crashes = 0
        progress.misses = progress.misses + 1 if "missing" in answer else 0
        if "broken" in answer:
            self._rebuilt(account, "it was broken")

    async def _cursor(self, account: AccountName) -> int:
        answer, _ = await self._workers.ask({"do": "cursor", "account": account})
        if "broken" in answer:
            self._rebuilt(account, "it was broken")
        return int(answer["cursor"])

    def _rebuilt(self, account: AccountName, reason: str) -> None:
        self._events.happened("search.rebuilt", account=account, reason=reason)

    def _adapt(self, progress: _Progress, seconds: float) -> None:
        limit = progress.limit or self.settings.batch
        wanted = limit // 2 if seconds > SLOW_SECONDS else limit * 2
        progress.limit = max(1, min(wanted, self.settings.batch))


def _release(waiters: "Sequence[Deferred[None]]") -> None:
    for waiter in waiters:
        if not waiter.called:
            waiter.callback(None)
