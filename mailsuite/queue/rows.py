"""``queue.db``: the schedule of jobs whose journal segment was retired.

Its calls block and run on the queue's lane, which owns the connection. Each is one
transaction with ``synchronous=FULL``. Beside each row set lies the job's spool
file, from which the rows can be made again.
"""

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from errno import EIO
from typing import Any

from attrs import define, field, frozen

from mailsuite.interfaces.queueing import Listed
from mailsuite.model.address import Address
from mailsuite.model.ids import QueueId
from mailsuite.queue.encoding import recipient, to_recipient
from mailsuite.queue.jobs import ACTIVE, HELD, WAITING, Job, Slot

SCHEMA = 1
_DUE, _HELD, _DONE = 0, 1, 2
_TABLES = """
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
"""
_PUT_JOB = "INSERT OR REPLACE INTO job VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_PUT_SLOT = "INSERT OR REPLACE INTO recipient VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_DUE_JOBS = """
SELECT DISTINCT r.job FROM recipient r
LEFT JOIN destination d ON d.transport = r.transport AND d.domain = r.domain
WHERE r.state = 0 AND r.due <= :now AND (d.until IS NULL OR d.until <= :now)
AND r.job NOT IN (SELECT id FROM temp.loaded)
ORDER BY r.due LIMIT :limit
"""
_EXPIRED_JOBS = """
SELECT id FROM job WHERE expires <= :now AND id NOT IN (SELECT id FROM temp.loaded)
AND EXISTS (SELECT 1 FROM recipient r WHERE r.job = id AND r.state = 0) LIMIT :limit
"""
_LIST = """
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
        os.path.basename(job.blob.path),
        json.dumps(sorted(job.seen)) if job.seen else "",
    )
    slots = [_slot_row(job.id, slot) for slot in job.slots.values()]
    return Image(job.id, row, slots, tuple(job.done))


@define(eq=False)
class Rows:
    """The open database."""

    _path: str
    _db: sqlite3.Connection = field(init=False)

    def open(self) -> None:
        """Open or make it. :raises sqlite3.DatabaseError: it is broken."""
        self._db = db = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA busy_timeout=5000")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version={SCHEMA}; COMMIT;")
        elif version != SCHEMA:
            raise sqlite3.NotSupportedError(f"queue.db has schema {version}")
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        db.execute("CREATE TEMP TABLE loaded (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def put(self, images: Iterable[tuple[Image, int]]) -> None:
        """Write jobs as they were, each with the checksum of its spool file.

        Local recipients that are done stay, marked, until :meth:`sweep`.
        """
        with self._transaction():
            for image, crc in images:
                self._put(image, crc)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def _put(self, image: Image, crc: int) -> None:
        db = self._db
        db.executemany(
            "UPDATE recipient SET state = ? WHERE job = ? AND n = ?",
            [(_DONE, image.id, n) for n in image.done],
        )
        db.execute(
            "DELETE FROM recipient WHERE job = ? AND state != ?", (image.id, _DONE)
        )
        db.execute(_PUT_JOB, (*image.job, crc))
        db.executemany(_PUT_SLOT, image.slots)

    def sweep(
        self, done: Iterable[tuple[QueueId, int]], jobs: Iterable[QueueId] | None
    ) -> list[tuple[QueueId, str]]:
        """Forget recipients that are safe elsewhere, and jobs that have none left.

        Gives those jobs, with the name of their content's file. ``jobs`` are those that
        may have ended; None: look at all.
        """
        empty = "NOT EXISTS (SELECT 1 FROM recipient WHERE job = id)"
        with self._transaction() as db:
            db.executemany(
                "DELETE FROM recipient WHERE job = ? AND n = ? AND state = 2", done
            )
            if jobs is None:
                gone = db.execute(f"SELECT id, path FROM job WHERE {empty}").fetchall()
            else:
                ask = f"SELECT id, path FROM job WHERE id = ? AND {empty}"
                gone = [row for name in jobs for row in db.execute(ask, (name,))]
            db.executemany(
                "DELETE FROM job WHERE id = ?", [(name,) for name, _ in gone]
            )
        return gone

    def put_destinations(self, those: Iterable[Destination]) -> None:
        """Remember back-off; without failures it is forgotten."""
        with self._transaction() as db:
            for each in those:
                db.execute(
                    "INSERT OR REPLACE INTO destination VALUES (?,?,?,?)",
                    (each.transport, each.domain, each.failures, each.until),
                )
            db.execute("DELETE FROM destination WHERE failures = 0")

    def destinations(self) -> list[Destination]:
        """Every host that is in back-off."""
        return [
            Destination(*row) for row in self._db.execute("SELECT * FROM destination")
        ]

    def due(self, now: float, limit: int) -> list[Kept]:
        """Take jobs out that are to be tried now or have expired."""
        db = self._db
        ask = {"now": now, "limit": limit}
        names = [name for (name,) in db.execute(_DUE_JOBS, ask)]
        names += [name for (name,) in db.execute(_EXPIRED_JOBS, ask)]
        return self.take(list(dict.fromkeys(names)))

    def take(self, names: Sequence[QueueId]) -> list[Kept]:
        """Read jobs and mark them as taken out; unknown names are passed over."""
        db = self._db
        db.executemany(
            "INSERT OR IGNORE INTO temp.loaded VALUES (?)", [(n,) for n in names]
        )
        return [kept for name in names if (kept := self._read(name)) is not None]

    def _read(self, name: QueueId) -> Kept | None:
        row = self._db.execute(
            "SELECT version, next, warned, crc, seen FROM job WHERE id = ?", (name,)
        ).fetchone()
        if row is None:
            return None
        version, following, warned, crc, seen = row
        slots: list[Slot] = []
        done: list[Slot] = []
        for found in self._db.execute("SELECT * FROM recipient WHERE job = ?", (name,)):
            slot = _to_slot(found)
            (done if found[2] == _DONE else slots).append(slot)
        return Kept(
            name,
            version,
            following,
            bool(warned),
            crc,
            frozenset(json.loads(seen)) if seen else frozenset(),
            slots,
            done,
        )

    def give_back(self, names: Iterable[QueueId]) -> None:
        """These jobs are no longer worked on."""
        self._db.executemany(
            "DELETE FROM temp.loaded WHERE id = ?", [(n,) for n in names]
        )

    def known(self, names: Sequence[QueueId]) -> set[QueueId]:
        """Which of these jobs have rows."""
        db = self._db
        return {
            name
            for name in names
            if db.execute("SELECT 1 FROM job WHERE id = ?", (name,)).fetchone()
        }

    def paths(self) -> list[tuple[QueueId, str]]:
        """Jobs whose content has a file of its own, and that file's name."""
        return self._db.execute("SELECT id, path FROM job WHERE path != ''").fetchall()

    def redo(self, now: float) -> None:
        """After an unclean stop: ask the store again for what it may not have kept."""
        self._db.execute(
            "UPDATE recipient SET state = 0, due = ? WHERE state = 2", (now,)
        )

    def drop(self, name: QueueId) -> None:
        """Forget one job, whatever its recipients are."""
        with self._transaction() as db:
            db.execute("DELETE FROM recipient WHERE job = ?", (name,))
            db.execute("DELETE FROM job WHERE id = ?", (name,))

    def safe(self) -> None:
        """After a clean stop: what the store has is safe."""
        self._db.execute("DELETE FROM recipient WHERE state = 2")

    def any(self) -> bool:
        """Whether there is any job."""
        return self._db.execute("SELECT 1 FROM job LIMIT 1").fetchone() is not None

    def listed(self, after: tuple[str, int], limit: int) -> list[Listed]:
        """Rows after a place, in order."""
        found = self._db.execute(
            f"{_LIST} WHERE (r.job, r.n) > (?, ?) AND r.state != 2"
            " ORDER BY r.job, r.n LIMIT ?",
            (*after, limit),
        )
        return [_listed(row) for row in found]

    def shown(self, name: QueueId) -> list[Listed]:
        """One job's rows."""
        found = self._db.execute(
            f"{_LIST} WHERE r.job = ? AND r.state != 2 ORDER BY r.n", (name,)
        )
        return [_listed(row) for row in found]

    def change(self, action: str, now: float) -> int:
        """``retry``, ``hold``, ``release`` or ``remove`` all that is not taken out."""
        away = "job NOT IN (SELECT id FROM temp.loaded) AND state != 2"
        with self._transaction() as db:
            (count,) = db.execute(
                f"SELECT count(DISTINCT job) FROM recipient WHERE {away}"
            ).fetchone()
            if action == "remove":
                db.execute(f"DELETE FROM recipient WHERE {away}")
            elif action == "hold":
                db.execute(f"UPDATE recipient SET state = 1 WHERE {away}")
            elif action == "release":
                db.execute(f"UPDATE recipient SET state = 0 WHERE {away}")
            else:
                db.execute(f"UPDATE recipient SET due = ? WHERE {away}", (now,))
                db.execute("UPDATE destination SET until = 0")
        return int(count)


