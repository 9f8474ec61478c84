"""Section ``[pop3]``."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class POP3:
    """POP3 (RFC 1939), over the INBOX that IMAP shows.

    Messages leave it only at QUIT; a connection that breaks leaves all mail.
    """

    listen: tuple[str, ...] = setting(
        ("*:110",), "where to listen, with STLS", restart=True
    )
    listen_tls: tuple[str, ...] = setting(
        ("*:995",), "where to listen with TLS from the first octet", restart=True
    )
    connections: int = setting(5_000, "most connections at once; 0: no limit")
    connections_per_host: int = setting(
        100, "most connections of one IPv4 address or IPv6 /64 at once; 0: no limit"
    )
    plaintext_login: bool = setting(
        False, "let passwords be sent without TLS; for tests on loopback"
    )
    exclusive: bool = setting(
        True, "let only one session have a maildrop at a time, as RFC 1939 has it"
    )
    login_seconds: float = setting(60.0, "time to log in", "seconds")
    idle_seconds: float = setting(
        600.0, "silence before a session ends; RFC 1939 wants at least 600", "seconds"
    )
    login_attempts: int = setting(3, "failed logins before the connection is closed")
    bad_commands: int = setting(
        20, "refused commands, after login in a row, that close the connection"
    )
