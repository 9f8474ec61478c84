"""Which messages a message answers or tells of (RFC 5322 §3.6.4)."""

import re
from collections.abc import Sequence

from mailsuite.mime import headers

REFERENCES = 20  # kept in a field: the first, which began it all, and the last ones
IDENTIFIER_OCTETS = 250
_IDENTIFIER = re.compile(rb"<[!-;=?-~]{1,%d}>" % IDENTIFIER_OCTETS)


def identifier(header: bytes) -> str:
    """The message's own identifier in its angle brackets; empty: it has none."""
    found = _IDENTIFIER.search(headers.value(header, b"message-id") or b"")
    return found[0].decode("ascii") if found else ""


def references(header: bytes) -> Sequence[str]:
    """What a message that follows this one refers to, the parent last."""
    known = _IDENTIFIER.findall(headers.value(header, b"references") or b"")
    if not known:
        answered = _IDENTIFIER.findall(headers.value(header, b"in-reply-to") or b"")
        known = answered if len(answered) == 1 else []
    told = [one.decode("ascii") for one in known]
    if own := identifier(header):
        told.append(own)
    if len(told) > REFERENCES:
        told = [told[0], *told[1 - REFERENCES :]]
    return told
