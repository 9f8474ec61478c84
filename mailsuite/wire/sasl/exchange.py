"""What one authentication exchange is to a door (RFC 4422 §3)."""

from typing import Protocol

from attrs import field, frozen

from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Password

NAME_OCTETS = 320  # local part 64, "@" and domain 255: RFC 5321 §4.5.3.1
SECRET_OCTETS = 1_024  # RFC 4616 §2 allows more; no password of ours is longer


@frozen
class Challenge:
    """Send ``octets`` (base64 is the door's business) and step with the answer."""

    octets: bytes = field(repr=False)


class Exchange(Protocol):
    """One exchange, from the mechanism's name to a proof."""

    def step(self, response: bytes | None) -> Challenge | Password:
        """Take the client's next response, decoded; None: no initial response.

        :raises PeerError: it is malformed; the exchange is over.
        """


def text(octets: bytes, limit: int) -> str:
    """Read a name or secret. :raises PeerError: empty, too long, or no UTF-8."""
    if not octets or len(octets) > limit or b"\0" in octets:
        raise PeerError("Malformed authentication response")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise PeerError("Authentication response is not UTF-8") from None
