"""What monitoring sees beside the counts of events: levels of now."""

from collections.abc import Awaitable, Callable, Mapping

from mailsuite.events.metrics import Counts
from mailsuite.house.doors import Doors
from mailsuite.net.watchdog import Lag
from mailsuite.queue.depth import Depth
from mailsuite.tls.contexts import Contexts


def queue(counts: Counts, depth: Depth) -> None:
    """Depth and age of the queue, counted for each scrape."""

    async def look() -> None:
        await depth.look()

    def recipients() -> Mapping[str, float]:
        return depth.last.recipients

    counts.before(look)
    counts.levels("queue_recipients", "open recipients by state", "state", recipients)
    counts.gauge("queue_oldest_seconds", "age of the oldest open message", depth.age)


def doors(counts: Counts, opened: Doors) -> None:
    """Connections by what they are for."""
    counts.levels("connections_open", "connections that stand", "role", opened.open)


def certificate(counts: Counts, contexts: Contexts, wall: Callable[[], float]) -> None:
    """How long the doors' certificate is good; nothing where there is none."""

    def left() -> Mapping[str, float]:
        ends = contexts.ends
        return {} if ends is None else {"doors": ends - wall()}

    counts.levels("certificate_seconds", "until a certificate expires", "use", left)


def snoozed(counts: Counts, waiting: Callable[[], Awaitable[int]]) -> None:
    """Accounts with mail that will awaken."""
    known = [0]

    async def look() -> None:
        known[0] = await waiting()

    counts.before(look)
    counts.gauge(
        "sieve_snoozed_accounts", "accounts with snoozed mail", lambda: known[0]
    )


def reactor(counts: Counts, lag: Lag) -> None:
    """How long everybody waits."""
    counts.gauge("reactor_lag_seconds", "latest timer since the last scrape", lag.worst)
