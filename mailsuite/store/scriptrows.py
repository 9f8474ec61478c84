"""Scripts and memories as rows of ``account.db``; every call blocks.

A commit is synced before it returns, but for memories of duplicates: one for each
message is too dear, and to forget some of them harms nobody.
"""

from sqlite3 import Connection, DatabaseError, connect
from urllib.parse import quote

from attrs import frozen

from mailsuite.interfaces.scripts import (
    NoSuchScript,
    Script,
    ScriptActive,
    ScriptExists,
    ScriptRow,
    ScriptsFull,
)
from mailsuite.store.undo import transaction

MEMORIES = 20_000  # of one account and kind; the soonest to end go first
SWEPT = 1_000  # memories that one call forgets at most
UNSYNCED = frozenset({"duplicate"})
"""Kinds of memories whose last seconds a power cut may take."""


@frozen
class Limits:
    """What one account may keep."""

    scripts: int
    octets: int


@frozen
class Memory:
    """Something to remember; ``source`` names the action that does."""

    kind: str
    key: str
    until: float
    source: str


def listed(database: Connection) -> list[ScriptRow]:
    """Every script."""
    rows = database.execute(
        "SELECT name, active, length(content), changed FROM script ORDER BY name"
    )
    return [ScriptRow(name, bool(on), *rest) for name, on, *rest in rows.fetchall()]


def get(database: Connection, name: str) -> bytes:
    """One script's text. :raises NoSuchScript: there is none."""
    row = database.execute(
        "SELECT content FROM script WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise NoSuchScript(name)
    return bytes(row[0])


def active(database: Connection) -> Script | None:
    """The script that counts."""
    row = database.execute("SELECT name, content FROM script WHERE active").fetchone()
    return Script(row[0], bytes(row[1])) if row else None


def room(database: Connection, name: str, octets: int, limits: Limits) -> None:
    """Whether a script can be put; what takes no more than before always can.

    (Limits may have been lowered since.) :raises ScriptsFull: it cannot.
    """
    others, held, replaced = database.execute(
        "SELECT coalesce(sum(name != :name), 0), coalesce(sum(length(content)), 0),"
        " (SELECT length(content) FROM script WHERE name = :name) FROM script",
        {"name": name},
    ).fetchone()
    if replaced is None and others >= limits.scripts:
        raise ScriptsFull("maxscripts", f"more than {limits.scripts} scripts")
    grown = octets - (replaced or 0)
    if grown > 0 and held + grown > limits.octets:
        text = f"all scripts together may have {limits.octets} octets"
        raise ScriptsFull("maxsize", text)


def put(
    database: Connection, name: str, content: bytes, changed: float, limits: Limits
) -> None:
    """Keep a script. :raises ScriptsFull: there is no room for it."""
    with transaction(database):
        room(database, name, len(content), limits)
        database.execute(
            "INSERT INTO script VALUES (?, ?, ?, 0) ON CONFLICT (name) DO UPDATE"
            " SET content = excluded.content, changed = excluded.changed",
            (name, content, changed),
        )


def activate(database: Connection, name: str) -> None:
    """Let one script count, or none. :raises NoSuchScript: nothing was changed."""
    with transaction(database):
        if name:
            _there(database, name)
        database.execute("UPDATE script SET active = 0 WHERE active")
        database.execute("UPDATE script SET active = 1 WHERE name = ?", (name,))


def remove(database: Connection, name: str) -> None:
    """Forget a script. :raises NoSuchScript, ScriptActive: it stays."""
    with transaction(database):
        if _there(database, name):
            raise ScriptActive(name)
        database.execute("DELETE FROM script WHERE name = ?", (name,))


def rename(database: Connection, old: str, new: str) -> None:
    """Give it another name. :raises NoSuchScript, ScriptExists: it was not."""
    with transaction(database):
        _there(database, old)
        try:
            _there(database, new)
        except NoSuchScript:
            database.execute("UPDATE script SET name = ? WHERE name = ?", (new, old))
        else:
            raise ScriptExists(new)


def _there(database: Connection, name: str) -> bool:
    """Whether a script is active. :raises NoSuchScript: there is none."""
    row = database.execute(
        "SELECT active FROM script WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise NoSuchScript(name)
    return bool(row[0])


def known(database: Connection, memory: Memory, now: float) -> bool:
    """Whether another action remembers this."""
    row = database.execute(
        "SELECT source FROM memory WHERE kind = ? AND key = ? AND until > ?",
        (memory.kind, memory.key, now),
    ).fetchone()
    return row is not None and not (memory.source and row[0] == memory.source)


def remember(database: Connection, memory: Memory, now: float, *, anew: bool) -> bool:
    """Remember something; False: it was known. ``anew``: even then."""
    unsynced = memory.kind in UNSYNCED
    if unsynced:
        database.execute("PRAGMA synchronous = NORMAL")
    try:
        with transaction(database):
            if known(database, memory, now) and not anew:
                return False
            database.execute(
                "DELETE FROM memory WHERE (kind, key) IN"
                " (SELECT kind, key FROM memory WHERE until <= ? LIMIT ?)",
                (now, SWEPT),
            )
            _shrink(database, memory.kind)
            database.execute(
                "INSERT OR REPLACE INTO memory VALUES (?, ?, ?, ?)",
                (memory.kind, memory.key, memory.until, memory.source),
            )
            return True
    finally:
        if unsynced:
            database.execute("PRAGMA synchronous = FULL")


def _shrink(database: Connection, kind: str) -> None:
    (count,) = database.execute(
        "SELECT count(*) FROM memory WHERE kind = ?", (kind,)
    ).fetchone()
    if count >= MEMORIES:
        database.execute(
            "DELETE FROM memory WHERE kind = ? AND key IN"
            " (SELECT key FROM memory WHERE kind = ? ORDER BY until LIMIT ?)",
            (kind, kind, SWEPT),
        )


SCRIPTS = "SELECT name, content, changed, active FROM script"
"""What :func:`salvaged` is asked for."""


def salvaged(path: str, asked: str) -> list[tuple[object, ...]]:
    """Rows of a broken database, as far as they can be read."""
    found: list[tuple[object, ...]] = []
    try:
        database = connect(f"file:{quote(path)}?mode=ro", uri=True)
    except DatabaseError:
        return found
    try:
        for row in database.execute(asked):
            found.append(row)  # noqa: PERF402 - what came before an error counts
    except DatabaseError:
        pass
    finally:
        database.close()
    return found
