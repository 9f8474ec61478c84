"""How much the queue holds: over memory and rows alike, for monitoring."""

import json
from collections import Counter
from collections.abc import Sequence

from attrs import Factory, define, frozen
from twisted.internet.task import deferLater

from mailsuite.model.ids import QueueId
from mailsuite.queue.jobs import ACTIVE, HELD, WAITING
from mailsuite.queue.ledger import Ledger
from mailsuite.queue.rows import Rows
from mailsuite.queue.tables import DUE, STOPPED

SLICE = 5_000  # recipients looked at in one turn of the reactor, 2 ms

_OLDEST = """
SELECT accepted FROM job WHERE id NOT IN (SELECT value FROM json_each(?))
AND EXISTS (SELECT 1 FROM recipient WHERE job = id AND state != 2)
ORDER BY accepted LIMIT 1
"""
_HERE = """
SELECT state, count(*) FROM recipient
WHERE job IN (SELECT value FROM json_each(?)) AND state != 2 GROUP BY state
"""


@frozen
class Tally:
    """``recipients`` by state; ``oldest``: when the oldest message was accepted."""

    recipients: Counter[str] = Factory(
        lambda: Counter({ACTIVE: 0, WAITING: 0, HELD: 0})
    )
    oldest: float | None = None


@define(eq=False)
class Depth:
    """Looks when it is asked; ``last`` is what it saw."""

    _ledger: Ledger
    last: Tally = Factory(Tally)

    async def look(self) -> Tally:
        """Count every open recipient; one that moves meanwhile may count twice."""
        ledger = self._ledger
        here = [job.id for job in ledger.jobs.values() if job.kept]
        found = await ledger.lane.run(_kept, ledger.rows, here)
        oldest = [] if found.oldest is None else [found.oldest]
        looked = 0
        for job in list(ledger.jobs.values()):
            if job.slots:
                oldest.append(job.accepted)
                found.recipients.update(slot.state for slot in job.slots.values())
                looked += len(job.slots)
            if looked >= SLICE:
                looked = 0
                await deferLater(ledger.ground.reactor, 0)
        self.last = Tally(found.recipients, min(oldest, default=None))
        return self.last

    def age(self) -> float:
        """Seconds since the oldest message came, as last seen; 0: there is none."""
        oldest = self.last.oldest
        return 0.0 if oldest is None else max(self._ledger.ground.wall() - oldest, 0.0)


def _kept(rows: Rows, here: Sequence[QueueId]) -> Tally:
    """What only the rows know: those of jobs in memory may be out of date."""
    db, found = rows.db, Tally().recipients
    names = (json.dumps(here),)
    known = dict(db.execute(_HERE, names).fetchall())
    for state, name in ((DUE, WAITING), (STOPPED, HELD)):
        (count,) = db.execute(
            f"SELECT count(*) FROM recipient WHERE state = {state}"
        ).fetchone()
        found[name] = count - known.get(state, 0)
    oldest = db.execute(_OLDEST, names).fetchone()
    return Tally(found, None if oldest is None else oldest[0])
