"""What reception tells the writer of DMARC reports (RFC 9990, RFC 9991)."""

from collections.abc import Sequence

from attrs import field, frozen
from zope.interface import Interface

from mailsuite.model.proofs import Proofs


@frozen
class Judged:
    """One message whose author domain has a DMARC policy, and what we did.

    ``disposition`` is ``none``, ``quarantine`` or ``reject``; ``override`` a
    reason of RFC 9990 (``local_policy``, ``trusted_forwarder``, ``mailing_list``,
    ``policy_test_mode``, ``other``) with ``comment``, empty when the owner's policy
    was followed. ``to`` is the domain of the recipients; ``when`` in wall seconds.
    """

    proofs: Proofs
    to: str
    when: float
    disposition: str
    override: str = ""
    comment: str = ""
    header: bytes = field(default=b"", repr=False)
    """The message's header, for failure reports."""


class IReports(Interface):
    """Collects; cheap enough for the path of every message."""

    def judged(what: Judged) -> None:
        """Count it for the aggregate report, and send a failure report if asked."""


@frozen
class Source:
    """One address that sends as a domain, summed over reports.

    ``messages`` were seen, of which ``passed`` DMARC and ``stopped`` were put into
    quarantine or refused. ``dkim`` and ``spf`` are domains that proved themselves,
    aligned or not; ``why`` says in words what failed. Others wrote all of it.
    """

    ip: str
    messages: int
    passed: int
    stopped: int
    dkim: str = ""
    spf: str = ""
    why: str = ""
    name: str = ""
    """The name of the address now (PTR), unproven; empty: not known."""


@frozen
class Day:
    """One day (UTC) of a summary, ``2026-11-22``; TLS sessions for ``messages``."""

    day: str
    messages: int
    passed: int
    stopped: int


@frozen
class Reporter:
    """Who sent reports, and how many messages or sessions they count.

    ``proven``: the mails passed DMARC or an operator brought them; what was not
    proven may be anybody's invention.
    """

    org: str
    reports: int
    messages: int
    proven: bool = False


@frozen
class Failure:
    """One failure report (RFC 9991) or another kind of feedback (RFC 5965)."""

    arrived: float
    kind: str
    org: str
    domain: str
    ip: str
    sender: str
    detail: str


@frozen
class DMARCSummary:
    """What reports say of a domain and its subdomains; empty domain: of all."""

    domain: str
    days: int
    reports: int
    messages: int
    passed: int
    stopped: int
    by_day: tuple[Day, ...]
    sources: tuple[Source, ...]
    """Most messages first; at most so many as the desk's limit."""
    reporters: tuple[Reporter, ...]
    failures: tuple[Failure, ...]


@frozen
class TLSProblem:
    """Sessions that failed in one way (RFC 8460 §4.3)."""

    result: str
    domain: str
    mx: str
    sessions: int
    policy: str
    detail: str


@frozen
class TLSSummary:
    """What TLS reports say of a domain and its subdomains."""

    domain: str
    days: int
    reports: int
    sessions: int
    failed: int
    by_day: tuple[Day, ...]
    problems: tuple[TLSProblem, ...]
    reporters: tuple[Reporter, ...]


@frozen
class Outgoing:
    """One aggregate report of ours. ``state``: ``sent``, ``due``, ``collecting``,
    ``later`` (no answer of DNS yet) or ``nobody`` (no destination takes it).
    """

    domain: str
    day: str
    state: str
    to: tuple[str, ...]
    rows: int
    messages: int
    size: int = 0
    reason: str = ""


@frozen
class Received:
    """One report that was read. ``fresh`` is False when it was known before."""

    kind: str
    org: str
    domain: str
    id: str
    rows: int
    fresh: bool


class IReportDesk(Interface):
    """What operators ask of reports; used by the API and the CLI."""

    async def dmarc(domain: str, days: int) -> DMARCSummary:
        """Aggregate and failure reports about a domain of the last ``days``."""

    async def tls(domain: str, days: int) -> TLSSummary:
        """TLS reports about a domain of the last ``days``."""

    async def outgoing() -> Sequence[Outgoing]:
        """What is collected and would be sent; nothing is sent."""

    async def send() -> Sequence[Outgoing]:
        """Send at once what is due: days that ended, each once for ever."""

    async def load(octets: bytes) -> Sequence[Received]:
        """Read reports from a message, an archive, XML or JSON, and keep them.

        :raises UsageError: there is no report in it.
        :raises Taken: it cannot be read now.
        """
