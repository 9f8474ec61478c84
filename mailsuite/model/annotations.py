"""Names of entries of annotations (RFC 5464 §3.2), which are case-insensitive."""

VALUE_OCTETS = 65_536  # of one value, what settings allow at most; ours
ENTRY_OCTETS = 255  # of one name; ours
ENTRY_LEVELS = 20  # of one name; ours
VENDOR_LEVELS = 4  # /shared/vendor/<token>/<what>, RFC 5464 §3.2
SCOPES = frozenset({"private", "shared"})


def canonical(name: str) -> str:
    """Spell a name as it is kept, in lower case.

    A bare scope (``/shared``) passes: one may ask for all below it. Controls are
    refused whole; the RFC's limit of 0x19 is taken for a slip.

    :raises ValueError: no entry is named so, the text says why.
    """
    if len(name) > ENTRY_OCTETS:
        raise ValueError(f"an entry's name has at most {ENTRY_OCTETS} octets")
    if not name.isascii() or not name.isprintable() or "*" in name or "%" in name:
        raise ValueError("an entry's name holds a character that none may hold")
    first, *levels = name.lower().split("/")
    if first or not levels or "" in levels or len(levels) > ENTRY_LEVELS:
        raise ValueError("an entry's name is levels, each after one slash")
    if levels[0] not in SCOPES:
        raise ValueError("an entry's name begins with /private or /shared")
    return name.lower()


def settable(name: str) -> str:
    """As :func:`canonical`, of an entry that can have a value."""
    name = canonical(name)
    levels = name.split("/")[1:]
    least = VENDOR_LEVELS if levels[1:2] == ["vendor"] else 2
    if len(levels) < least:
        raise ValueError(f"this entry's name has at least {least} levels")
    return name
