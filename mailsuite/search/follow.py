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
from mailsuite.model.errors import Damaged, Taken
from mailsuite.model.ids import AccountName
from mailsuite.net.tasks import Tasks
from mailsuite.net.workers import Failed, Lost
from mailsuite.search.batches import Batches, Missing, Progress
from mailsuite.search.calm import Calm

LONGEST_WAIT = 300.0  # seconds between attempts at an account that fails

_log = Logger()


@define(eq=False)
class Follower:
    """Keeps every account's index up to its changes."""

    _clock: IReactorTime
    _changes: IChanges
    _events: IEvents
    _steps: Batches
    _tasks: Tasks = field(factory=Tasks)
    _dirty: dict[AccountName, None] = field(factory=dict)
    _wanted: dict[AccountName, None] = field(factory=dict)
    """Those of them that a search waits for; they go first."""
    _known: dict[AccountName, Progress] = field(factory=dict)
    _timers: set[IDelayedCall] = field(factory=set)
    _gathering: bool = False
    _working: bool = False
    _current: AccountName | None = None
    _unfollow: Callable[[], None] | None = None
    _calm: Calm = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._calm = Calm(self._clock)

    def start(self) -> None:
        """Follow all accounts, beginning with what changed while we were off."""
        self._unfollow = self._changes.follow(self.wake)
        self._tasks.launch("search: first look", self._first())

    async def stop(self) -> None:
        """Follow no more; what is not indexed yet will be at the next start."""
        if self._unfollow is not None:
            self._unfollow()
        self._dirty.clear()
        self._wanted.clear()
        for timer in list(self._timers):
            timer.cancel()
        self._timers.clear()
        await self._tasks.stop()

    def wake(self, account: AccountName) -> None:
        """The account changed, or its index should be looked at."""
        self._line_up(account)
        if not (self._gathering or self._working):
            self._gathering = True
            self._later(self._steps.settings.settle_seconds, self._begin)

    def _line_up(self, account: AccountName) -> None:
        self._dirty[account] = None
        if self._progress(account).waiting:
            self._wanted[account] = None

    def forget(self, account: AccountName) -> None:
        """The index is not where we thought it was: ask, and catch up."""
        self._progress(account).cursor = None
        self.wake(account)

    async def settled(self, account: AccountName, seconds: float) -> None:
        """Wait until the account is indexed, at most so long."""
        if account not in self._dirty and account != self._current:
            return
        waiter: Deferred[None] = Deferred()
        progress = self._progress(account)
        progress.waiting.append(waiter)
        if account in self._dirty:
            self._wanted[account] = None
        timer = self._later(seconds, lambda: _release([waiter]))
        try:
            await waiter
        finally:
            if waiter in progress.waiting:  # it gave up
                progress.waiting.remove(waiter)
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

    def _progress(self, account: AccountName) -> Progress:
        known = self._known.get(account)
        if known is None:
            known = self._known[account] = Progress()
        return known

    async def _work(self) -> None:
        """Index what is dirty, one account after the other, a batch at a time."""
        try:
            while self._dirty:
                await self._calm.wait(lambda: bool(self._wanted))
                account = next(iter(self._wanted or self._dirty))
                del self._dirty[account]
                self._wanted.pop(account, None)
                self._current = account
                progress = self._progress(account)
                if await self._attempt(account, progress):
                    self._line_up(account)  # at the end: others get their turn
                elif account not in self._dirty:
                    waiting, progress.waiting = progress.waiting, []
                    self._current = None
                    _release(waiting)
        finally:
            self._working = False
            self._current = None
            if self._dirty:  # something unforeseen ended it: others go on
                self._gathering = True
                self._later(self._steps.settings.settle_seconds, self._begin)

    async def _attempt(self, account: AccountName, progress: Progress) -> bool:
        """Index one batch; whether there may be more. Failures wait their turn."""
        try:
            more = await self._steps.batch(account, progress)
        except Lost as error:
            progress.crashes += 1
            progress.limit = 1
            self._events.happened("search.restarted", reason=str(error))
            self._retry(account, progress)
            return False
        except Missing:
            self._retry(account, progress)
            return False
        except (Failed, Taken, Damaged, OSError) as error:
            _log.warn(
                "{account} cannot be indexed now: {error}",
                account=account,
                error=str(error),
            )
            self._retry(account, progress)
            return False
        progress.failures = 0
        return more

    def _retry(self, account: AccountName, progress: Progress) -> None:
        progress.cursor = None
        first = self._steps.settings.settle_seconds
        wait = min(LONGEST_WAIT, first * 2 ** min(progress.failures, 16))
        progress.failures += 1
        self._later(wait, lambda: self.wake(account))


def _release(waiters: "Sequence[Deferred[None]]") -> None:
    for waiter in waiters:
        if not waiter.called:
            waiter.callback(None)
