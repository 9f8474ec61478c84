"""Rows of what is collected and sent: ``counted``, ``published``, ``outgoing``.

Called on the database's thread; each function is one transaction.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

from attrs import field, frozen

from mailsuite.interfaces.reporting import Outgoing
from mailsuite.model.proofs import Policy
from mailsuite.reports.collect import Published

ROWS = 100_000  # different rows of one report; more are dropped
DAY_ROWS = 1_000_000  # different rows of one day, over all domains; likewise
BEGUN, SENT, NOBODY = "begun", "sent", "nobody"

_Counted = Sequence[tuple[int, str, str, int]]
_Published = Sequence[tuple[int, str, str]]


@frozen
class Due:
    """One day of one policy domain that is not yet told."""

    day: int
    domain: str
    published: Published
    rows: int


@frozen
class Begun:
    """A report that is written; the queue may have it or not.

    It stands in the database as it will be sent, so that a repetition needs nothing
    but the queue.
    """

    day: int
    domain: str
    to: tuple[str, ...]
    rows: int
    messages: int
    reason: str
    sender: str
    organization: str
    content: bytes = field(repr=False)


def publish(database: sqlite3.Connection, rows: _Published) -> None:
    """Remember policies; the last one of a day is told (RFC 9990 §3.3)."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            "INSERT INTO published (day, domain, policy) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET policy = excluded.policy",
            rows,
        )


def count(database: sqlite3.Connection, rows: _Counted) -> int:
    """Add messages to their rows; gives how many found no room or came too late."""
    lost = 0
    with database:
        database.execute("BEGIN IMMEDIATE")
        crowded = _crowded(database, {row[0] for row in rows})
        for day, domain, what, messages in rows:
            at = (day, domain)
            if _told(database, at):
                lost += messages
                continue
            done = database.execute(
                "UPDATE counted SET messages = messages + ?"
                " WHERE day = ? AND domain = ? AND what = ?",
                (messages, *at, what),
            )
            if done.rowcount:
                continue
            room = database.execute(
                "UPDATE published SET rows = rows + 1"
                " WHERE day = ? AND domain = ? AND rows < ?",
                (*at, 0 if day in crowded else ROWS),
            )
            if not room.rowcount:
                lost += messages
                continue
            database.execute(
                "INSERT INTO counted VALUES (?, ?, ?, ?)", (*at, what, messages)
            )
    return lost


def _crowded(database: sqlite3.Connection, days: Iterable[int]) -> Collection[int]:
    """Which days take no more different rows."""
    counted = "SELECT coalesce(sum(rows), 0) FROM published WHERE day = ?"
    return [
        day
        for day in days
        if database.execute(counted, (day,)).fetchone()[0] >= DAY_ROWS
    ]


def _told(database: sqlite3.Connection, at: tuple[int, str]) -> bool:
    found = database.execute(
        "SELECT 1 FROM outgoing WHERE day = ? AND domain = ?", at
    ).fetchone()
    return found is not None


def due(database: sqlite3.Connection, before: int) -> Sequence[Due]:
    """Give what ended before a day and is not told, oldest first."""
    rows = database.execute(
        "SELECT day, domain, policy, rows FROM published AS p WHERE day < ? AND NOT"
        " EXISTS (SELECT 1 FROM outgoing AS o WHERE o.day = p.day AND o.domain ="
        " p.domain) ORDER BY day, domain",
        (before,),
    )
    return [_due(*row) for row in rows]


def _due(day: int, domain: str, policy: str, rows: int) -> Due:
    document = json.loads(policy)
    fields = document["policy"]
    for name in ("rua", "ruf"):
        fields[name] = tuple(fields[name])
    document["policy"] = Policy(**fields)
    published = Published(**document)
    return Due(day, domain, published, rows)


def lines(database: sqlite3.Connection, at: Due) -> tuple[bytes, int]:
    """Give a report's rows as lines of JSON, and the number of messages."""
    rows = database.execute(
        "SELECT messages, what FROM counted WHERE day = ? AND domain = ?"
        " ORDER BY messages DESC, what",
        (at.day, at.domain),
    ).fetchall()
    text = "\n".join(f"[{messages},{what}]" for messages, what in rows)
    return text.encode(), sum(messages for messages, _ in rows)


def begin(database: sqlite3.Connection, one: Begun, at: float) -> None:
    """Fix a report: from now on it is sent as it is, to these, once."""
    letter = json.dumps([one.sender, one.organization])
    with database:
        database.execute(
            "INSERT INTO outgoing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(one.day, one.domain, BEGUN, at, json.dumps(one.to), one.rows),
                *(one.messages, len(one.content), one.reason, letter, one.content),
            ),
        )


def begun(database: sqlite3.Connection) -> Sequence[Begun]:
    """Give what was begun and is not marked as sent."""
    rows = database.execute(
        "SELECT day, domain, destinations, rows, messages, reason, letter, content"
        " FROM outgoing WHERE state = ?",
        (BEGUN,),
    )
    return [_begun(*row) for row in rows]


def _begun(
    day: int,
    domain: str,
    to: str,
    rows: int,
    messages: int,
    reason: str,
    letter: str,
    content: bytes,
) -> Begun:
    sender, organization = json.loads(letter)
    addresses = tuple(json.loads(to))
    told = (rows, messages, reason)
    return Begun(day, domain, addresses, *told, sender, organization, content)


def finish(database: sqlite3.Connection, done: Outgoing, day: int, at: float) -> None:
    """Mark a report as sent, or as wanted by nobody, and forget its rows."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(
            "INSERT OR REPLACE INTO outgoing"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', x'')",
            (
                *(day, done.domain, done.state, at, json.dumps(done.to)),
                *(done.rows, done.messages, done.size, done.reason),
            ),
        )
        for table in ("counted", "published"):
            database.execute(
                f"DELETE FROM {table} WHERE day = ? AND domain = ?", (day, done.domain)
            )


def collected(database: sqlite3.Connection, limit: int) -> Sequence[tuple[Due, int]]:
    """Give everything not told yet with its number of messages."""
    rows = database.execute(
        "SELECT p.day, p.domain, p.policy, p.rows, coalesce((SELECT sum(messages) FROM"
        " counted AS c WHERE c.day = p.day AND c.domain = p.domain), 0)"
        " FROM published AS p WHERE NOT EXISTS (SELECT 1 FROM outgoing AS o WHERE"
        " o.day = p.day AND o.domain = p.domain) ORDER BY p.day, p.domain LIMIT ?",
        (limit,),
    )
    return [(_due(*row[:4]), row[4]) for row in rows]


def forget(database: sqlite3.Connection, untold: int, told: int) -> int:
    """Drop what could not be told before a day, and marks before another.

    Gives how many messages nobody will hear of.
    """
    with database:
        database.execute("BEGIN IMMEDIATE")
        (lost,) = database.execute(
            "SELECT coalesce(sum(messages), 0) FROM counted WHERE day < ?", (untold,)
        ).fetchone()
        database.execute("DELETE FROM counted WHERE day < ?", (untold,))
        database.execute("DELETE FROM published WHERE day < ?", (untold,))
        database.execute("DELETE FROM outgoing WHERE day < ?", (told,))
    return int(lost)
