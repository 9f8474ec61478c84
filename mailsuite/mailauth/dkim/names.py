"""Domain names and selectors in the form that DNS is asked with (RFC 8616 §5)."""

import re
from functools import lru_cache

import idna

from mailsuite.mailauth.dkim.limits import DOMAIN_OCTETS

REMEMBERED = 1_024  # names; making A-labels of one costs up to 0.5 ms

_LABELS = re.compile(
    r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    r"(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*+\Z"
)


def domain_name(octets: bytes) -> str:
    """Give a domain in A-labels, lower case; empty if it is none.

    It has two labels at least (RFC 6376 §3.5, ``d=``). Underscores pass: some
    domains use them, and no answer of DNS can be mistaken through them.
    """
    name = selector_name(octets)
    return name if "." in name else ""


@lru_cache(REMEMBERED)
def selector_name(octets: bytes) -> str:
    """Give a selector in A-labels, lower case; empty if it is none."""
    if len(octets) > DOMAIN_OCTETS:
        return ""
    try:
        name = octets.decode()
        if not name.isascii():
            name = idna.encode(name, uts46=True).decode()
    except (UnicodeError, idna.IDNAError):
        return ""
    name = name.lower()
    return name if _LABELS.match(name) and len(name) <= DOMAIN_OCTETS else ""
