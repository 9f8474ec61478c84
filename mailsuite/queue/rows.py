"""``queue.db``: the schedule of jobs whose journal segment was retired.

Its calls block and run on the queue's lane, which owns the connection. Each is one
transaction with ``synchronous=FULL``. Beside each row set lies the job's spool
file, from which the rows can be made again.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from errno import EIO

from attrs import define, field

from mailsuite.model.errors import UsageError
from mailsuite.model.ids import QueueId
from mailsuite.queue.jobs import Slot
from mailsuite.queue.tables import (
    DONE,
    DUE_JOBS,
    EXPIRED_JOBS,
    PUT_JOB,
    PUT_SLOT,
    STEPS,
    UNTRIED_JOBS,
    Destination,
    Image,
    Kept,
    to_slot,
)


@define(eq=False)
class Rows:
    """The open database."""

    _path: str
    db: sqlite3.Connection = field(init=False)

    def open(self) -> bool:
        """Open it, or make it: True.

        :raises sqlite3.DatabaseError: it is broken.
        :raises UsageError: a newer release wrote it.
        """
        self.db = db = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA busy_timeout=5000")
        fresh = _migrate(db, self._path)
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        db.execute("CREATE TEMP TABLE loaded (id TEXT PRIMARY KEY) WITHOUT ROWID")
        return fresh

    def close(self) -> None:
        """Close it."""
        self.db.close()

    def put(self, images: Iterable[tuple[Image, int]]) -> None:
        """Write jobs as they were, each with the checksum of its spool file.

        Local recipients that are done stay, marked, until :meth:`sweep`.
        """
        with Transaction(self.db) as db:
            for each, crc in images:
                _put(db, each, crc)

    def sweep(
        self, done: Iterable[tuple[QueueId, int]], jobs: Iterable[QueueId] | None
    ) -> list[tuple[QueueId, str]]:
        """Forget recipients that are safe elsewhere, and jobs that have none left.

        Gives those jobs, with the name of their content's file. ``jobs`` are those that
        may have ended; None: look at all.
        """
        empty = "NOT EXISTS (SELECT 1 FROM recipient WHERE job = id)"
        with Transaction(self.db) as db:
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
        with Transaction(self.db) as db:
            for each in those:
                db.execute(
                    "INSERT OR REPLACE INTO destination VALUES (?,?,?,?)",
                    (each.transport, each.domain, each.failures, each.until),
                )
            db.execute("DELETE FROM destination WHERE failures = 0")

    def destinations(self) -> list[Destination]:
        """Every host that is in back-off."""
        return [
            Destination(*row) for row in self.db.execute("SELECT * FROM destination")
        ]

    def due(self, now: float, limit: int) -> list[Kept]:
        """Take jobs out that are to be tried now or have expired."""
        db = self.db
        ask = {"now": now, "limit": limit}
        names = [name for (name,) in db.execute(DUE_JOBS, ask)]
        names += [name for (name,) in db.execute(EXPIRED_JOBS, ask)]
        return self.take(list(dict.fromkeys(names)))

    def take(self, names: Sequence[QueueId]) -> list[Kept]:
        """Read jobs and mark them as taken out; unknown names are passed over."""
        db = self.db
        db.executemany(
            "INSERT OR IGNORE INTO temp.loaded VALUES (?)", [(n,) for n in names]
        )
        return [kept for name in names if (kept := self._read(name)) is not None]

    def _read(self, name: QueueId) -> Kept | None:
        row = self.db.execute(
            "SELECT version, next, warned, crc, seen FROM job WHERE id = ?", (name,)
        ).fetchone()
        if row is None:
            return None
        version, following, warned, crc, seen = row
        slots: list[Slot] = []
        done: list[Slot] = []
        for found in self.db.execute("SELECT * FROM recipient WHERE job = ?", (name,)):
            slot = to_slot(found)
            (done if found[2] == DONE else slots).append(slot)
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
        self.db.executemany(
            "DELETE FROM temp.loaded WHERE id = ?", [(n,) for n in names]
        )

    def known(self, names: Sequence[QueueId]) -> set[QueueId]:
        """Which of these jobs have rows."""
        db = self.db
        return {
            name
            for name in names
            if db.execute("SELECT 1 FROM job WHERE id = ?", (name,)).fetchone()
        }

    def paths(self) -> list[tuple[QueueId, str]]:
        """Jobs whose content has a file of its own, and that file's name."""
        return self.db.execute("SELECT id, path FROM job WHERE path != ''").fetchall()

    def drop(self, name: QueueId) -> None:
        """Forget one job, whatever its recipients are."""
        with Transaction(self.db) as db:
            db.execute("DELETE FROM recipient WHERE job = ?", (name,))
            db.execute("DELETE FROM job WHERE id = ?", (name,))

    def begin(self, now: float, *, clean: bool) -> None:
        """What the store has is safe after a clean stop; else it is asked again.

        Its place is where it was: before what came later.
        """
        if clean:
            self.db.execute("DELETE FROM recipient WHERE state = 2")
        else:
            self.db.execute(
                "UPDATE recipient SET state = 0, due = min(due, ?) WHERE state = 2",
                (now,),
            )

    def any(self) -> bool:
        """Whether there is any job."""
        return self.db.execute("SELECT 1 FROM job LIMIT 1").fetchone() is not None


def untried(rows: Rows, now: float, limit: int) -> list[QueueId]:
    """Jobs for accounts here, or for nobody knows whom, that were never tried.

    Those are left out that are taken out already.
    """
    ask = {"now": now, "limit": limit}
    return [name for (name,) in rows.db.execute(UNTRIED_JOBS, ask)]


def _migrate(db: sqlite3.Connection, path: str) -> bool:
    """Take the missing steps, each a transaction; whether it is new."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise UsageError(
            f"{path} was written by a newer release (schema {version}, this"
            f" one knows {len(STEPS)}): install that release again"
        )
    for number in range(version, len(STEPS)):
        db.executescript(
            f"BEGIN IMMEDIATE; {STEPS[number]}"
            f" PRAGMA user_version = {number + 1}; COMMIT;"
        )
    return not version


@define(eq=False)
class Transaction:
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


def _put(db: sqlite3.Connection, image: Image, crc: int) -> None:
    db.executemany(
        "UPDATE recipient SET state = ? WHERE job = ? AND n = ?",
        [(DONE, image.id, n) for n in image.done],
    )
    db.executemany(
        "UPDATE recipient SET rest = ? WHERE job = ? AND n = ?",
        [(rest, image.id, n) for n, rest in image.filed],
    )
    db.execute("DELETE FROM recipient WHERE job = ? AND state != ?", (image.id, DONE))
    db.execute(PUT_JOB, (*image.job, crc))
    db.executemany(PUT_SLOT, image.slots)
