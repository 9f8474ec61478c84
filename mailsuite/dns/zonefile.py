"""Records as lines of a zone file (RFC 1035 §5.1)."""

import re
from collections.abc import Iterator, Sequence

from mailsuite.interfaces.publishing import Row

STRING_OCTETS = 255  # of one character string in a TXT record, RFC 1035 §3.3

_SPECIAL = re.compile(r'(["\\])')


def data(row: Row) -> str:
    """Give a record's data; that of TXT in quoted strings, none too long."""
    if row.type != "TXT":
        return row.value
    text = row.value or " "
    parts = [text[at : at + STRING_OCTETS] for at in range(0, len(text), STRING_OCTETS)]
    return " ".join('"' + _SPECIAL.sub(r"\\\1", part) + '"' for part in parts)


def line(row: Row) -> str:
    """Give one record with its whole name."""
    return f"{row.name}. IN {row.type} {data(row)}"


def zone(domain: str, ttl: int, rows: Sequence[Row]) -> Iterator[str]:
    """Give the lines of a file to be included in the domain's zone.

    What belongs to another zone, such as the server's own name, is a comment.
    """
    yield f"; What DNS should say of {domain}: include it in the zone."
    yield f"$ORIGIN {domain}."
    yield f"$TTL {ttl}"
    for row in rows:
        yield f"; {row.why}"
        inside = row.name == domain or row.name.endswith(f".{domain}")
        yield line(row) if inside else f"; in another zone: {line(row)}"
