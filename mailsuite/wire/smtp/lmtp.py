"""How LMTP differs from SMTP (RFC 2033 §4)."""

from enum import Enum


class Dialect(Enum):
    """Which of the two a session speaks."""

    SMTP = "SMTP"
    LMTP = "LMTP"

    @property
    def greetings(self) -> dict[str, bool]:
        """Commands that say hello, and whether extensions are then spoken.

        RFC 2033 §4.1: HELO and EHLO are not LMTP's, and LHLO is not SMTP's.
        """
        if self is Dialect.LMTP:
            return {"LHLO": True}
        return {"EHLO": True, "HELO": False}

    @property
    def replies_each(self) -> bool:
        """Whether the end of content is answered once a recipient (§4.2)."""
        return self is Dialect.LMTP
