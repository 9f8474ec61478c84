"""What came of a question."""

from enum import Enum

from attrs import frozen

from mailsuite.dns.kinds import Value

FAILURE_SECONDS = 5.0  # RFC 2308 §7.1 allows five minutes, RFC 9520 §3.2 asks for 1 s


class Fate(Enum):
    """What is known after an answer, or without one."""

    FOUND = "found"
    """Records, or the knowledge that there are none of this type."""
    MISSING = "missing"
    """NXDOMAIN."""
    FAILED = "failed"
    """SERVFAIL, a lame or broken answer: another server may do better."""
    SILENT = "silent"
    """Nothing came in time, or the port is closed."""
    TRUNCATED = "truncated"
    """Ask again over TCP."""
    MISUNDERSTOOD = "misunderstood"
    """FORMERR, NOTIMP or BADVERS: ask again without EDNS."""


@frozen(eq=False)
class Finding:
    """``ttl`` seconds it may be remembered; ``onward``: ask for that name.

    ``secure``: the answer has the AD bit.
    """

    fate: Fate
    values: tuple[Value, ...] = ()
    ttl: float = 0.0
    onward: str = ""
    secure: bool = False

    @property
    def settled(self) -> bool:
        """Whether it answers the question, so that nobody else is asked."""
        return self.fate is Fate.FOUND or self.fate is Fate.MISSING


FAILED = Finding(Fate.FAILED, ttl=FAILURE_SECONDS)
SILENT = Finding(Fate.SILENT, ttl=FAILURE_SECONDS)
TRUNCATED = Finding(Fate.TRUNCATED)
MISUNDERSTOOD = Finding(Fate.MISUNDERSTOOD)
LIMITED = Finding(Fate.FAILED)
"""We asked nobody, for too much is going on; not remembered."""
