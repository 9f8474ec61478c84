"""LOGIN: name and password in two responses.

It has no RFC; the challenges are those that deployed clients compare with.
"""

from attrs import define

from mailsuite.model.principals import Password
from mailsuite.wire.sasl.exchange import NAME_OCTETS, SECRET_OCTETS, Challenge, text


@define(eq=False, repr=False)
class Login:
    """The name may come as initial response, as many clients send it."""

    _name: str = ""

    def step(self, response: bytes | None) -> Challenge | Password:
        """Ask for the name, then the password, then give both."""
        if response is None:
            return Challenge(b"Username:")
        if not self._name:
            self._name = text(response, NAME_OCTETS)
            return Challenge(b"Password:")
        return Password(self._name, text(response, SECRET_OCTETS))
