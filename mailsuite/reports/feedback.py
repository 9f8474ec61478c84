"""Failure reports and other feedback read (RFC 5965, RFC 6591, RFC 9991)."""

from attrs import frozen

from mailsuite.mime import addresses, charsets, dates, headers
from mailsuite.reports.aggregate import address
from mailsuite.reports.texts import clipped, domain, number

FROM_OCTETS = 10_000  # of a From field that are looked at
INCIDENTS = 2**32 - 1  # RFC 5965 §3.2


@frozen
class Feedback:
    """One report. ``kind`` is its Feedback-Type, with the kind of failure."""

    kind: str
    org: str
    domain: str
    arrived: int
    ip: str
    sender: str
    incidents: int
    detail: str


def read(fields: bytes, original: bytes, sender: str) -> Feedback:
    """Read the fields of message/feedback-report; ``original`` is a header.

    ``sender`` is the domain that the report came from. Never raises: what is not
    there is empty.
    """
    kind = _value(fields, b"feedback-type", 40).lower() or "unknown"
    failed = _value(fields, b"auth-failure", 40).lower()
    mta = _value(fields, b"reporting-mta", 260).rpartition(";")[2]
    date = headers.value(fields, b"arrival-date") or b""
    date = date or headers.value(fields, b"received-date") or b""
    at = dates.parse(date)
    detail = (
        _named("results", _value(fields, b"authentication-results", 300)),
        _named("aligned", _value(fields, b"identity-alignment", 40)),
        _named("delivery", _value(fields, b"delivery-result", 40)),
        _named("subject", _value(original, b"subject", 120)),
    )
    return Feedback(
        f"{kind}/{failed}" if failed else kind,
        domain(mta) or domain(sender) or "unknown",
        domain(_value(fields, b"reported-domain", 260)) or _author(original),
        max(at[0], 0) if at else 0,
        address(_value(fields, b"source-ip", 64).removeprefix("IPv6:")),
        _value(fields, b"original-mail-from", 300).strip("<>"),
        max(1, number(_value(fields, b"incidents", 20), INCIDENTS)),
        clipped("; ".join(filter(None, detail)), 500),
    )


def _author(header: bytes) -> str:
    """Give the domain of the first address in From."""
    value = headers.value(header, b"from") or b""
    named = (domain(one.domain) for one in addresses.parse(value[:FROM_OCTETS]))
    return next(filter(None, named), "")


def _value(header: bytes, name: bytes, characters: int) -> str:
    value = headers.value(header, name) or b""
    return clipped(charsets.guess(value[: characters * 4]), characters)


def _named(name: str, value: str) -> str:
    return f"{name}: {value}" if value else ""
