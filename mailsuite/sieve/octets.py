"""Strings as the octets that they are (RFC 5228 §2.4.2, §2.4.2.4, §2.7.2).

``${hex:...}`` may bring octets that are no UTF-8. In a string of ours such an octet is
a lone surrogate (U+DC80 to U+DCFF, as ``surrogateescape`` has it). Keys, sources and
variables hold them; whatever else a string is for gets :func:`plain` text.
"""

_ESCAPED = "surrogateescape"


def octets(text: str) -> bytes:
    """What a string is in octets."""
    try:
        return text.encode("utf-8", _ESCAPED)
    except UnicodeEncodeError:  # a surrogate of another kind: odd charsets have them
        return text.encode("utf-8", "surrogatepass")


def text(raw: bytes) -> str:
    """The string of these octets."""
    return raw.decode("utf-8", _ESCAPED)


def odd(text: str) -> bool:
    """Whether there are octets in it that are no UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def settled(joined: str) -> str:
    """Octets that have come together to make characters, as these."""
    return text(octets(joined)) if odd(joined) else joined


def plain(text: str) -> str:
    """Text that may leave the language: U+FFFD stands for what is no UTF-8."""
    return octets(text).decode("utf-8", "replace") if odd(text) else text


def wide(text: str) -> str:
    """A character for each octet."""
    return text if text.isascii() else octets(text).decode("latin-1")


def narrow(wide: str) -> str:
    """The string again of which :func:`wide` made characters, or of a part of it."""
    return wide if wide.isascii() else text(wide.encode("latin-1"))
