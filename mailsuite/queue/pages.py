"""What people ask of the rows. All calls block; they run on the queue's lane."""

from mailsuite.interfaces.queueing import Listed
from mailsuite.model.ids import QueueId
from mailsuite.queue.rows import Rows, Transaction
from mailsuite.queue.tables import LIST, as_listed


def listed(rows: Rows, after: tuple[str, int], limit: int) -> list[Listed]:
    """Rows after a place, in order."""
    found = rows.db.execute(
        f"{LIST} WHERE (r.job, r.n) > (?, ?) AND r.state != 2"
        " ORDER BY r.job, r.n LIMIT ?",
        (*after, limit),
    )
    return [as_listed(row) for row in found]


def shown(rows: Rows, name: QueueId) -> list[Listed]:
    """One job's rows."""
    found = rows.db.execute(
        f"{LIST} WHERE r.job = ? AND r.state != 2 ORDER BY r.n", (name,)
    )
    return [as_listed(row) for row in found]


def change(rows: Rows, action: str, now: float) -> int:
    """``retry``, ``hold``, ``release`` or ``remove`` all that is not taken out."""
    away = "job NOT IN (SELECT id FROM temp.loaded) AND state != 2"
    with Transaction(rows.db) as db:
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
