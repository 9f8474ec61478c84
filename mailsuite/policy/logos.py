"""Logos of others' domains: fetched once, checked, and remembered (BIMI §7.5)."""

from collections import OrderedDict
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred

from mailsuite.mailauth.logos import LOGO_OCTETS, Unfit, checked
from mailsuite.model.proofs import BIMI
from mailsuite.net.tasks import Tasks
from mailsuite.net.webclient import Fetcher, Unfetched

KEPT = 500  # logos and failures that are remembered; 32 MiB at most
LOGO_SECONDS = 86_400.0  # that a logo is remembered
FAILURE_SECONDS = 3_600.0  # that an unfit one is
TEMPORARY_SECONDS = 300.0  # that a server's silence is


@frozen
class _Known:
    until: float
    logo: bytes
    reason: str = ""
    temporary: bool = False


@define(eq=False, repr=False)
class Logos:
    """Asks ``fetcher``; messages that wait for one logo wait together."""

    _reactor: Any
    _fetcher: Fetcher
    _known: OrderedDict[str, _Known] = field(factory=OrderedDict, init=False)
    _asked: dict[str, list[Deferred[_Known]]] = field(factory=dict, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    async def fetched(self, found: BIMI) -> BIMI:
        """Give the finding with its logo; ``fail`` or ``temperror`` without one."""
        if found.result != "pass":
            return found
        known = await self._look(found.location)
        if not known.reason:
            steps = (*found.steps, f"{found.location}: a logo that may be shown")
            return evolve(found, logo=known.logo, steps=steps)
        steps = (*found.steps, f"{found.location}: {known.reason}")
        result = "temperror" if known.temporary else "fail"
        return evolve(found, result=result, reason=known.reason, steps=steps)

    async def _look(self, url: str) -> _Known:
        known = self._known.get(url)
        if known is not None and known.until > self._reactor.seconds():
            self._known.move_to_end(url)
            return known
        waiting: Deferred[_Known] = Deferred()
        asked = self._asked.setdefault(url, [])
        asked.append(waiting)
        if len(asked) == 1:
            self._tasks.launch("fetching a logo", self._fetch(url))
        return await waiting

    async def _fetch(self, url: str) -> None:
        known = _Known(0.0, b"", "it could not be fetched", temporary=True)
        try:
            known = await self._found(url)
            self._known[url] = known
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        finally:
            for waiting in self._asked.pop(url):
                if not waiting.called:
                    waiting.callback(known)

    async def _found(self, url: str) -> _Known:
        now = self._reactor.seconds()
        try:
            logo = checked(await self._fetcher.fetch(url, LOGO_OCTETS))
        except Unfetched as error:
            seconds = TEMPORARY_SECONDS if error.temporary else FAILURE_SECONDS
            return _Known(now + seconds, b"", str(error), error.temporary)
        except Unfit as error:
            return _Known(now + FAILURE_SECONDS, b"", str(error))
        return _Known(now + LOGO_SECONDS, logo)

    async def stop(self) -> None:
        """Give up what is on its way."""
        await self._tasks.stop()
