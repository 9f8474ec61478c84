"""How LMTP differs from SMTP (RFC 2033 §4)."""

from enum import Enum


class Dialect(Enum):
    """Which of the two a session speaks."""

    SMTP = "SMTP"
    LMTP = "LMTP"

    greetings: dict[str, bool]
    """Commands that say hello, and whether extensions are then spoken.

    RFC 2033 §4.1: HELO and EHLO are not LMTP's, and LHLO is not SMTP's.
    """
    replies_each: bool
    """Whether the end of content is answered once a recipient (§4.2)."""

    def __init__(self, name: str) -> None:
        lmtp = name == "LMTP"
        self.greetings = {"LHLO": True} if lmtp else {"EHLO": True, "HELO": False}
        self.replies_each = lmtp
