"""Reports that arrive: read by the child, checked to be ours, kept once."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define

from mailsuite.interfaces.queueing import Lease
from mailsuite.interfaces.reporting import Received
from mailsuite.model.errors import Taken, UsageError
from mailsuite.net.workers import Answer, Failed, Lost, Workers
from mailsuite.reports import inbox
from mailsuite.reports.archive import Archive
from mailsuite.reports.ground import MARK, Office
from mailsuite.reports.texts import clipped

TRIES = 2  # of a message that killed its reader
DMARC, PASS = "dmarc", "pass"
"""Mark of an envelope whose author was proven, by :mod:`mailsuite.policy`."""
MEMORY_OCTETS = 32 << 20  # a message above it is not read


@define(eq=False)
class Intake:
    """Keeps what can be read."""

    _office: Office
    _archive: Archive
    _workers: Workers

    async def mail(self, lease: Lease) -> None:
        """Read a message and keep its reports; what cannot be read is told.

        :raises Taken: it could not be read now.
        :raises NoSpace: the disk is full.
        """
        blob, qid = lease.blob, lease.id
        if blob.size > MEMORY_OCTETS:
            self._ignored(qid, "the message is too large")
            return
        where = {} if blob.octets is not None else {"path": blob.path}
        octets = b"" if blob.octets is None else blob.prefix + blob.octets
        try:
            answer = await self._asked({"do": "read", **where}, octets)
        except Failed as error:
            self._ignored(qid, clipped(str(error), 200))
            return
        marks = lease.envelope.marks
        proven = marks.get(DMARC) == PASS or MARK in marks
        kept = await self._kept(answer, qid, proven=proven)
        if not kept and not answer[0]["found"]:
            self._ignored(qid, answer[0]["trouble"] or "there is no report in it")

    async def load(self, octets: bytes) -> Sequence[Received]:
        """See :meth:`IReportDesk.load`; the operator may keep others' reports."""
        try:
            answer = await self._asked({"do": "read"}, octets)
        except Failed as error:
            raise UsageError(
                f"it cannot be read: {clipped(str(error), 200)}"
            ) from error
        kept = await self._kept(answer, "", proven=True, own=False)
        if not kept:
            raise UsageError(answer[0]["trouble"] or "there is no report in it")
        return kept

    async def _asked(self, request: Mapping[str, Any], octets: bytes) -> Answer:
        """Ask the child, again if it died. :raises Taken: it dies or is busy."""
        for _ in range(TRIES):
            try:
                return await self._workers.ask(request, octets)
            except Lost:
                continue
        raise Taken("the reader of reports does not answer")

    async def _kept(
        self, answer: Answer, qid: str, *, proven: bool, own: bool = True
    ) -> Sequence[Received]:
        told, body = answer
        lines = body.split(b"\n")
        ours = None
        if own and not self._office.settings.foreign:
            ours = await self._office.ground.domains()
        kept, at = [], 0
        for head in told["found"]:
            some, at = lines[at : at + head["lines"]], at + head["lines"]
            if ours is not None and not _within(head["domain"], ours):
                self._ignored(qid, f"{head['domain']} is not ours")
                continue
            try:
                wall = self._office.ground.wall()
                fresh = await self._archive.run(
                    inbox.put, head, some, wall, proven=proven
                )
            except sqlite3.Error as error:
                self._ignored(qid, clipped(f"it does not fit: {error}", 200))
                continue
            kept.append(self._told(head, qid, fresh=fresh))
        return kept

    def _told(self, head: Mapping[str, Any], qid: str, *, fresh: bool) -> Received:
        self._office.ground.events.happened(
            "reports.received" if fresh else "reports.repeated",
            qid=qid,
            kind=head["kind"],
            org=head["org"],
            domain=head["domain"],
            rows=head["rows"],
        )
        names = ("kind", "org", "domain", "id", "rows")
        return Received(**{name: head[name] for name in names}, fresh=fresh)

    def _ignored(self, qid: str, reason: str) -> None:
        self._office.ground.events.happened("reports.ignored", qid=qid, reason=reason)


def _within(domain: str, ours: Sequence[str]) -> bool:
    return any(domain == one or domain.endswith("." + one) for one in ours)
