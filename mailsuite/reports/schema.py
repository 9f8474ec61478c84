"""The database ``reports.db``: its tables, and what becomes of a broken one.

WAL with ``synchronous=FULL``: what is committed survives a power cut.
"""

import os
import sqlite3
from collections.abc import Iterator

from attrs import frozen

from mailsuite.model.errors import UsageError

APPLICATION = 0x6D737270
"""SQLite's ``application_id`` of our ``reports.db``."""
BUSY_SECONDS = 5.0

_STEPS: tuple[str, ...] = (
    """
    CREATE TABLE counted (
        day INTEGER NOT NULL, domain TEXT NOT NULL, what TEXT NOT NULL,
        messages INTEGER NOT NULL, PRIMARY KEY (day, domain, what)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE published (
        day INTEGER NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL,
        rows INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (day, domain)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outgoing (
        day INTEGER NOT NULL, domain TEXT NOT NULL, state TEXT NOT NULL,
        at REAL NOT NULL, destinations TEXT NOT NULL, rows INTEGER NOT NULL,
        messages INTEGER NOT NULL, size INTEGER NOT NULL, reason TEXT NOT NULL,
        letter TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (day, domain)
    ) STRICT;
    CREATE INDEX outgoing_state ON outgoing (state);
    CREATE TABLE report (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, org TEXT NOT NULL,
        contact TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL,
        begins INTEGER NOT NULL, ends INTEGER NOT NULL, arrived REAL NOT NULL,
        policy TEXT NOT NULL, rows INTEGER NOT NULL, messages INTEGER NOT NULL,
        proven INTEGER NOT NULL, UNIQUE (kind, org, domain, name)
    ) STRICT;
    CREATE INDEX report_begins ON report (kind, begins);
    CREATE INDEX report_arrived ON report (arrived);
    CREATE TABLE sighting (
        report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
        ip TEXT NOT NULL, messages INTEGER NOT NULL, action TEXT NOT NULL,
        passed INTEGER NOT NULL, stopped INTEGER NOT NULL, author TEXT NOT NULL,
        envelope TEXT NOT NULL, reasons TEXT NOT NULL, dkim TEXT NOT NULL,
        spf TEXT NOT NULL, why TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sighting_report ON sighting (report);
    CREATE TABLE session (
        report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
        policy TEXT NOT NULL, domain TEXT NOT NULL, mx TEXT NOT NULL,
        good INTEGER NOT NULL, failed INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX session_report ON session (report);
    CREATE TABLE problem (
        report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
        result TEXT NOT NULL, domain TEXT NOT NULL, mx TEXT NOT NULL,
        sessions INTEGER NOT NULL, policy TEXT NOT NULL, detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX problem_report ON problem (report);
    CREATE TABLE feedback (
        report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
        kind TEXT NOT NULL, ip TEXT NOT NULL, sender TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX feedback_report ON feedback (report);
    """,
)
VERSION = len(_STEPS)
"""``user_version`` of the schema that this release writes."""


@frozen
class Opened:
    """``aside`` is where a broken database was moved to, or empty."""

    database: sqlite3.Connection
    aside: str = ""


def connect(path: str) -> Opened:
    """Open the database; a broken one is set aside and a new one made. Blocks.

    :raises UsageError: it belongs to a newer release, or cannot be opened.
    """
    try:
        return Opened(_connected(path))
    except sqlite3.DatabaseError as error:
        if path == ":memory:" or isinstance(error, sqlite3.OperationalError):
            raise UsageError(f"{path} cannot be opened: {error}") from error
    aside = _aside(path)
    return Opened(_connected(path), aside)


def _connected(path: str) -> sqlite3.Connection:
    if path != ":memory:" and not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        (good,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if good != "ok":
            raise sqlite3.DatabaseError(good)
        _migrate(database, path)
    except (sqlite3.DatabaseError, UsageError):
        database.close()
        raise
    return database


def _migrate(database: sqlite3.Connection, path: str) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise UsageError(
            f"{path} was written by a newer release (schema {version}, this one knows"
            f" {VERSION}): install that release again"
        )
    if version == VERSION:
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        for step in _STEPS[version:]:
            for statement in filter(str.strip, step.split(";")):
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {VERSION}")


def _aside(path: str) -> str:
    """Move the broken files away; an earlier broken one gives its place."""
    aside = f"{path}.corrupt"
    for end in ("", "-wal", "-shm"):
        if os.path.exists(path + end):
            os.replace(path + end, aside + end)
    return aside


def findings(database: sqlite3.Connection) -> Iterator[str]:
    """What is wrong with a database that nobody has open; none: nothing."""
    for table, *_ in database.execute("PRAGMA foreign_key_check"):
        yield f"a row of {table} belongs to no report"
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        yield f"schema {version} is of a newer release"
