"""PLAIN (RFC 4616): ``[authzid] NUL authcid NUL passwd`` in one response."""

from attrs import define

from mailsuite.model.errors import PeerError
from mailsuite.model.principals import Password
from mailsuite.wire.sasl.exchange import (
    NAME_OCTETS,
    SECRET_OCTETS,
    Challenge,
    ForAnother,
    text,
)


@define(eq=False, repr=False)
class Plain:
    """Nobody may act for another: an authzid must be empty or the authcid."""

    def step(self, response: bytes | None) -> Challenge | Password:
        """Ask with an empty challenge, or read the one response."""
        if response is None:
            return Challenge(b"")
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise PeerError("Malformed authentication response")
        authzid, authcid, secret = parts
        name = text(authcid, NAME_OCTETS)
        if authzid not in {b"", authcid}:
            raise ForAnother
        return Password(name, text(secret, SECRET_OCTETS))
