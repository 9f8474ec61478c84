"""Settings of the queue."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Settings:
    """The queue: how long and how often delivery is tried, and what it may hold."""

    retry_first: float = setting(60.0, "until the second attempt", "seconds")
    retry_most: float = setting(14_400.0, "between attempts at most", "seconds")
    retry_factor: float = setting(2.0, "each delay is so many times the last one")
    expire: float = setting(
        432_000.0,
        "after so long undelivered mail goes back (RFC 5321 §4.5.4.1)",
        "seconds",
    )
    warn: float = setting(
        14_400.0, "then the sender is told of a delay; 0: never", "seconds"
    )
    local_deliveries: int = setting(200, "local deliveries at once")
    remote_deliveries: int = setting(100, "deliveries to other servers at once")
    domain_deliveries: int = setting(10, "deliveries to one domain at once")
    active_jobs: int = setting(1_000, "messages read from the spool to be tried")
    memory_octets: int = setting(
        64 << 20, "accepted, undelivered mail in memory; more waits", "octets"
    )
    memory_jobs: int = setting(20_000, "accepted, undelivered messages in memory")
    patience: float = setting(
        20.0, "a sender waits for room in memory, then gets 452", "seconds"
    )
    min_free: int = setting(
        64 << 20, "with less on the disk, mail is answered 452", "octets"
    )
    lease: float = setting(
        3_600.0, "a delivery may take; then it is tried anew", "seconds"
    )
