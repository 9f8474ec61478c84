"""Settings of reports."""

import re

from attrs import frozen

from mailsuite.model.errors import UsageError
from mailsuite.model.settings import setting

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_-]+)*")


@frozen
class Reports:
    """Reports about mail: DMARC (RFC 9990, RFC 9991) and TLS (RFC 8460).

    Reports that others send about our domains arrive at the addresses below, are
    read and kept; "mailsuite report" shows them. Each day we tell other domains
    what we saw of theirs, if their DMARC record asks for it.
    """

    addresses: tuple[str, ...] = setting(
        ("dmarc-reports", "tls-reports"),
        "local parts in each of our domains that reports come to; a user or alias of"
        " that name gets them too",
    )
    foreign: bool = setting(False, "keep reports about domains that are not ours")
    keep_days: int = setting(400, "received reports are kept", "days")
    keep_rows: int = setting(1_000_000, "most rows of received reports that are kept")
    unpacked_octets: int = setting(
        10 << 20, "most that one report may unpack to", "octets", restart=True
    )
    aggregate: bool = setting(True, "send aggregate reports to domains that ask")
    sender: str = setting(
        "", "address that reports come from; empty: dmarc-reports@ our first domain"
    )
    organization: str = setting("", "our name in reports; empty: server.hostname")
    contact: str = setting("", "how to reach us, told in reports: a URL or text")
    never: tuple[str, ...] = setting(
        (), "domains that get no reports from us; subdomains too"
    )
    spread_seconds: int = setting(
        7_200, "reports begin at a random moment so long after midnight UTC", "seconds"
    )
    per_minute: int = setting(60, "most aggregate reports sent in a minute")
    failure: bool = setting(
        False, "send failure reports: they show strangers' mail headers"
    )
    failure_per_hour: int = setting(10, "most failure reports to one domain in an hour")
    failure_redact: bool = setting(
        True, "replace the local parts of addresses in failure reports (RFC 6590)"
    )


def checked(settings: Reports) -> Reports:
    """Give them back. :raises UsageError: one cannot be used."""
    for local in settings.addresses:
        if not _LOCAL.fullmatch(local):
            raise UsageError(
                f"reports.addresses: {local!r} is no local part; write the name"
                " before the @ alone"
            )
    local, at, domain = settings.sender.rpartition("@")
    if settings.sender and not (at and domain and _LOCAL.fullmatch(local)):
        raise UsageError("reports.sender: write name@example.org")
    least = {"keep_days": 1, "keep_rows": 1, "unpacked_octets": 1_024, "per_minute": 1}
    for name, number in least.items():
        if getattr(settings, name) < number:
            raise UsageError(f"reports.{name} is at least {number}")
    return settings
