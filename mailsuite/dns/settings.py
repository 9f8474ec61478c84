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
    rounds: int = setting(3, "how often every server is asked")
    cache: int = setting(20_000, "answers remembered", "answers")
    ipv6: bool = setting(default=True, meaning="ask for IPv6 addresses too")
