"""Section ``[managesieve]``."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class ManageSieve:
    """ManageSieve (RFC 5804): mail clients put Sieve scripts here."""

    listen: tuple[str, ...] = setting(
        ("*:4190",), "where to listen, with STARTTLS", restart=True
    )
    connections: int = setting(1_000, "most connections at once; 0: no limit")
    connections_per_host: int = setting(
        20, "most connections of one IPv4 address or IPv6 /64 at once; 0: no limit"
    )
    plaintext_login: bool = setting(
        False, "let passwords be sent without TLS; for tests on loopback"
    )
    login_seconds: float = setting(60.0, "time to log in", "seconds")
    idle_seconds: float = setting(
        1_800.0, "silence before a session ends; RFC 5804 §1.2: 30 minutes", "seconds"
    )
    login_attempts: int = setting(3, "failed logins before the connection is closed")
    bad_commands: int = setting(
        20, "refused commands in a row that close the connection"
    )
