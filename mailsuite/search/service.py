"""The search service: provides ISearchIndex, keeps the child, sweeps."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from typing_extensions import override
from zope.interface import implementer

from mailsuite.interfaces.changes import IChanges
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.searching import Hit, ISearchIndex
from mailsuite.model.errors import Taken
from mailsuite.model.ids import AccountName, EmailId
from mailsuite.net.tasks import Tasks
from mailsuite.net.workers import Failed, Lost, Program, Workers
from mailsuite.search.batches import Batches
from mailsuite.search.follow import Follower
from mailsuite.search.settings import Search

FRESH_SECONDS = 5.0  # that a question waits for indexing under way
REQUEST_SECONDS = 120.0  # for a whole batch of large messages
HITS = 1_000  # most in one answer
TRIES = 3  # of a question whose child died


@implementer(ISearchIndex)
@define(eq=False, slots=False)
class SearchService(Service):
    """One child process for all accounts; ``folder`` holds their indexes."""

    _reactor: IReactorTime
    _changes: IChanges
    _events: IEvents
    _folder: str
    settings: Search
    workers: Workers = field(init=False)
    _steps: Batches = field(init=False)
    _follower: Follower = field(init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _sweeper: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        program = Program(
            "mailsuite.search.indexer",
            (self._folder, str(self.settings.memory)),
            ("-W", "ignore"),
            seconds=REQUEST_SECONDS,
        )
        self.workers = Workers(self._reactor, program)
        self._steps = Batches(
            self._reactor, self._changes, self.workers, self._events, self.settings
        )
        self._follower = Follower(
            self._reactor, self._changes, self._events, self._steps
        )

    def reload(self, fresh: Search) -> None:
        """Use other settings from the next batch on."""
        self.settings = self._steps.settings = fresh

    @override
    def startService(self) -> None:
        Service.startService(self)
        if self.settings.enabled:
            self._follower.start()
            self._arm()

    @override
    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def ask(self, account: AccountName, words: str, limit: int) -> Sequence[Hit]:
        """Messages that hold all the words, best first (see ISearchIndex).

        Waits a few seconds for indexing that is under way.

        :raises Taken: the index cannot be asked now.
        """
        if not self.settings.enabled:
            raise Taken("the search index is switched off")
        await self._follower.settled(account, FRESH_SECONDS)
        answer = await self._asked(account, words, max(1, min(limit, HITS)))
        if answer["cursor"] == 0:  # new, broken or removed
            self._follower.forget(account)
            await self._follower.settled(account, FRESH_SECONDS)
            answer = await self._asked(account, words, max(1, min(limit, HITS)))
        return await self._located(account, answer.get("hits", []))

    async def drop(self, account: AccountName) -> None:
        """Forget the account's index; it is built again in the background."""
        await self.workers.ask({"do": "drop", "account": account})
        self._follower.forget(account)

    async def _asked(
        self, account: AccountName, words: str, limit: int
    ) -> dict[str, Any]:
        request = {"do": "ask", "account": account, "words": words, "limit": limit}
        for _ in range(TRIES):
            try:
                answer, _octets = await self.workers.ask(request)
            except Lost:
                continue
            except Failed as error:
                raise Taken("the search index cannot be read now") from error
            return answer
        raise Taken("the search index cannot be read now")

    async def _located(
        self, account: AccountName, rows: Sequence[Sequence[Any]]
    ) -> Sequence[Hit]:
        emails = [EmailId(int(row[0])) for row in rows]
        places: dict[int, list[tuple[str, int]]] = {}
        for email, _, name, uid in await self._changes.located(account, emails):
            places.setdefault(email, []).append((name, uid))
        return [
            Hit(name, uid, float(score), sender, subject, date)
            for email, score, sender, subject, date in rows
            for name, uid in places.get(email, ())
        ]

    async def _stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        await self._tasks.stop()
        await self._follower.stop()
        await self.workers.stop()

    def _arm(self) -> None:
        self._sweeper = self._reactor.callLater(
            self.settings.sweep_seconds, self._sweep
        )

    def _sweep(self) -> None:
        self._sweeper = None
        self._tasks.launch("search: sweep", self._swept())

    async def _swept(self) -> None:
        """Have indexes that somebody removed built again."""
        with suppress(Lost, Failed, Taken):  # then the next sweep looks again
            accounts = list(self._follower.accounts)
            answer, _ = await self.workers.ask({"do": "lost", "accounts": accounts})
            for account in answer["lost"]:
                self._follower.forget(AccountName(account))
        self._arm()
