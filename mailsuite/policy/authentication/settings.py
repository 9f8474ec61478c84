"""Section ``[authentication]``: who really sent a message, and what follows."""

from attrs import fields, frozen

from mailsuite.model.errors import UsageError
from mailsuite.model.settings import setting
from mailsuite.policy.networks import EXEMPT, FORWARDERS, hosts, networks

MEASURES = ("ignore", "tag", "quarantine", "reject")
"""What may be done about a finding, from the mildest to the hardest."""
TEMPORARY = ("accept", "defer")
WALKED, LISTED = "treewalk", "psl"
"""How organizational domains are found: RFC 9989 §4.10, RFC 7489 §3.2."""
NO_LOGO, PLACE, LOGO = "off", "record", "logo"
"""What is done about the logos of authors' domains (BIMI)."""

CHOICES: dict[str, tuple[str, ...]] = {
    "dmarc": MEASURES,
    "spf_fail": MEASURES,
    "several_from": MEASURES,
    "missing_from": MEASURES,
    "temporary": TEMPORARY,
}
"""What may stand at a key that a domain may have of its own."""


@frozen
class Authentication:
    """Who really sent a message: SPF, DKIM, ARC and DMARC of mail from outside.

    The findings stand in Authentication-Results. The keys dmarc, spf_fail,
    several_from, missing_from, temporary and dry_run may stand in a domain's own file
    too, under [authentication], for mail to that domain. Measures are ignore, tag (the
    header only), quarantine (into Junk) and reject (550).
    """

    enabled: bool = setting(default=True, meaning="judge mail from other servers")
    lmtp: bool = setting(
        default=False,
        meaning="judge what comes over LMTP too, without SPF; its peer is usually a "
        "server that did so already",
    )
    exempt: tuple[str, ...] = setting(
        (),
        "networks whose mail is not judged, such as 192.0.2.0/24, beside those of "
        "[policy] relay_networks",
    )
    authserv_id: str = setting(
        "", "our name in Authentication-Results; empty: that of the server"
    )
    dmarc: str = setting(
        "quarantine",
        "the hardest measure for mail that fails the DMARC policy of its author's "
        "domain; reject does what each domain asks for",
    )
    organizational: str = setting(
        WALKED,
        "how the owner of a domain is found for DMARC: treewalk asks DNS (RFC 9989), "
        "psl looks into the public suffix list (RFC 7489)",
        restart=True,
    )
    bimi: str = setting(
        NO_LOGO,
        "the logo of authors' domains after a DMARC pass: off; record: its place is "
        "told in Authentication-Results; logo: it is fetched and put into the message",
    )
    spf_fail: str = setting(
        "tag",
        "the measure for mail from a host that SPF forbids, when DMARC does not "
        "prove it otherwise",
    )
    several_from: str = setting(
        "quarantine",
        "the measure for mail with several From fields; readers show different ones",
    )
    missing_from: str = setting(
        "tag", "the measure for mail without From, or whose From names nobody"
    )
    spf_pointers: bool = setting(
        default=False,
        meaning="look up what SPF policies say with ptr and %{p}, which costs many "
        "questions (RFC 7208 §5.5 advises against both)",
    )
    temporary: str = setting(
        "accept",
        "what is done when DNS fails and a verdict depends on it: accept (marked), or "
        "defer (451, the sender tries again)",
    )
    dry_run: bool = setting(
        default=False, meaning="only say in the log what would have been done"
    )
    forwarders: tuple[str, ...] = setting(
        (),
        "hosts that forward mail of others to us, whose failures are excused: "
        "networks, or domains that their addresses lead to and back (iprev)",
    )
    lists: tuple[str, ...] = setting(
        (),
        "ids of mailing lists (List-Id) whose failures are excused if SPF or DKIM "
        "proves the list's domain; .example.org means all below it",
    )
    sealers: tuple[str, ...] = setting(
        (),
        "domains whose ARC seals are believed: a failure is excused if they saw "
        "DMARC pass",
    )
    replays: int = setting(
        500,
        "copies of one signed message an hour that SPF does not support; further "
        "ones do not count as signed. 0: any number",
    )
    seconds: float = setting(
        20.0, "how long DNS may take for one message altogether", "seconds"
    )
    queries: int = setting(60, "DNS questions asked for one message")
    cache: int = setting(10_000, "findings about senders that are remembered")
    cache_seconds: float = setting(60.0, "how long they are", "seconds")

    def __attrs_post_init__(self) -> None:
        for key, choices in CHOICES.items():
            checked(key, getattr(self, key), choices)
        checked("organizational", self.organizational, (WALKED, LISTED))
        checked("bimi", self.bimi, (NO_LOGO, PLACE, LOGO))
        networks(EXEMPT, self.exempt)
        hosts(FORWARDERS, self.forwarders)


def checked(key: str, value: object, choices: tuple[str, ...]) -> None:
    """Compare with what may stand there. :raises UsageError: it may not."""
    if value not in choices:
        raise UsageError(f"{key!r} is one of {', '.join(choices)}, not {value!r}")


DOMAIN_KEYS = {
    one.name: one.type
    for one in fields(Authentication)
    if one.name in CHOICES or one.name == "dry_run"
}
"""Keys that a domain's own file may set, and their types."""
