"""Rows of reports that others sent: ``report`` and what it holds.

Called on the database's thread. Lines of rows come from the child as JSON and go to
SQLite unread, so that a large report holds up nobody: it parses without the
interpreter lock.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

_COLUMNS = {"dmarc": 11, "feedback": 4}
_TABLES = {"dmarc": "sighting", "feedback": "feedback"}


def _insert(table: str, first: int, columns: int, where: str = "") -> str:
    wanted = ", ".join(
        f"json_extract(value, '$[{n}]')" for n in range(first, first + columns)
    )
    return f"INSERT INTO {table} SELECT ?, {wanted} FROM json_each(?) {where}"


_STATEMENTS: Mapping[str, Sequence[str]] = {
    kind: (_insert(_TABLES[kind], 0, columns),) for kind, columns in _COLUMNS.items()
} | {
    "tls": (
        _insert("session", 1, 5, "WHERE json_extract(value, '$[0]') = 0"),
        _insert("problem", 1, 6, "WHERE json_extract(value, '$[0]') = 1"),
    )
}


def put(
    database: sqlite3.Connection,
    head: Mapping[str, Any],
    lines: Sequence[bytes],
    arrived: float,
    *,
    proven: bool,
) -> bool:
    """Keep a report; False: it was known. Durable on return, all or nothing.

    One that was known and not proven gives way to one that is: who invents a report
    before it comes must not keep the true one out.

    :raises sqlite3.Error: the child sent nonsense, or the disk is full.
    """
    fields = ("kind", "org", "contact", "domain", "id", "begins", "ends")
    with database:
        database.execute("BEGIN IMMEDIATE")
        if proven:
            database.execute(
                "DELETE FROM report WHERE kind = ? AND org = ? AND domain = ?"
                " AND name = ? AND NOT proven",
                tuple(head[name] for name in ("kind", "org", "domain", "id")),
            )
        done = database.execute(
            "INSERT OR IGNORE INTO report (kind, org, contact, domain, name, begins,"
            " ends, arrived, policy, rows, messages, proven)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(head[name] for name in fields),
                *(arrived, head["policy"], head["rows"], head["messages"], proven),
            ),
        )
        if not done.rowcount:
            return False
        for line in lines:
            for statement in _STATEMENTS[head["kind"]]:
                database.execute(statement, (done.lastrowid, line.decode()))
    return True


def forget(database: sqlite3.Connection, before: float, rows: int) -> int:
    """Drop reports that arrived before; then, above so many rows, the least worth.

    What nobody proved goes before what was, and what is older before the rest: a
    flood of inventions takes no place of true reports.
    """
    with database:
        database.execute("BEGIN IMMEDIATE")
        old = database.execute("DELETE FROM report WHERE arrived < ?", (before,))
        over = database.execute(
            "DELETE FROM report WHERE id IN (SELECT id FROM (SELECT id, sum(rows + 1)"
            " OVER (ORDER BY proven DESC, arrived DESC, id DESC) AS total FROM report)"
            " WHERE total > ?)",
            (rows,),
        )
    return old.rowcount + over.rowcount
