"""The tables of ``queue.db``, and how jobs become rows and rows jobs."""

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from mailsuite.interfaces.queueing import Listed
from mailsuite.model.address import Address
from mailsuite.model.ids import QueueId
from mailsuite.queue.encoding import recipient, to_recipient
from mailsuite.queue.jobs import ACTIVE, HELD, WAITING, Job, Slot

DUE, STOPPED, DONE = 0, 1, 2
STEPS: tuple[str, ...] = (
    """
CREATE TABLE job (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, next INTEGER NOT NULL,
    warned INTEGER NOT NULL, accepted REAL NOT NULL, expires REAL NOT NULL,
    size INTEGER NOT NULL, sender TEXT, path TEXT NOT NULL,
    seen TEXT NOT NULL, crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE recipient (
    job TEXT NOT NULL, n INTEGER NOT NULL, state INTEGER NOT NULL, due REAL NOT NULL,
    domain TEXT NOT NULL, address TEXT NOT NULL, transport TEXT NOT NULL,
    attempts INTEGER NOT NULL, depth INTEGER NOT NULL, status TEXT NOT NULL,
    text TEXT NOT NULL, host TEXT NOT NULL, rest TEXT NOT NULL,
    PRIMARY KEY (job, n)
) WITHOUT ROWID;
CREATE INDEX recipient_due ON recipient (due) WHERE state = 0;
CREATE INDEX job_path ON job (path) WHERE path != '';
CREATE INDEX job_expires ON job (expires);
CREATE TABLE destination (
    transport TEXT NOT NULL, domain TEXT NOT NULL, failures INTEGER NOT NULL,
    until REAL NOT NULL, PRIMARY KEY (transport, domain)
) WITHOUT ROWID;
""",
    """
CREATE INDEX recipient_held ON recipient (due) WHERE state = 1;
CREATE INDEX job_accepted ON job (accepted);
""",
)
"""Versions of ``queue.db``: entry ``n`` brings version ``n`` to ``n + 1``."""

PUT_JOB = "INSERT OR REPLACE INTO job VALUES (?,?,?,?,?,?,?,?,?,?,?)"
PUT_SLOT = "INSERT OR REPLACE INTO recipient VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
DUE_JOBS = """
SELECT DISTINCT r.job FROM recipient r
LEFT JOIN destination d ON d.transport = r.transport AND d.domain = r.domain
WHERE r.state = 0 AND r.due <= :now AND (d.until IS NULL OR d.until <= :now)
AND r.job NOT IN (SELECT id FROM temp.loaded)
ORDER BY r.due LIMIT :limit
"""
UNTRIED_JOBS = """
SELECT DISTINCT job FROM recipient
WHERE state = 0 AND due <= :now AND attempts = 0 AND transport IN ('', 'local')
AND job NOT IN (SELECT id FROM temp.loaded)
ORDER BY due LIMIT :limit
"""
EXPIRED_JOBS = """
SELECT id FROM job WHERE expires <= :now AND id NOT IN (SELECT id FROM temp.loaded)
AND EXISTS (SELECT 1 FROM recipient r WHERE r.job = id AND r.state = 0) LIMIT :limit
"""
LIST = """
SELECT r.job, r.n, r.state, r.due, r.address, r.transport, r.attempts, r.status,
    r.text, j.sender, j.size, j.accepted, j.expires
FROM recipient r JOIN job j ON j.id = r.job
"""


@frozen
class Destination:
    """Back-off of a host that did not answer."""

    transport: str
    domain: str
    failures: int
    until: float


@frozen
class Kept:
    """A job's rows, without what its spool file holds."""

    id: QueueId
    version: int
    next: int
    warned: bool
    crc: int
    seen: frozenset[str]
    slots: Sequence[Slot]
    done: Sequence[Slot]


@frozen
class Image:
    """A job's rows at one moment, for the lane to write."""

    id: QueueId
    job: tuple[object, ...]
    slots: list[tuple[object, ...]]
    done: tuple[int, ...]
    filed: tuple[tuple[int, str], ...] = ()
    """Numbers of some that are done, and what their rows hold besides."""


def image(job: Job) -> Image:
    """Take the rows of a job that nothing is being written about."""
    sender = job.envelope.sender
    row = (
        job.id,
        job.version,
        job.next,
        job.warned,
        job.accepted,
        job.expires,
        job.blob.size,
        None if sender is None else str(sender),
        job.blob.path and f"blobs/{os.path.basename(job.blob.path)}",
        json.dumps(sorted(job.seen)) if job.seen else "",
    )
    slots = [slot_row(job.id, slot) for slot in job.slots.values()]
    filed = tuple(
        (n, json.dumps(recipient(job.filed[n]))) for n in job.done if n in job.filed
    )
    return Image(job.id, row, slots, tuple(job.done), filed)


def slot_row(name: QueueId, slot: Slot) -> tuple[object, ...]:
    """A recipient's row."""
    each = slot.recipient
    return (
        name,
        each.n,
        STOPPED if slot.held else DUE,
        slot.due,
        each.address.domain,
        str(each.address),
        slot.transport,
        slot.attempts,
        slot.depth,
        slot.status,
        slot.text,
        slot.host,
        json.dumps(recipient(each)),
    )


def to_slot(row: Sequence[Any]) -> Slot:
    """A recipient of its row."""
    _, _, state, due, _, _, transport, attempts, depth, status, text, host, rest = row
    return Slot(
        to_recipient(json.loads(rest)),
        due,
        state == STOPPED,
        attempts,
        depth,
        status=status,
        text=text,
        host=host,
        transport=transport,
    )


def as_listed(row: Sequence[Any]) -> Listed:
    """A row of the listing, for people."""
    name, n, state, due, address, transport, attempts, status, text = row[:9]
    sender, size, accepted, expires = row[9:]
    return Listed(
        name,
        n,
        parsed(sender),
        parsed(address) or Address("", ""),
        transport,
        size,
        accepted,
        due,
        expires,
        attempts,
        f"{status} {text}".strip(),
        HELD if state == STOPPED else WAITING if attempts else ACTIVE,
    )


def parsed(text: str | None) -> Address | None:
    """Read back what ``str`` made of an address."""
    if text is None:
        return None
    local, at, domain = text.rpartition("@")
    if not at:
        local, domain = text, ""
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return Address(local, domain)
