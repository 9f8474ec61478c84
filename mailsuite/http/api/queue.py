"""``/queue``: what was accepted and is not yet settled."""

from collections.abc import Sequence

from attrs import define

from mailsuite.http.asked import Asked
from mailsuite.http.problems import Problem
from mailsuite.http.routes import Answer, Route
from mailsuite.interfaces.queueing import IQueue, Listed
from mailsuite.model.ids import QueueId

ACTIONS = ("retry", "hold", "release", "remove")
PAGE_ROWS = 1_000


def _row(listed: Listed) -> Answer:
    return {
        "id": listed.id,
        "recipient": str(listed.address),
        "sender": str(listed.sender) if listed.sender is not None else "",
        "transport": listed.transport,
        "size": listed.size,
        "accepted": listed.accepted,
        "due": listed.due,
        "expires": listed.expires,
        "attempts": listed.attempts,
        "last": listed.last,
        "state": listed.state,
        **({"marks": dict(listed.marks)} if listed.marks else {}),
    }


@define(eq=False, repr=False)
class Queue:
    """Routes over IQueue."""

    _queue: IQueue

    def routes(self) -> Sequence[Route]:
        """Everything of the queue."""
        return (
            Route("GET", "/queue", self.browse),
            Route("GET", "/queue/<id>", self.show),
            Route("POST", "/queue", self.change),
        )

    async def browse(self, asked: Asked) -> Answer:
        """A page of open recipients; ``after`` is the cursor of the last page."""
        asked.only("after", "limit")
        limit = asked.number("limit", 100, PAGE_ROWS)
        page = await self._queue.browse(asked.text("after", ""), limit)
        return {"jobs": [_row(row) for row in page.rows], "after": page.after}

    async def show(self, asked: Asked, id: str) -> Answer:  # noqa: A002
        """Every open recipient of one job."""
        asked.only()
        rows = await self._queue.show(QueueId(id))
        if not rows:
            raise Problem(404, f"nothing of {id} is in the queue")
        return {"jobs": [_row(row) for row in rows]}

    async def change(self, asked: Asked) -> Answer:
        """Do ``action`` to the jobs ``ids``, or to ``all``."""
        asked.only("action", "ids", "all")
        action = asked.text("action")
        if action not in ACTIONS:
            raise Problem(400, f"'action' is one of {', '.join(ACTIONS)}")
        everything = asked.body.get("all", False)
        if everything is True and "ids" not in asked.body:
            return {"jobs": await self._queue.change(None, action)}
        if everything is not False:
            raise Problem(400, "'all' is true, or 'ids' are given")
        ids = [QueueId(id_) for id_ in asked.texts("ids")]
        touched = await self._queue.change(ids, action)
        if not touched and not any([await self._queue.show(id_) for id_ in ids]):
            raise Problem(404, f"nothing of {', '.join(ids)} is in the queue")
        return {"jobs": touched}
