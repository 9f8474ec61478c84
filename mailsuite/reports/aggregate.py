"""Aggregate reports read: RFC 9990, and RFC 7489 appendix C as most still send.

Elements are known by their names in any namespace. No tree is built: a row is given
away when it ends, so that memory depends on one row and not on the report.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from xml.etree.ElementTree import ParseError

from attrs import define, field, frozen
from defusedxml.ElementTree import DefusedXMLParser

from mailsuite.model.errors import Damaged
from mailsuite.reports.texts import clipped, domain, number

DEPTH = 20  # of elements; RFC 9990 needs six, extensions may be deeper
TEXT_CHARACTERS = 2_000  # of one element that are kept
ROWS = 100_000  # of one report
RESULTS = 100  # DKIM results and reasons of one row (RFC 9990 §3.1.3)
COUNT = 2**40  # messages of one row; more is a lie
SECONDS = 2**40  # of a date; more is a lie

_ACTIONS = frozenset(("none", "pass", "quarantine", "reject"))
_STOPPED = frozenset(("quarantine", "reject"))
_GROUPS = frozenset(("dkim", "spf", "reason", "record"))

Row = tuple[str, int, str, int, int, str, str, str, str, str, str]
"""ip, messages, disposition, passed, stopped, author domain, domain of the reverse
path, override reasons, domains that DKIM and that SPF proved, why it failed."""


@frozen
class Head:
    """What stands above the rows; ``policy`` as it would stand in the DNS."""

    org: str
    contact: str
    id: str
    begins: int
    ends: int
    domain: str
    policy: str
    rows: int
    messages: int


def read(blocks: Iterable[bytes], emit: Callable[[Row], None]) -> Head:
    """Read a report, giving each row to ``emit``.

    :raises Damaged: no XML, no report, or beyond a limit; rows were given already.
    """
    target = _Report(emit)
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    try:
        for block in blocks:
            parser.feed(block)
        parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise Damaged(f"no XML of a report: {clipped(str(error), 200)}") from error
    return target.head()


@define(eq=False)
class _Report:
    """Called by the parser for each element."""

    _emit: Callable[[Row], None]
    _path: list[str] = field(factory=list)
    _text: list[str] = field(factory=list)
    _length: int = 0
    _top: dict[str, str] = field(factory=dict)
    _row: dict[str, str] = field(factory=dict)
    _group: dict[str, str] = field(factory=dict)
    _dkim: list[dict[str, str]] = field(factory=list)
    _spf: list[dict[str, str]] = field(factory=list)
    _reasons: list[dict[str, str]] = field(factory=list)
    _rows: int = 0
    _messages: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        name = tag.rpartition("}")[2]
        if not self._path and name != "feedback":
            raise Damaged("the XML is no aggregate report")
        if len(self._path) >= DEPTH:
            raise Damaged("elements are nested too deeply")
        self._path.append(name)
        self._text.clear()
        self._length = 0
        if name in _GROUPS and self._in("record"):
            self._group = {}

    def data(self, text: str) -> None:
        """Keep an element's text up to a bound."""
        if self._length < TEXT_CHARACTERS:
            self._text.append(text[: TEXT_CHARACTERS - self._length])
            self._length += len(text)

    def end(self, tag: str) -> None:
        """Use what the element says."""
        name = self._path.pop()
        text = "".join(self._text).strip()
        self._text.clear()
        above = self._path
        if above[1:2] != ["record"]:
            if above == ["feedback"] and name == "record":
                self._ended()
            elif len(above) in {2, 3} and len(self._top) < RESULTS:
                self._top.setdefault(f"{above[-1]}.{name}", text)
        elif len(above) >= 3 and above[-1] in {"dkim", "spf", "reason"}:
            if len(self._group) < RESULTS:
                self._group[name] = text
        elif above[2:] == ["auth_results"] or name == "reason":
            self._result(name)
        elif len(self._row) < RESULTS:
            self._row.setdefault(name, text)

    def close(self) -> None:
        """All was read."""

    def _in(self, name: str) -> bool:
        return len(self._path) > 1 and self._path[1] == name

    def _result(self, name: str) -> None:
        into = {"dkim": self._dkim, "spf": self._spf, "reason": self._reasons}.get(name)
        if into is not None and len(into) < RESULTS:
            into.append(self._group)
        self._group = {}

    def _ended(self) -> None:
        row, self._row = self._row, {}
        dkim, self._dkim = self._dkim, []
        spf, self._spf = self._spf, []
        reasons, self._reasons = self._reasons, []
        ip = address(row.get("source_ip", ""))
        messages = number(row.get("count", ""), COUNT)
        if not ip or not messages:
            return
        self._rows += 1
        if self._rows > ROWS:
            raise Damaged(f"a report has more than {ROWS} rows")
        self._messages += messages
        action = row.get("disposition", "").lower()
        passed = "pass" in {row.get("dkim", "").lower(), row.get("spf", "").lower()}
        self._emit(
            (
                ip,
                messages,
                action if action in _ACTIONS else "none",
                int(passed),
                int(action in _STOPPED),
                domain(row.get("header_from", "")),
                domain(row.get("envelope_from", "")),
                _listed(clipped(one.get("type", ""), 40) for one in reasons),
                _listed(map(_proved, dkim)),
                _listed(map(_proved, spf)),
                "" if passed else why(dkim, spf),
            )
        )

    def head(self) -> Head:
        """What stood above the rows. :raises Damaged: what must be is not there."""
        top = self._top.get
        identity = clipped(top("report_metadata.report_id", ""), 250)
        name = domain(top("policy_published.domain", ""))
        if not identity or not name:
            raise Damaged("a report without its id or its domain")
        org = top("report_metadata.org_name", "") or top("report_metadata.email", "")
        tags = ("p", "sp", "np", "adkim", "aspf", "fo", "pct", "testing")
        policy = [f"{t}={v}" for t in tags if (v := top(f"policy_published.{t}", ""))]
        return Head(
            clipped(org, 200) or "unknown",
            clipped(top("report_metadata.email", ""), 250),
            identity,
            number(top("date_range.begin", ""), SECONDS),
            number(top("date_range.end", ""), SECONDS),
            name,
            clipped("; ".join(policy), 250),
            self._rows,
            self._messages,
        )


def address(text: str) -> str:
    """Spell an IP address in the usual way; empty: it is none."""
    try:
        return str(ip_address(text.strip()[:64]))
    except ValueError:
        return ""


def why(dkim: list[dict[str, str]], spf: list[dict[str, str]]) -> str:
    """Say what kept a message from passing, in few different sentences."""
    if any(map(_proved, dkim)):
        signed = "signed by another domain"
    elif any(one.get("result", "").lower() not in {"", "none"} for one in dkim):
        signed = "its signature does not verify"
    else:
        signed = "not signed"
    results = {one.get("result", "").lower() for one in spf}
    if "pass" in results:
        sent = "SPF passes for another domain"
    elif results & {"fail", "softfail", "neutral"}:
        sent = "SPF does not list the address"
    elif results & {"permerror", "temperror"}:
        sent = "SPF could not be checked"
    else:
        sent = "no SPF"
    return f"{signed}; {sent}"


def _proved(result: dict[str, str]) -> str:
    if result.get("result", "").lower() != "pass":
        return ""
    return domain(result.get("domain", ""))


def _listed(texts: Iterable[str]) -> str:
    return clipped(" ".join(dict.fromkeys(filter(None, texts))), 500)