@define(eq=False)
class _Transaction:
    """All or nothing, and written out when it ends."""

    _db: sqlite3.Connection

    def __enter__(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")
        except sqlite3.Error as failed:
            if kind is None:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise OSError(EIO, f"queue.db: {failed}") from failed
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(EIO, f"queue.db: {error}") from error


def _slot_row(name: QueueId, slot: Slot) -> tuple[object, ...]:
    each = slot.recipient
    return (
        name,
        each.n,
        _HELD if slot.held else _DUE,
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


def _to_slot(row: Sequence[Any]) -> Slot:
    _, _, state, due, _, _, transport, attempts, depth, status, text, host, rest = row
    return Slot(
        to_recipient(json.loads(rest)),
        due,
        state == _HELD,
        attempts,
        depth,
        status=status,
        text=text,
        host=host,
        transport=transport,
    )


def _listed(row: Sequence[Any]) -> Listed:
    name, n, state, due, address, transport, attempts, status, text = row[:9]
    sender, size, accepted, expires = row[9:]
    return Listed(
        name,
        n,
        _parsed(sender),
        _parsed(address) or Address("", ""),
        transport,
        size,
        accepted,
        due,
        expires,
        attempts,
        f"{status} {text}".strip(),
        HELD if state == _HELD else WAITING if attempts else ACTIVE,
    )


def _parsed(text: str | None) -> Address | None:
    """Read back what ``str`` made of an address."""
    if text is None:
        return None
    local, at, domain = text.rpartition("@")
    if not at:
        local, domain = text, ""
    if local.startswith('"') and local.endswith('"') and len(local) > 1:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return Address(local, domain)
