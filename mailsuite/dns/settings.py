"""Sections ``[dns]`` and ``[records]``."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class DNS:
    """Whom we ask for names. The servers must be recursive ones that you trust."""

    servers: tuple[str, ...] = setting(
        (),
        "addresses of servers, with a port if it is not 53 (127.0.0.1:5353, "
        "[::1]:5353); empty: those of /etc/resolv.conf",
    )
    seconds: float = setting(3.0, "how long one server is waited for", "seconds")
    total_seconds: float = setting(
        20.0, "how long a question may take with all its repetitions", "seconds"
    )
    rounds: int = setting(3, "how often a silent server is asked")
    cache: int = setting(20_000, "answers remembered", "answers")
    cache_octets: int = setting(
        32 << 20, "memory for them; the least used are forgotten", "octets"
    )
    questions: int = setting(
        5_000, "waiting for answers at once; more get a temporary failure", "questions"
    )
    ipv6: bool = setting(default=True, meaning="ask for IPv6 addresses too")
    trust_ad: bool = setting(
        default=False,
        meaning="believe servers that are not on this machine when they say that "
        "DNSSEC proved an answer; only if nobody can alter what they send us",
    )
    mixed_case: bool = setting(
        default=False,
        meaning="write names in random case, which answers must repeat: harder to "
        "forge, but a few servers answer in lower case and then fail",
    )


@frozen
class Published:
    """What DNS should say of our domains; "mailsuite dns records" writes it down.

    A report's address without a domain is a local part of the domain itself.
    """

    addresses: tuple[str, ...] = setting(
        (), "public addresses of this server; empty: what its name leads to"
    )
    ttl: int = setting(3_600, "how long others may remember our records", "seconds")
    spf: str = setting("v=spf1 mx -all", "who may send for our domains (RFC 7208)")
    dmarc: str = setting(
        "none",
        "what others should do with mail that is not proven ours: none, quarantine "
        "or reject; look at reports before you ask for more than none",
    )
    dmarc_reports: str = setting(
        "dmarc-reports", "who gets aggregate reports; empty: nobody"
    )
    tls_reports: str = setting(
        "tls-reports", "who gets reports about TLS (RFC 8460); empty: nobody"
    )
    mta_sts: str = setting(
        "testing",
        "mode of the MTA-STS policy (RFC 8461): testing, enforce, none, or empty: no "
        "policy; a web server at mta-sts.DOMAIN has to serve it",
    )
    autoconfig: bool = setting(
        default=True, meaning="names by which clients look for their settings"
    )
    bimi_logo: str = setting("", "https place of our logo, SVG Tiny PS; empty: none")
    bimi_evidence: str = setting("", "https place of its mark certificate")
