"""Settings of the three doors."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Sessions:
    """What every SMTP or LMTP session keeps to."""

    connections: int = setting(2_000, "most connections at once; 0: no limit")
    connections_per_host: int = setting(
        100, "most connections of one IPv4 address or IPv6 /64; 0: no limit"
    )
    recipients: int = setting(1_000, "most recipients of one message, at least 100")
    errors: int = setting(50, "refused commands until a session is closed")
    idle_seconds: float = setting(
        300.0, "silence until a session is closed (RFC 5321 §4.5.3.2.7)", "seconds"
    )
    transaction_seconds: float = setting(
        1_800.0, "longest time from MAIL to the end of the message", "seconds"
    )
    session_seconds: float = setting(
        7_200.0, "age at which a session is closed after its message", "seconds"
    )


@frozen
class SMTP(Sessions):
    """Mail from other servers, port 25."""

    listen: tuple[str, ...] = setting(("*:25",), "addresses and ports", restart=True)
    auth: bool = setting(False, "offer AUTH inside TLS on this port too")


@frozen
class Submission(Sessions):
    """Mail from our own users, ports 587 (STARTTLS) and 465 (TLS at once)."""

    listen: tuple[str, ...] = setting(
        ("*:587",), "addresses and ports with STARTTLS", restart=True
    )
    listen_tls: tuple[str, ...] = setting(
        ("*:465",), "addresses and ports with TLS from the start", restart=True
    )
    auth_attempts: int = setting(3, "failed logins until a session is closed")
    clear_auth_on_loopback: bool = setting(
        False, "clients on this machine may log in without TLS (demonstrations)"
    )


@frozen
class LMTP(Sessions):
    """Mail from local programs; whoever can connect is trusted to deliver."""

    listen: tuple[str, ...] = setting(
        (), "unix:/path of a socket (mode 0660), or a loopback port", restart=True
    )
