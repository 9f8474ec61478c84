"""Addresses that a script sends mail to or from (RFC 5228 §2.4.2.3)."""

import re

from mailsuite.model.address import Address
from mailsuite.wire.smtp import paths

_PHRASE = re.compile(
    r"""(?:[^\s()<>\[\]:;@\\,"]++\s*+|"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*+)*+""", re.DOTALL
)
ADDRESS_CHARACTERS = 1_000  # more than any address has, with a name before it


def address(text: str) -> Address | None:
    """Read ``local@domain`` or ``name <local@domain>``; None: it is neither.

    Routes, groups and lists are not permitted, nor are line ends.
    """
    text = text.strip()
    if len(text) > ADDRESS_CHARACTERS or not text.isprintable():
        return None
    if text.endswith(">"):
        found = _PHRASE.match(text)
        text = text[found.end() if found else 0 :]
        if text[:1] != "<":
            return None
        text = text[1:-1]
    return None if text[:1] == "@" else paths.address(f"<{text}>")
