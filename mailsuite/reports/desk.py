"""What operators ask: what others say of us, and what we are about to say."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import define, evolve
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.interfaces.reporting import (
    DMARCSummary,
    IReportDesk,
    Outgoing,
    Received,
    Source,
    TLSSummary,
)
from mailsuite.interfaces.resolving import NoAnswer, NoSuchName
from mailsuite.reports import summary
from mailsuite.reports.archive import Archive
from mailsuite.reports.ground import Ground
from mailsuite.reports.intake import Intake
from mailsuite.reports.sending import Sender

NAMED = 25  # sources whose names are looked up
NAME_SECONDS = 3.0  # for all of them together
AT_ONCE = 100  # reports sent by one request


@implementer(IReportDesk)
@define(eq=False)
class Desk:
    """``flush`` writes down what was counted until now."""

    _ground: Ground
    _archive: Archive
    _sender: Sender
    _intake: Intake
    _flush: Callable[[], Awaitable[None]]

    async def dmarc(self, domain: str, days: int) -> DMARCSummary:
        """See :meth:`IReportDesk.dmarc`."""
        now = self._ground.wall()
        found = await self._archive.run(summary.dmarc, domain, days, now)
        return evolve(found, sources=await self._named(found.sources))

    async def _named(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        """Add names of the first of them, as far as DNS answers soon."""
        asked = [Deferred.fromCoroutine(self._name(one.ip)) for one in sources[:NAMED]]
        for one in asked:
            _ = one.addTimeout(NAME_SECONDS, self._ground.reactor)
            _ = one.addErrback(_nameless)
        names = [str(await one) for one in asked]
        names += [""] * (len(sources) - len(names))
        return tuple(map(_with_name, sources, names))

    async def _name(self, ip: str) -> str:
        try:
            names = await self._ground.resolver.names(ip)
        except (NoSuchName, NoAnswer):
            return ""
        return next(iter(names), "")

    async def tls(self, domain: str, days: int) -> TLSSummary:
        """See :meth:`IReportDesk.tls`."""
        now = self._ground.wall()
        return await self._archive.run(summary.tls, domain, days, now)

    async def outgoing(self) -> Sequence[Outgoing]:
        """See :meth:`IReportDesk.outgoing`."""
        await self._flush()
        return await self._sender.outgoing()

    async def send(self) -> Sequence[Outgoing]:
        """See :meth:`IReportDesk.send`; at most 100, ask again for the rest."""
        await self._flush()
        return await self._sender.send(AT_ONCE)

    async def load(self, octets: bytes) -> Sequence[Received]:
        """See :meth:`IReportDesk.load`."""
        return await self._intake.load(octets)


def _with_name(source: Source, name: str) -> Source:
    return evolve(source, name=name)


def _nameless(failure: Failure) -> str:
    failure.trap(TimedOut)
    return ""
