"""A mailbox address as the envelope carries it (RFC 5321 §2.3.11)."""

import re

from attrs import field
from typing_extensions import override

from mailsuite.model.values import value

_ATOMS = re.compile(
    r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"]+(?:\.[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"]+)*"
)


def _lower(text: str) -> str:
    return text.lower()


@value
class Address:
    """``local`` part, unquoted, and ``domain``, in lower case.

    The null reverse-path is no address: it is ``None`` wherever a sender is
    optional. ``domain`` is an A-label or U-label domain, an address literal with
    its brackets, or empty for the bare ``postmaster`` of RFC 5321 §4.5.1.
    """

    local: str
    domain: str = field(converter=_lower)

    @override
    def __str__(self) -> str:
        """In the form of RFC 5321: the local part is quoted where it must be."""
        local = self.local
        if not (local.isalnum() or _ATOMS.fullmatch(local)):
            local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local

    @property
    def ascii(self) -> bool:
        """Whether it needs no SMTPUTF8 (RFC 6531) to be sent."""
        return self.local.isascii() and self.domain.isascii()
