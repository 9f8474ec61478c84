"""Settings of reception."""

from attrs import frozen

from mailsuite.model.settings import setting


@frozen
class Settings:
    """What mail is taken, and from whom."""

    message_octets: int = setting(
        50 * 1024 * 1024, "largest message that is taken", "octets"
    )
    received_fields: int = setting(
        100, "a message with more Received fields loops and is refused"
    )
    relay_networks: tuple[str, ...] = setting(
        (), "networks that may relay without a password, such as 192.0.2.0/24"
    )
    lmtp_wait: float = setting(
        30.0, "how long LMTP waits for the fate of a recipient", "seconds"
    )
