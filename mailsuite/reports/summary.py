"""What received reports say, summed for people. Called on the database's thread."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from mailsuite.interfaces.reporting import (
    Day,
    DMARCSummary,
    Failure,
    Reporter,
    Source,
    TLSProblem,
    TLSSummary,
)
from mailsuite.reports.collect import DAY

SOURCES = 100  # addresses shown
REPORTERS = 50
FAILURES = 20
PROBLEMS = 100
DAYS = 1_000
NAMES = 6  # domains of one source shown

_WITHIN = (
    "(:domain = '' OR {0} = :domain OR substr({0}, -length(:domain) - 1) ="
    " '.' || :domain)"
)
_REPORTS = (
    "FROM report AS r JOIN {table} AS s ON s.report = r.id WHERE r.kind = '{kind}'"
    " AND r.begins >= :since AND " + _WITHIN
)
_DMARC = _REPORTS.format("r.domain", table="sighting", kind="dmarc")
_TLS = _REPORTS.format("s.domain", table="session", kind="tls")
_PROBLEMS = _REPORTS.format("s.domain", table="problem", kind="tls")
_FEEDBACK = (
    "FROM report AS r JOIN feedback AS s ON s.report = r.id WHERE r.arrived >= :since"
    " AND " + _WITHIN.format("r.domain")
)


def _asked(domain: str, days: int, now: float) -> Mapping[str, str | int]:
    since = (int(now // DAY) - days) * DAY
    return {"domain": domain.lower().rstrip("."), "since": since}


def dmarc(
    database: sqlite3.Connection, domain: str, days: int, now: float
) -> DMARCSummary:
    """Sum aggregate reports whose day began in the last ``days``."""
    asked = _asked(domain, days, now)
    run = database.execute
    reports, messages, passed, stopped = run(
        "SELECT count(DISTINCT r.id), coalesce(sum(s.messages), 0), coalesce(sum("
        f"s.messages * s.passed), 0), coalesce(sum(s.messages * s.stopped), 0) {_DMARC}",
        asked,
    ).fetchone()
    return DMARCSummary(
        str(asked["domain"]),
        days,
        reports,
        messages,
        passed,
        stopped,
        _days(run(_DMARC_DAYS, asked)),
        tuple(_source(*row) for row in run(_SOURCES, asked)),
        tuple(_reporter(*row) for row in run(_DMARC_REPORTERS, asked)),
        tuple(Failure(*row) for row in run(_FAILURES, asked)),
    )


_DMARC_DAYS = (
    f"SELECT r.begins / {DAY}, sum(s.messages), sum(s.messages * s.passed),"
    f" sum(s.messages * s.stopped) {_DMARC} GROUP BY 1 ORDER BY 1 LIMIT {DAYS}"
)
_SOURCES = (
    "SELECT s.ip, sum(s.messages) AS messages, sum(s.messages * s.passed),"
    " sum(s.messages * s.stopped), group_concat(DISTINCT s.dkim),"
    " group_concat(DISTINCT s.spf), group_concat(DISTINCT s.why)"
    f" {_DMARC} GROUP BY s.ip ORDER BY messages DESC, s.ip LIMIT {SOURCES}"
)
_DMARC_REPORTERS = (
    "SELECT r.org, count(DISTINCT r.id), sum(s.messages) AS messages, r.proven"
    f" {_DMARC} GROUP BY r.org, r.proven ORDER BY messages DESC LIMIT {REPORTERS}"
)
_FAILURES = (
    "SELECT r.arrived, s.kind, r.org, r.domain, s.ip, s.sender, s.detail"
    f" {_FEEDBACK} ORDER BY r.arrived DESC LIMIT {FAILURES}"
)


def _source(
    ip: str, messages: int, passed: int, stopped: int, dkim: str, spf: str, why: str
) -> Source:
    return Source(
        ip, messages, passed, stopped, _words(dkim), _words(spf), _sentences(why)
    )


def _reporter(org: str, reports: int, messages: int, proven: int) -> Reporter:
    return Reporter(org, reports, messages, bool(proven))


def _words(text: str) -> str:
    """Give the different words of texts that SQLite put together with commas."""
    words = list(dict.fromkeys(text.replace(",", " ").split()))
    more = ["..."] if len(words) > NAMES else []
    return " ".join(words[:NAMES] + more)


def _sentences(text: str) -> str:
    return ", or ".join(dict.fromkeys(filter(None, text.split(",")))).strip()


def tls(database: sqlite3.Connection, domain: str, days: int, now: float) -> TLSSummary:
    """Sum TLS reports likewise."""
    asked = _asked(domain, days, now)
    run = database.execute
    reports, sessions, failed = run(
        "SELECT count(DISTINCT r.id), coalesce(sum(s.good + s.failed), 0),"
        f" coalesce(sum(s.failed), 0) {_TLS}",
        asked,
    ).fetchone()
    by_day = run(
        f"SELECT r.begins / {DAY}, sum(s.good + s.failed), sum(s.good), sum(s.failed)"
        f" {_TLS} GROUP BY 1 ORDER BY 1 LIMIT {DAYS}",
        asked,
    )
    problems = run(
        "SELECT s.result, s.domain, s.mx, sum(s.sessions) AS sessions, s.policy,"
        f" max(s.detail) {_PROBLEMS} GROUP BY s.result, s.domain, s.mx, s.policy"
        f" ORDER BY sessions DESC LIMIT {PROBLEMS}",
        asked,
    )
    reporters = run(
        "SELECT r.org, count(DISTINCT r.id), sum(s.good + s.failed) AS sessions,"
        f" r.proven {_TLS} GROUP BY r.org, r.proven ORDER BY sessions DESC LIMIT {REPORTERS}",
        asked,
    )
    return TLSSummary(
        str(asked["domain"]),
        days,
        reports,
        sessions,
        failed,
        _days(by_day),
        tuple(TLSProblem(*row) for row in problems),
        tuple(_reporter(*row) for row in reporters),
    )


def _days(rows: Iterable[tuple[int, int, int, int]]) -> tuple[Day, ...]:
    return tuple(Day(date(row[0]), *row[1:]) for row in rows)


def date(day: int) -> str:
    """Give a day since 1970 as ``2026-11-22``; beyond the year 9999 its number."""
    try:
        return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return str(day)
