"""Notices to senders: mail that failed, and mail that is late (RFC 5321 §6.1).

They go out from the null reverse-path, and none is ever sent to it. RFC 3461's
NOTIFY is honoured. What fails for lack of room in a mailbox is told only to senders
who are ours or proved who they are: a stranger's address may be forged.
"""

import secrets
from collections.abc import Mapping, Sequence

from attrs import define, frozen

from mailsuite.interfaces.queueing import IRouting
from mailsuite.mime import dsn
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Envelope, Recipient, Submission
from mailsuite.model.outcomes import Deferred, Failed
from mailsuite.queue.blobs import read_file
from mailsuite.queue.jobs import Job
from mailsuite.queue.ledger import Ground

FAILED, DELAYED = "failed", "delayed"
_WORD = {FAILED: "FAILURE", DELAYED: "DELAY"}
FULL = ("4.2.2", "5.2.2")  # RFC 3463: mailbox full
HEADER_OCTETS = 65_536  # of the original are read for the notice
NOTICE_MARK = "notice"  # of an envelope that is a notice of ours
USER_MARK = "user"  # of an envelope whose sender authenticated


@frozen
class Row:
    """A recipient and what is to be told of it."""

    recipient: Recipient
    outcome: Failed | Deferred


@define(eq=False)
class Bounces:
    """Makes notices as submissions; the queue records them with the outcome."""

    _ground: Ground
    _routing: IRouting

    async def notices(
        self, job: Job, blob: Blob, rows: Sequence[Row], action: str
    ) -> tuple[Submission, ...]:
        """One for each sender who wants and may know."""
        by_sender: dict[Address, list[Row]] = {}
        for row in rows:
            sender = row.recipient.origin or job.envelope.sender
            if wanted(row.recipient, action) and sender is not None:
                by_sender.setdefault(sender, []).append(row)
        if not by_sender:
            self._ground.events.happened(
                "queue.discarded", qid=job.id, recipients=len(rows), reason=action
            )
            return ()
        header = await self._header(blob)
        made = []
        for sender, told in by_sender.items():
            some = await self._allowed(job, sender, told)
            if some:
                made.append(self._compose(job, sender, some, action, header))
        return tuple(made)

    async def _allowed(
        self, job: Job, sender: Address, rows: Sequence[Row]
    ) -> Sequence[Row]:
        full = [row for row in rows if row.outcome.status in FULL]
        if not full or USER_MARK in job.envelope.marks:
            return rows
        if (await self._routing.transports([sender]))[0] == "local":
            return rows
        self._ground.events.happened(
            "queue.discarded", qid=job.id, recipients=len(full), reason="over quota"
        )
        return [row for row in rows if row.outcome.status not in FULL]

    async def _header(self, blob: Blob) -> bytes:
        blobs = self._ground.blobs
        octets = blob.octets
        if octets is None:
            octets = await blobs.lane.run(read_file, blob)
            octets = octets[len(blob.prefix) :]
        whole = blob.prefix + octets[:HEADER_OCTETS]  # the prefix may have its end
        return whole.partition(b"\r\n\r\n")[0] + b"\r\n"

    def _compose(
        self,
        job: Job,
        sender: Address,
        rows: Sequence[Row],
        action: str,
        header: bytes,
    ) -> Submission:
        now = self._ground.wall()
        name = f"{job.id}.{secrets.token_hex(6)}"
        report = dsn.Report(
            self._ground.hostname,
            job.accepted,
            f"Mail Delivery System <postmaster@{self._ground.hostname}>",
            sender,
            [_told(row, action, now, job.expires) for row in rows],
            header,
            f"<{name}@{self._ground.hostname}>",
            now,
            f"=_{secrets.token_hex(12)}",
            envid=job.envelope.marks.get("envid", ""),
            smtputf8="smtputf8" in job.envelope.marks,
        )
        octets = dsn.compose(report)
        marks: Mapping[str, str] = {NOTICE_MARK: action}
        if report.utf8:
            marks = {**marks, "smtputf8": "yes"}
        to = Recipient(0, sender, notify="NEVER")
        return Submission(Envelope(None, (to,), marks), self._ground.blobs.kept(octets))


def wanted(recipient: Recipient, action: str) -> bool:
    """Whether RFC 3461's NOTIFY lets this be told (RFC 3461 §4.1)."""
    notify = recipient.notify.upper()
    return not notify or _WORD[action] in notify.split(",")


def _told(row: Row, action: str, now: float, expires: float) -> dsn.Recipient:
    outcome = row.outcome
    return dsn.Recipient(
        row.recipient.address,
        action,
        outcome.status,
        row.recipient.orcpt,
        outcome.host,
        outcome.text,
        now,
        expires if action == DELAYED else 0.0,
    )
