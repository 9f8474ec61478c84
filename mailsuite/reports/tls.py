"""TLS reports read (RFC 8460 §4): JSON, as it is or in gzip."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from mailsuite.model.errors import Damaged
from mailsuite.reports.texts import clipped, domain

POLICIES = 1_000  # of one report
FAILURES = 10_000  # of one report
DEPTH = 40  # of brackets; the RFC needs six
COUNT = 2**40  # sessions of one row; more is a lie
_SECONDS = 2**40

Session = tuple[str, str, str, int, int]
"""policy type, policy domain, MX names of the policy, good and failed sessions."""
Problem = tuple[str, str, str, int, str, str]
"""result type, policy domain, MX, sessions, policy type, further details."""


@frozen
class Report:
    """A report as it is kept; ``domain`` is that of its first policy."""

    org: str
    contact: str
    id: str
    begins: int
    ends: int
    domain: str
    sessions: tuple[Session, ...]
    problems: tuple[Problem, ...]


def read(blocks: Iterable[bytes]) -> Report:
    """Read a report. :raises Damaged: no JSON, no report, or beyond a limit."""
    octets = b"".join(blocks)
    if _depth(octets) > DEPTH:
        raise Damaged("JSON is nested too deeply")
    try:
        document = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise Damaged("no JSON of a report") from error
    if not isinstance(document, dict) or "report-id" not in document:
        raise Damaged("the JSON is no TLS report")
    policies = list(_policies(document))
    sessions = tuple(_session(one) for one in policies)
    known = [session[1] for session in sessions if session[1]]
    identity = clipped(_text(document, "report-id"), 250)
    if not known or not identity:
        raise Damaged("a TLS report without its id or its domain")
    dates = _inner(document, "date-range")
    return Report(
        clipped(_text(document, "organization-name"), 200) or "unknown",
        clipped(_text(document, "contact-info"), 250),
        identity,
        _moment(_text(dates, "start-datetime")),
        _moment(_text(dates, "end-datetime")),
        known[0],
        sessions,
        tuple(_problems(policies)),
    )


def _depth(octets: bytes) -> int:
    """Bound the depth from above: brackets within texts count too."""
    depth = deepest = 0
    for octet in octets.translate(None, _NO_BRACKETS):
        depth += 1 if octet in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


_NO_BRACKETS = bytes(n for n in range(256) if n not in b"[]{}")


def _policies(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    policies = document.get("policies")
    if not isinstance(policies, list):
        return
    if len(policies) > POLICIES:
        raise Damaged(f"a TLS report has more than {POLICIES} policies")
    yield from (one for one in policies if isinstance(one, dict))


def _session(policy: Mapping[str, Any]) -> Session:
    about, summary = _inner(policy, "policy"), _inner(policy, "summary")
    names = about.get("mx-host")
    hosts: Sequence[Any] = names if isinstance(names, list) else [names]
    return (
        clipped(_text(about, "policy-type"), 40),
        domain(_text(about, "policy-domain")),
        clipped(" ".join(str(host) for host in hosts[:20] if host), 500),
        _count(summary, "total-successful-session-count"),
        _count(summary, "total-failure-session-count"),
    )


def _problems(policies: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    left = FAILURES
    for policy in policies:
        about, details = _inner(policy, "policy"), policy.get("failure-details")
        if not isinstance(details, list):
            continue
        left -= len(details)
        if left < 0:
            raise Damaged(f"a TLS report has more than {FAILURES} failures")
        for one in details:
            if isinstance(one, dict):
                yield _problem(about, one)


def _problem(about: Mapping[str, Any], detail: Mapping[str, Any]) -> Problem:
    mx = _text(detail, "receiving-mx-hostname") or _text(detail, "receiving-ip")
    further = (
        _text(detail, "sending-mta-ip"),
        _text(detail, "failure-reason-code"),
        _text(detail, "additional-information"),
    )
    return (
        clipped(_text(detail, "result-type"), 60),
        domain(_text(about, "policy-domain")),
        clipped(mx, 253),
        _count(detail, "failed-session-count"),
        clipped(_text(about, "policy-type"), 40),
        clipped(" ".join(filter(None, further)), 300),
    )


def _inner(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _count(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int:
        return 0
    return min(max(value, 0), COUNT)


def _moment(text: str) -> int:
    """Give seconds since 1970 of an RFC 3339 date; 0: it is none."""
    try:
        at = datetime.fromisoformat(text[:40])
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return min(max(int(at.timestamp()), 0), _SECONDS)
    except (ValueError, OverflowError):
        return 0
