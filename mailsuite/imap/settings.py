"""Section ``[imap]``."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class IMAP:
    """IMAP4rev1 (RFC 3501) for mail programs.

    Sessions see each other's changes at once, also while they IDLE.
    """

    listen: tuple[str, ...] = setting(
        ("*:143",), "where to listen, with STARTTLS", restart=True
    )
    listen_tls: tuple[str, ...] = setting(
        ("*:993",), "where to listen with TLS from the first octet", restart=True
    )
    connections: int = setting(20_000, "most connections at once; 0: no limit")
    connections_per_host: int = setting(
        500, "most connections of one IPv4 address or IPv6 /64 at once; 0: no limit"
    )
    plaintext_login: bool = setting(
        False, "let passwords be sent without TLS; for tests on loopback"
    )
    message_octets: int = setting(
        52_428_800, "largest message that APPEND takes", "octets"
    )
    login_seconds: float = setting(60.0, "time to log in", "seconds")
    idle_seconds: float = setting(
        2_100.0, "silence before a session ends; RFC 3501 wants 1800", "seconds"
    )
    look_seconds: float = setting(
        30.0, "how often IDLE looks for changes made outside the suite", "seconds"
    )
    login_attempts: int = setting(3, "failed logins before the connection is closed")
    bad_commands: int = setting(
        20, "refused commands, after login in a row, that close the connection"
    )
