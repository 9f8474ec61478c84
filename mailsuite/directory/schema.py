"""The database ``state.db``: its tables, and how older ones become today's.

Rarely written, read whole into memory: a rollback journal with
``synchronous=EXTRA`` makes every commit durable, its directory entry included.
"""

import os
import sqlite3

from mailsuite.model.errors import UsageError

APPLICATION = 0x6D737569
"""SQLite's ``application_id`` of our ``state.db``."""

BUSY_SECONDS = 5.0

_STEPS: tuple[str, ...] = (
    """
    CREATE TABLE domain (
        name TEXT PRIMARY KEY, catch_all TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE user (
        name TEXT PRIMARY KEY, password TEXT NOT NULL,
        quota_octets INTEGER NOT NULL DEFAULT 0,
        quota_messages INTEGER NOT NULL DEFAULT 0,
        disabled INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE alias (
        name TEXT PRIMARY KEY, targets TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE signing_key (
        domain TEXT NOT NULL, selector TEXT NOT NULL, algorithm TEXT NOT NULL,
        state TEXT NOT NULL, created REAL NOT NULL, record TEXT NOT NULL,
        private BLOB NOT NULL, since REAL NOT NULL,
        PRIMARY KEY (domain, selector)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE scram (
        user TEXT NOT NULL, digest TEXT NOT NULL, salt BLOB NOT NULL,
        iterations INTEGER NOT NULL, stored_key BLOB NOT NULL,
        server_key BLOB NOT NULL, PRIMARY KEY (user, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE seed (
        id INTEGER PRIMARY KEY CHECK (id = 1), octets BLOB NOT NULL
    ) STRICT;
    INSERT INTO seed (id, octets) VALUES (1, randomblob(32));
    """,
)
VERSION = len(_STEPS)
"""``user_version`` of the schema that this release writes."""


def connect(path: str) -> sqlite3.Connection:
    """Open the database at ``path``, made or brought up to date if need be.

    :raises UsageError: it is not ours, is damaged, cannot be opened, or belongs to a
        newer release.
    """
    fresh = path != ":memory:" and not os.path.exists(path)
    if fresh:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise UsageError(
            f"{path} cannot be opened: it must be a file of the user who runs the suite"
        ) from error
    try:
        database.execute("PRAGMA synchronous = EXTRA")
        database.execute("PRAGMA secure_delete = ON")  # of old hashes and keys
        _migrate(database, path)
    except sqlite3.DatabaseError as error:
        database.close()
        raise UsageError(
            f"{path} cannot be read ({error}): restore it from a backup"
        ) from error
    except UsageError:
        database.close()
        raise
    return database


def _migrate(database: sqlite3.Connection, path: str) -> None:
    """Take the missing steps, all in one transaction."""
    if _version(database) == VERSION:
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        version = _version(database)
        if version > VERSION:
            raise UsageError(
                f"{path} was written by a newer release (schema {version}, this one"
                f" knows {VERSION}): install that release again"
            )
        for step in _STEPS[version:]:
            for statement in filter(str.strip, step.split(";")):
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {VERSION}")


def _version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def data_version(database: sqlite3.Connection) -> int:
    """Give a number that changes when another connection commits."""
    (version,) = database.execute("PRAGMA data_version").fetchone()
    return int(version)


def findings(path: str) -> list[str]:
    """Say what is wrong with a database that nobody has open."""
    try:
        database = connect(path)
    except UsageError as error:
        return [str(error)]
    try:
        rows = database.execute("PRAGMA integrity_check").fetchall()
        wrong = [f"{path}: {row[0]}" for row in rows if row[0] != "ok"]
        for (name,) in database.execute(
            "SELECT name FROM user INTERSECT SELECT name FROM alias"
        ):
            wrong.append(f"{path}: {name} is both a user and an alias")
    except sqlite3.DatabaseError as error:
        return [f"{path}: {error}"]
    finally:
        database.close()
    return wrong
