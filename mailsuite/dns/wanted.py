"""The records that a domain of ours needs, composed out of facts; nobody is asked.

MX (RFC 5321), SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989), MTA-STS (RFC 8461),
TLSRPT (RFC 8460), DANE (RFC 7672) and what clients look for (RFC 6186, RFC 8314,
RFC 5804).
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256

from attrs import Factory, frozen

from mailsuite.dns.settings import Published
from mailsuite.interfaces.publishing import Row
from mailsuite.model.errors import UsageError

PREFERENCE = 10  # of our MX
STS_SECONDS = {"testing": 86_400, "enforce": 604_800, "none": 86_400}
"""How long a policy is remembered (RFC 8461 §3.2); short while it is tried."""

SERVICES = {
    "submissions": "submission with TLS",
    "submission": "submission with STARTTLS",
    "imaps": "IMAP with TLS",
    "imap": "IMAP with STARTTLS",
    "pop3s": "POP3 with TLS",
    "pop3": "POP3 with STLS",
    "sieve": "ManageSieve with STARTTLS",
}
"""Services that clients look for, the best first.

RFC 6186, RFC 8314 §5.1; RFC 5804 §1.8 for scripts.
"""


@frozen
class Facts:
    """``keys`` are names and texts of DKIM records; ``ports`` those of
    :data:`SERVICES` that are offered; ``digest`` is SHA-256 of our certificate's
    public key in hexadecimal, empty without one.
    """

    domain: str
    hostname: str
    settings: Published = Factory(Published)
    keys: tuple[tuple[str, str], ...] = ()
    ports: Mapping[str, int] = Factory(dict)
    digest: str = ""


def rows(facts: Facts) -> list[Row]:
    """Give all records, the most important ones first."""
    return [
        *_host(facts),
        *_mail(facts),
        *_proofs(facts),
        *_transport(facts),
        *_clients(facts),
        *_logo(facts),
    ]


def _host(facts: Facts) -> Iterator[Row]:
    for address in facts.settings.addresses:
        kind = "AAAA" if ":" in address else "A"
        yield Row("address", facts.hostname, kind, address, "where this server is")


def _mail(facts: Facts) -> Iterator[Row]:
    value = f"{PREFERENCE} {facts.hostname}."
    yield Row("mx", facts.domain, "MX", value, "mail for the domain comes here")


def _proofs(facts: Facts) -> Iterator[Row]:
    settings, domain = facts.settings, facts.domain
    if settings.spf:
        yield Row("spf", domain, "TXT", settings.spf, "who may send for it (SPF)")
    if facts.hostname != domain:
        why = "this server greets with its name (SPF)"
        yield Row("helo", facts.hostname, "TXT", "v=spf1 a -all", why, required=False)
    for name, record in facts.keys:
        yield Row("dkim", name, "TXT", record, "what we sign with (DKIM)")
    text = f"v=DMARC1; p={settings.dmarc}"
    if settings.dmarc_reports:
        text += f"; rua=mailto:{_address(settings.dmarc_reports, domain)}"
    yield Row("dmarc", f"_dmarc.{domain}", "TXT", text, "what is not proven (DMARC)")


def _transport(facts: Facts) -> Iterator[Row]:
    settings, domain, host = facts.settings, facts.domain, facts.hostname
    policy = sts_policy(facts)
    if policy:
        text = f"v=STSv1; id={sha256(policy.encode()).hexdigest()[:20]}"
        name = f"_mta-sts.{domain}"
        why = "there is an MTA-STS policy"
        yield Row("mta-sts", name, "TXT", text, why, required=False)
        why = "the policy's web server"
        yield Row("cname", f"mta-sts.{domain}", "CNAME", f"{host}.", why, False)
    if settings.tls_reports:
        address = _address(settings.tls_reports, domain)
        text = f"v=TLSRPTv1; rua=mailto:{address}"
        name = f"_smtp._tls.{domain}"
        why = "who is told when TLS fails (TLSRPT)"
        yield Row("tls-rpt", name, "TXT", text, why, required=False)
    if facts.digest:
        why = "our certificate's key (DANE); only in a zone with DNSSEC"
        value = f"3 1 1 {facts.digest}"
        yield Row("tlsa", f"_25._tcp.{host}", "TLSA", value, why, required=False)


def sts_policy(facts: Facts) -> str:
    """Give the MTA-STS policy to be served (RFC 8461 §3.2), or nothing.

    :raises UsageError: there is no such mode.
    """
    mode = facts.settings.mta_sts
    if not mode:
        return ""
    if mode not in STS_SECONDS:
        raise UsageError("records.mta_sts is testing, enforce, none or empty")
    lines = ["version: STSv1", f"mode: {mode}"]
    if mode != "none":
        lines.append(f"mx: {facts.hostname}")
    lines.append(f"max_age: {STS_SECONDS[mode]}")
    return "".join(f"{line}\r\n" for line in lines)


def _clients(facts: Facts) -> Iterator[Row]:
    host = facts.hostname
    for place, (service, words) in enumerate(SERVICES.items()):
        port = facts.ports.get(service, 0)
        # RFC 6186 §3.4: a target of "." says that the service is not offered.
        value = f"{10 * place} 1 {port} {host}." if port else "0 0 0 ."
        why = words if port else f"no {words}"
        name = f"_{service}._tcp.{facts.domain}"
        yield Row("srv", name, "SRV", value, why, required=False)
    if facts.settings.autoconfig:
        for label in ("autoconfig", "autodiscover"):
            name = f"{label}.{facts.domain}"
            why = "clients look for their settings there"
            yield Row("cname", name, "CNAME", f"{host}.", why, required=False)


def _logo(facts: Facts) -> Iterator[Row]:
    settings = facts.settings
    if settings.bimi_logo:
        text = f"v=BIMI1; l={settings.bimi_logo}; a={settings.bimi_evidence}"
        name = f"default._bimi.{facts.domain}"
        yield Row("bimi", name, "TXT", text, "our logo (BIMI)", required=False)


def _address(text: str, domain: str) -> str:
    return text if "@" in text else f"{text}@{domain}"
