"""Section ``[relay]``."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Relay:
    """How mail leaves for other servers.

    A route sends a domain's mail to a named host instead of its MX:
    ``"example.org [mx.inside]:25"`` or, for everything that has no other route,
    ``"* smtp.example.net:587 user=me password=file:/etc/mailsuite/secret"``.
    ``.example.org`` stands for the domain and all below it. Brackets mean: the
    host's addresses, not its MX. Port 465 means TLS from the first octet. Options
    are ``user=``, ``password=`` (the secret itself, ``file:PATH`` or
    ``env:NAME``) and ``tls=`` (``none``, ``may``, ``required``, ``verify``;
    ``verify`` where there is a user, else the setting ``tls``).
    """

    routes: tuple[str, ...] = setting((), "routes, the most specific one counts")
    tls: str = setting(
        "may", "none, may: encrypt where offered, or required: never send in plain"
    )
    port: int = setting(25, "port of every MX")
    allow_private: bool = setting(
        default=False,
        meaning="connect to an MX on loopback and private addresses too",
    )
    per_destination: int = setting(10, "connections to one destination at once")
    connections: int = setting(200, "connections to all destinations at once")
    messages: int = setting(100, "messages over one connection")
    recipients: int = setting(100, "recipients in one transaction")
    idle_seconds: float = setting(10.0, "how long a connection is kept", "seconds")
    connect_seconds: float = setting(30.0, "to connect to one address", "seconds")
    reply_seconds: float = setting(
        300.0, "for the greeting or a reply (RFC 5321 §4.5.3.2)", "seconds"
    )
    block_seconds: float = setting(180.0, "for a block of the message", "seconds")
    end_seconds: float = setting(
        600.0, "for the reply to the whole message; less risks duplicates", "seconds"
    )
    tls_seconds: float = setting(60.0, "for a TLS handshake", "seconds")
    total_seconds: float = setting(
        1800.0, "for one message over one connection, whatever it does", "seconds"
    )
