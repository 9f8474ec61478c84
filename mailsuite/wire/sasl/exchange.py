"""What one authentication exchange is to a door (RFC 4422 §3)."""

from collections.abc import Callable
from typing import Protocol

from attrs import define, field, frozen

from mailsuite.interfaces.directory import IDirectory
from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Password, Principal, Signature, StoredKeys

NAME_OCTETS = 320  # local part 64, "@" and domain 255: RFC 5321 §4.5.3.1
SECRET_OCTETS = 1_024  # RFC 4616 §2 allows more; no password of ours is longer


class ForAnother(PeerError):  # noqa: N818 - what a client asks for
    """It would act for somebody else than the one it proves to be."""

    def __init__(self) -> None:
        super().__init__("Authorization identity not allowed")


@frozen
class Challenge:
    """Send ``octets`` (base64 is the door's business) and step with the answer."""

    octets: bytes = field(repr=False)


@frozen
class Wanted:
    """Go on with the keys of ``name``, whether there is such a user or not."""

    name: str
    digest: str
    go_on: Callable[[StoredKeys], Challenge]


Answer = Challenge | Password | Signature | Principal
"""A challenge, what the directory is to judge, or who it was that acknowledged."""


class Exchange(Protocol):
    """One exchange, from the mechanism's name to a proof."""

    def step(self, response: bytes | None) -> Answer | Wanted:
        """Take the client's next response, decoded; None: no initial response.

        :raises PeerError: it is malformed; the exchange is over.
        """


async def step(
    exchange: Exchange, response: bytes | None, directory: IDirectory
) -> Answer:
    """Take a response; keys that the mechanism wants are looked up.

    :raises PeerError: it is malformed; the exchange is over.
    """
    found = exchange.step(response)
    if isinstance(found, Wanted):
        return found.go_on(await directory.credentials(found.name, found.digest))
    return found


@define(eq=False, repr=False)
class Parting:
    """The server's last words where success cannot carry them (RFC 4422 §3.6).

    They went out as a challenge; the client answers with nothing.
    """

    _principal: Principal

    def step(self, response: bytes | None) -> Principal:
        """Take the empty response."""
        if response:
            raise PeerError("Malformed authentication response")
        return self._principal


def text(octets: bytes, limit: int) -> str:
    """Read a name or secret. :raises PeerError: empty, too long, or no UTF-8."""
    if not octets or len(octets) > limit or b"\0" in octets:
        raise PeerError("Malformed authentication response")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise PeerError("Authentication response is not UTF-8") from None
