"""Failure reports composed (RFC 9991, RFC 6591, RFC 5965) and when they are due."""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256

from attrs import frozen

from mailsuite.interfaces.reporting import Judged
from mailsuite.mime import dates, headers
from mailsuite.model.address import Address
from mailsuite.model.proofs import Policy, Result, Signature
from mailsuite.reports.mailing import header, wrapped
from mailsuite.reports.texts import clipped

HEADER_OCTETS = 16_384  # of the reported message
_ADDRESS = re.compile(
    rb"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~\x80-\xff-]{1,64}|\"[^\"\r\n]{1,64}\")@"
)
_KEPT = frozenset(
    (
        *(b"dkim-signature", b"arc-seal", b"arc-message-signature", b"message-id"),
        *(b"references", b"in-reply-to", b"resent-message-id"),
    )
)
"""Fields whose ``@`` names nobody, or whose change would hide the failure."""
_LINE_ENDS = re.compile(rb"\r?\n|\r")
_DELIVERED = {"none": "delivered", "quarantine": "spam", "reject": "reject"}


def wanted(what: Judged, policy: Policy) -> bool:
    """Whether the owner asks for a report of this message (RFC 9989 §4.7, ``fo``).

    Never for mail of a null reverse-path or mail that is itself automatic, which
    may be a report: reports about reports would never end.
    """
    proofs, dmarc = what.proofs, what.proofs.dmarc
    if not policy.ruf or policy.psd == "y" or not proofs.sender or _automatic(what):
        return False
    if dmarc.result not in {Result.PASS, Result.FAIL}:
        return False
    options = set(policy.fo.split(":"))
    dkim = [one.result for one in proofs.signatures]
    return (
        ("0" in options and not (dmarc.dkim or dmarc.spf))
        or ("1" in options and not (dmarc.dkim and dmarc.spf))
        or ("d" in options and any(one in _BAD for one in dkim))
        or ("s" in options and proofs.mailfrom.result in _BAD)
    )


_BAD = (Result.FAIL, Result.SOFTFAIL, Result.PERMERROR, Result.POLICY)


def _automatic(what: Judged) -> bool:
    automatic = headers.value(what.header, b"auto-submitted") or b"no"
    kind = headers.value(what.header, b"content-type") or b""
    return not automatic.lower().startswith(b"no") or kind.lower().startswith(
        b"multipart/report"
    )


@frozen
class Report:
    """Everything that a report tells.

    ``incidents`` counts messages since the last report, this one among them; ``spf``
    is the record that failed. ``secret`` redacts local parts; empty: they stay.
    """

    what: Judged
    sender: Address
    hostname: str
    to: Address
    id: str
    incidents: int
    spf: str
    secret: bytes
    """A key of ours: equal local parts look equal within one key (RFC 6590 §3)."""


def compose(report: Report) -> bytes:
    """Give the whole mail with CRLF."""
    dmarc = report.what.proofs.dmarc
    boundary = f"=_{report.id}"
    lines = [
        *header(
            ("From", f'"{report.hostname}" <{report.sender}>'),
            ("To", str(report.to)),
            ("Subject", f"Failure report about mail from {dmarc.domain}"),
            ("Date", dates.render(report.what.when).decode("ascii")),
            ("Message-ID", f"<{report.id}@{report.sender.domain}>"),
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
        ),
        "Content-Type: multipart/report; report-type=feedback-report;",
        f'\tboundary="{boundary}"',
        *("", f"--{boundary}", "Content-Type: text/plain; charset=utf-8", ""),
        *wrapped(
            f"{report.hostname} received mail that says it is from {dmarc.domain} and"
            " did not prove it. The DMARC record of that domain asks for this report"
            " (RFC 9991). Nobody reads replies."
        ),
        *(f"--{boundary}", "Content-Type: message/feedback-report", ""),
        *header(*_fields(report)),
        *("", f"--{boundary}", "Content-Type: text/rfc822-headers"),
        *("Content-Transfer-Encoding: 8bit", ""),
    ]
    original = reported(report.what.header, report.secret)
    end = f"\r\n--{boundary}--\r\n".encode()
    return "\r\n".join(lines).encode() + b"\r\n" + original + end


def _fields(report: Report) -> Sequence[tuple[str, str]]:
    """Give what RFC 9991 §4 and RFC 5965 §3 ask for."""
    what, proofs = report.what, report.what.proofs
    dmarc = proofs.dmarc
    failed = [n for n, good in (("dkim", dmarc.dkim), ("spf", dmarc.spf)) if not good]
    fields = [
        ("Feedback-Type", "auth-failure"),
        ("User-Agent", "mailsuite"),
        ("Version", "1"),
        ("Auth-Failure", "dmarc"),
        ("Authentication-Results", _results(report)),
        ("Identity-Alignment", ", ".join(failed) or "none"),
        ("Delivery-Result", _DELIVERED.get(what.disposition, "other")),
        ("Arrival-Date", dates.render(what.when).decode("ascii")),
        ("Reporting-MTA", f"dns; {report.hostname}"),
        ("Source-IP", proofs.ip),
        ("Reported-Domain", dmarc.domain),
        ("Original-Mail-From", f"<{_hidden(proofs.sender, report.secret)}>"),
    ]
    if report.incidents > 1:
        fields.append(("Incidents", str(report.incidents)))
    if not dmarc.dkim and (one := _signature(proofs.signatures, dmarc.domain)):
        fields += [
            ("DKIM-Domain", one.domain),
            ("DKIM-Identity", one.identity or f"@{one.domain}"),
            ("DKIM-Selector", one.selector),
        ]
    if not dmarc.spf and report.spf:
        spf = clipped(report.spf, 500).replace('"', "")
        fields.append(("SPF-DNS", f'txt : {proofs.mailfrom.domain} : "{spf}"'))
    return fields


def _results(report: Report) -> str:
    proofs = report.what.proofs
    dmarc, spf = proofs.dmarc, proofs.mailfrom
    return (
        f"{report.hostname}; dmarc={dmarc.result.value} header.from={dmarc.domain};"
        f" spf={spf.result.value} smtp.mailfrom={spf.domain}"
    )


def _signature(found: Sequence[Signature], domain: str) -> Signature | None:
    """The failed signature that says most: one of the author's domain first."""
    failed = [one for one in found if one.result is not Result.PASS]
    return min(failed, key=lambda one: one.domain != domain, default=None)


def reported(whole: bytes, secret: bytes) -> bytes:
    """Give the reported header, cut at a field, redacted if there is a secret."""
    fields, size = [], 0
    for name, octets in headers.fields(whole):
        size += len(octets)
        if size > HEADER_OCTETS:
            break
        if secret and name not in _KEPT:
            octets = _ADDRESS.sub(lambda m: _redacted(m[1], secret) + b"@", octets)  # noqa: PLW2901 - the same field
        fields.append(_LINE_ENDS.sub(b"\r\n", octets.replace(b"\0", b"")))
    return b"".join(fields)


def _hidden(address: str, secret: bytes) -> str:
    local, at, domain = address.rpartition("@")
    if not (secret and at):
        return address
    return _redacted(local.encode(), secret).decode("ascii") + "@" + domain


def _redacted(local: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, local, sha256).hexdigest()[:16].encode()
