"""Section ``[dns]``."""

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
