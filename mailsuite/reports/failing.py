"""Failure reports of ours: few of them, to those who may have them (RFC 9991)."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from attrs import define, evolve, field

from mailsuite.interfaces.reporting import Judged
from mailsuite.interfaces.resolving import NoAnswer, NoSuchName
from mailsuite.model.address import Address
from mailsuite.model.envelope import Envelope, Recipient, Submission
from mailsuite.model.errors import NoSpace
from mailsuite.model.ids import QueueId
from mailsuite.net.tasks import Tasks
from mailsuite.reports import failure
from mailsuite.reports.collect import published
from mailsuite.reports.destinations import chosen
from mailsuite.reports.ground import MARK, Names, Office

HOUR = 3_600.0  # seconds
DOMAINS = 10_000  # whose reports of the last hour are counted
ALL_PER_HOUR = 1_000  # failure reports to everybody
AT_ONCE = 20  # being made
SPF_OCTETS = 1_000  # of a record that is told
MARKS = {MARK: "failure"}
"""And no role, by which the relay knows what is our own, and signs it."""


@define(eq=False)
class _Count:
    """Reports of the hour that began at ``since``; ``more``: messages untold."""

    since: float
    sent: int = 0
    more: int = 0


@define(eq=False)
class Failing:
    """Sends them; what is too much is counted in the next one's Incidents."""

    _office: Office
    _tasks: Tasks = field(factory=Tasks)
    _counts: "OrderedDict[str, _Count]" = field(factory=OrderedDict)
    _all: _Count = field(factory=lambda: _Count(0.0))
    _secret: bytes = field(factory=lambda: secrets.token_bytes(32))

    def judged(self, what: Judged) -> None:
        """Send a report if it is wanted and not too much; never waits."""
        policy = what.proofs.dmarc.policy
        settings = self._office.settings
        if policy is None or not settings.failure or not failure.wanted(what, policy):
            return
        if self._office.never(policy.domain):
            return
        count = self._counted(policy.domain)
        count.more += 1
        full = len(self._tasks) >= AT_ONCE or self._all.sent >= ALL_PER_HOUR
        if full or count.sent >= settings.failure_per_hour:
            return
        count.sent += 1
        self._all.sent += 1
        incidents, count.more = count.more, 0
        whole = evolve(what, header=bytes(what.header[: failure.HEADER_OCTETS * 2]))
        self._tasks.launch("failure report", self._report(whole, incidents))

    def _counted(self, domain: str) -> _Count:
        now = self._office.ground.reactor.seconds()
        if now - self._all.since >= HOUR:
            self._all = _Count(now)
        count = self._counts.get(domain)
        if count is None:
            count = self._counts[domain] = _Count(now)
            if len(self._counts) > DOMAINS:
                self._counts.popitem(last=False)
        elif now - count.since >= HOUR:
            count.since, count.sent = now, 0
        self._counts.move_to_end(domain)
        return count

    async def _report(self, what: Judged, incidents: int) -> None:
        ground = self._office.ground
        dmarc = what.proofs.dmarc
        assert dmarc.policy is not None
        try:
            whose = published(dmarc, dmarc.policy)
            found = await chosen(whose, "ruf", ground.resolver)
            spf = await self._spf(what)
        except NoAnswer:
            return
        names = await self._office.names()
        submissions = []
        for one in found.destinations:
            mail = self._composed(what, names, one.address, incidents, spf)
            if not one.octets or len(mail) <= one.octets:
                to = Recipient(0, one.address, notify="NEVER")
                envelope = Envelope(None, (to,), MARKS)
                submissions.append(Submission(envelope, ground.blobs.kept(mail)))
        ids: Sequence[QueueId] = ()
        with suppress(NoSpace):
            ids = await ground.queue.accept(submissions) if submissions else ()
        for qid in ids:
            ground.events.happened(
                "reports.told", qid=qid, domain=dmarc.domain, incidents=incidents
            )

    def _composed(
        self, what: Judged, names: Names, to: Address, incidents: int, spf: str
    ) -> bytes:
        redact = self._office.settings.failure_redact
        return failure.compose(
            failure.Report(
                what,
                names.sender,
                self._office.ground.hostname,
                to,
                secrets.token_hex(12),
                incidents,
                spf,
                self._secret if redact else b"",
            )
        )

    async def _spf(self, what: Judged) -> str:
        """The record that failed, for SPF-DNS (RFC 6591 §3.2.6); empty: none."""
        domain = what.proofs.mailfrom.domain
        if what.proofs.dmarc.spf or not domain:
            return ""
        try:
            texts = await self._office.ground.resolver.texts(domain)
        except NoSuchName:
            return ""
        records = [text for text in texts if text.lower().startswith(b"v=spf1")]
        return records[0][:SPF_OCTETS].decode("ascii", "replace") if records else ""

    async def stop(self) -> None:
        """Give up what is being made."""
        await self._tasks.stop()
