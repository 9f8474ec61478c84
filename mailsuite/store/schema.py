"""Tables of the two databases of an account, and how they are opened.

``account.db`` holds facts and commits with FULL; ``index.db`` is derived, its
commits are NORMAL and synced by a barrier of the store where a client was promised
more. Both are held exclusively by the process that serves the account.
"""

import os
import sqlite3

from mailsuite.model.errors import UsageError
from mailsuite.store.undo import failing

FACTS = (
    """
    CREATE TABLE fact (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE mailbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        directory TEXT NOT NULL,
        uidvalidity INTEGER NOT NULL,
        uid_limit INTEGER NOT NULL,
        guid TEXT NOT NULL,
        use TEXT NOT NULL,
        selectable INTEGER NOT NULL
    );
    CREATE TABLE subscription (name TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE doomed (directory TEXT PRIMARY KEY, at REAL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE script (
        name TEXT PRIMARY KEY, content BLOB NOT NULL,
        changed REAL NOT NULL, active INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX script_active ON script (active) WHERE active;
    CREATE TABLE memory (
        kind TEXT, key TEXT, until REAL NOT NULL, source TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE INDEX memory_until ON memory (until);
    """,
    """
    CREATE TABLE annotation (
        mailbox INTEGER NOT NULL, entry TEXT NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (mailbox, entry)
    );
    """,
    """
    CREATE TABLE snoozed (
        source TEXT PRIMARY KEY, mailbox INTEGER NOT NULL, base TEXT NOT NULL,
        until REAL NOT NULL, terms TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX snoozed_until ON snoozed (until);
    """,
)
"""Versions of ``account.db``: entry ``n`` brings version ``n`` to ``n + 1``."""

