"""``/search``, ``/reload``, and the paths that monitoring asks."""

from collections.abc import Awaitable, Callable, Sequence

import attrs
from attrs import define

from mailsuite.http.api.accounts import account_of
from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.searching import ISearchIndex

HITS = 1_000
WORDS_CHARACTERS = 1_000

Reload = Callable[[], Awaitable[Sequence[str]]]


@define(eq=False, repr=False)
class Search:
    """Routes over ISearchIndex; ``directory`` knows the accounts."""

    _directory: IDirectory
    _index: ISearchIndex

    def routes(self) -> Sequence[Route]:
        """Only one."""
        return (Route("GET", "/search", self.ask),)

    async def ask(self, asked: Asked) -> Answer:
        """Messages of ``account`` that hold all ``words``."""
        asked.only("account", "words", "limit")
        words = asked.text("words")
        if not words.strip() or len(words) > WORDS_CHARACTERS:
            raise Problem(400, f"'words' has 1 to {WORDS_CHARACTERS} characters")
        limit = asked.number("limit", 20, HITS)
        account = await account_of(self._directory, asked.text("account"))
        hits = await self._index.ask(account, words, limit)
        return {"hits": [attrs.asdict(hit) for hit in hits]}


@define(eq=False, repr=False)
class Reloading:
    """The route of ``mailsuite reload``."""

    _reload: Reload

    def routes(self) -> Sequence[Route]:
        """Only one."""
        return (Route("POST", "/reload", self.reload),)

    async def reload(self, asked: Asked) -> Answer:
        """Take over the files; tells which settings wait for a restart."""
        asked.only()
        return {"restart": list(await self._reload())}
