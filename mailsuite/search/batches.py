"""One batch of an account's changes: read, handed to the child, counted.

A batch that took long makes the next one smaller; a message that crashes the
child again and again, or whose file is nowhere, is left out in the end.
"""

from collections.abc import Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mailsuite.interfaces.changes import IChanges
from mailsuite.interfaces.events import IEvents
from mailsuite.model.ids import AccountName, EmailId, ModSeq
from mailsuite.net.workers import Workers
from mailsuite.search.settings import Search

SLOW_SECONDS = 2.0  # a batch above it halves the next one
CRASHES = 3  # of the child at one message, before it is left out
MISSES = 6  # times that a message's file was not there, before it is left out

_log = Logger()


class Missing(Exception):  # noqa: N818 - a state of the store
    """Files of messages are not there (yet): try again a little later."""


@define(eq=False)
class Progress:
    """How an account's indexing goes; ``cursor`` None: the child must be asked."""

    cursor: int | None = None
    limit: int = 0
    crashes: int = 0
    misses: int = 0
    failures: int = 0
    waiting: "list[Deferred[None]]" = field(factory=list)


@define(eq=False)
class Batches:
    """Takes steps of indexing; keeps nothing but its tools."""

    _clock: IReactorTime
    _changes: IChanges
    _workers: Workers
    _events: IEvents
    settings: Search

    async def batch(self, account: AccountName, progress: Progress) -> bool:
        """Index the next batch; whether there may be more.

        :raises Missing: nothing was done.
        """
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
        progress: Progress,
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
        if "broken" in answer:
            self._rebuilt(account, "it was broken")
        if "missing" in answer:
            progress.misses += 1
            raise Missing(f"{len(answer['missing'])} files are not there")
        progress.misses = 0

    async def _cursor(self, account: AccountName) -> int:
        answer, _ = await self._workers.ask({"do": "cursor", "account": account})
        if "broken" in answer:
            self._rebuilt(account, "it was broken")
        return int(answer["cursor"])

    def _rebuilt(self, account: AccountName, reason: str) -> None:
        self._events.happened("search.rebuilt", account=account, reason=reason)

    def _adapt(self, progress: Progress, seconds: float) -> None:
        limit = progress.limit or self.settings.batch
        wanted = limit // 2 if seconds > SLOW_SECONDS else limit * 2
        progress.limit = max(1, min(wanted, self.settings.batch))