INDEX = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE box (
        mailbox INTEGER PRIMARY KEY, uidnext INTEGER, recent INTEGER, modseq INTEGER
    );
    CREATE TABLE message (
        mailbox INTEGER, uid INTEGER, flags INTEGER, modseq INTEGER,
        size INTEGER, date INTEGER, email INTEGER,
        PRIMARY KEY (mailbox, uid)
    ) WITHOUT ROWID;
    CREATE INDEX message_email ON message (email);
    CREATE TABLE file (
        mailbox INTEGER, uid INTEGER, base TEXT, place TEXT, letters TEXT,
        PRIMARY KEY (mailbox, uid)
    ) WITHOUT ROWID;
    CREATE TABLE wide (
        email INTEGER PRIMARY KEY,
        envelope BLOB, structure BLOB, parts BLOB, header BLOB, header_size INTEGER
    );
    CREATE TABLE flagset (
        mailbox INTEGER, code INTEGER, names TEXT, messages INTEGER, octets INTEGER,
        PRIMARY KEY (mailbox, code)
    ) WITHOUT ROWID;
    CREATE TABLE keyword (
        mailbox INTEGER, n INTEGER, name TEXT, PRIMARY KEY (mailbox, n)
    ) WITHOUT ROWID;
    CREATE TABLE expunged (
        modseq INTEGER, mailbox INTEGER, uid INTEGER, email INTEGER,
        PRIMARY KEY (modseq, mailbox, uid)
    ) WITHOUT ROWID;
    CREATE TABLE once (
        source TEXT, recipient INTEGER, action INTEGER, epoch INTEGER,
        mailbox INTEGER, uid INTEGER, email INTEGER, drafts INTEGER,
        PRIMARY KEY (source, recipient, action)
    ) WITHOUT ROWID;
    CREATE TABLE removed (
        mailbox INTEGER, base TEXT, uid INTEGER, email INTEGER,
        path TEXT, reason TEXT, at REAL,
        PRIMARY KEY (mailbox, base)
    ) WITHOUT ROWID;
    CREATE TABLE lagging (
        mailbox INTEGER, uid INTEGER, PRIMARY KEY (mailbox, uid)
    ) WITHOUT ROWID;
    CREATE TABLE staged (
        mailbox INTEGER, uid INTEGER, PRIMARY KEY (mailbox, uid)
    ) WITHOUT ROWID;
    """,
    """
    CREATE VIEW arrival AS SELECT
        mailbox, uid, flags, modseq, size, date, email, base, place, letters,
        envelope, structure, parts, header, header_size,
        0 AS source, 0 AS recipient, 0 AS action, 0 AS epoch, 0 AS drafts
    FROM message JOIN file USING (mailbox, uid) JOIN wide USING (email);
    CREATE TRIGGER arriving INSTEAD OF INSERT ON arrival BEGIN
        INSERT INTO message VALUES (
            NEW.mailbox, NEW.uid, NEW.flags, NEW.modseq, NEW.size, NEW.date, NEW.email
        );
        INSERT INTO file VALUES (
            NEW.mailbox, NEW.uid, NEW.base, NEW.place, NEW.letters
        );
        INSERT OR IGNORE INTO wide
            SELECT NEW.email, NEW.envelope, NEW.structure, NEW.parts,
                NEW.header, NEW.header_size
            WHERE NEW.envelope IS NOT NULL;
        INSERT INTO once
            SELECT NEW.source, NEW.recipient, NEW.action, NEW.epoch,
                NEW.mailbox, NEW.uid, NEW.email, NEW.drafts
            WHERE NEW.source IS NOT NULL;
    END;
    """,
    """
    CREATE TABLE usual (email INTEGER PRIMARY KEY, fields BLOB);
    CREATE TRIGGER usual_gone AFTER DELETE ON wide BEGIN
        DELETE FROM usual WHERE email = OLD.email;
    END;
    DROP VIEW arrival;
    CREATE VIEW arrival AS SELECT
        mailbox, uid, flags, modseq, size, date, email, base, place, letters,
        envelope, structure, parts, header, header_size, fields,
        0 AS source, 0 AS recipient, 0 AS action, 0 AS epoch, 0 AS drafts
    FROM message JOIN file USING (mailbox, uid) JOIN wide USING (email)
        JOIN usual USING (email);
    CREATE TRIGGER arriving INSTEAD OF INSERT ON arrival BEGIN
        INSERT INTO message VALUES (
            NEW.mailbox, NEW.uid, NEW.flags, NEW.modseq, NEW.size, NEW.date, NEW.email
        );
        INSERT INTO file VALUES (
            NEW.mailbox, NEW.uid, NEW.base, NEW.place, NEW.letters
        );
        INSERT OR IGNORE INTO wide
            SELECT NEW.email, NEW.envelope, NEW.structure, NEW.parts,
                NEW.header, NEW.header_size
            WHERE NEW.envelope IS NOT NULL;
        INSERT OR IGNORE INTO usual
            SELECT NEW.email, NEW.fields WHERE NEW.fields IS NOT NULL;
        INSERT INTO once
            SELECT NEW.source, NEW.recipient, NEW.action, NEW.epoch,
                NEW.mailbox, NEW.uid, NEW.email, NEW.drafts
            WHERE NEW.source IS NOT NULL;
    END;
    """,
    """
    CREATE TABLE named (
        mailbox INTEGER PRIMARY KEY, guid TEXT, directory TEXT,
        uidvalidity INTEGER, use TEXT
    );
    """,
    "",  # once dropped ``staged``, in no release: such an index gets it back below
    """
    CREATE TABLE IF NOT EXISTS staged (
        mailbox INTEGER, uid INTEGER, PRIMARY KEY (mailbox, uid)
    ) WITHOUT ROWID;
    CREATE TRIGGER IF NOT EXISTS flagged AFTER UPDATE OF flags ON message BEGIN
        INSERT OR IGNORE INTO lagging VALUES (NEW.mailbox, NEW.uid);
    END;
    """,
    "CREATE INDEX removed_path ON removed (mailbox) WHERE path != '';",
)
"""Versions of ``index.db``, as :data:`FACTS`."""

CHECKED_OCTETS = 8 << 20  # databases up to this are checked whole at opening, 10 ms
PAGES_OF_LOG = 2_000  # pages of 4 KiB in index.db-wal before a checkpoint


def connect(path: str, versions: tuple[str, ...], sync: str) -> sqlite3.Connection:
    """Open or make a database and bring its tables to our version.

    :raises UsageError: a newer suite wrote it.
    :raises sqlite3.DatabaseError: it is no database or broken.
    """
    fresh = not os.path.exists(path)
    database = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=100
    )
    with failing(database.close):
        if fresh:
            os.chmod(path, 0o600)
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {sync}")
        database.execute(f"PRAGMA wal_autocheckpoint = {PAGES_OF_LOG}")
        database.execute("PRAGMA cache_size = -1024")
        if not fresh and os.path.getsize(path) <= CHECKED_OCTETS:
            _check(database)
        _migrate(database, path, versions)
    return database


def _check(database: sqlite3.Connection) -> None:
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _migrate(
    database: sqlite3.Connection, path: str, versions: tuple[str, ...]
) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(versions):
        raise UsageError(
            f"{path} has schema version {version}, this mailsuite knows "
            f"{len(versions)}: use the newer version that wrote it"
        )
    for number in range(version, len(versions)):
        database.executescript(
            f"BEGIN IMMEDIATE; {versions[number]}"
            f"PRAGMA user_version = {number + 1}; COMMIT;"
        )
