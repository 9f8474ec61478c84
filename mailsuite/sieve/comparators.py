"""How strings are compared (RFC 4790; RFC 5228 §2.7.3)."""

from collections.abc import Callable

from attrs import frozen

DEFAULT = "i;ascii-casemap"
_CAPITALS = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@frozen
class Comparator:
    """``fold`` gives what is equal for equal strings, of the same length.

    ``order`` gives what sorts as the strings do. ``substrings``: whether
    ``:contains`` and ``:matches`` may use it.
    """

    name: str
    fold: Callable[[str], str]
    order: Callable[[str], object]
    substrings: bool = True


def _octets(text: str) -> str:
    return text


def casemap(text: str) -> str:
    """ASCII letters in lower case, all else as it is (RFC 4790 §9.2)."""
    return text.lower() if text.isascii() else text.translate(_CAPITALS)


def _capitals(text: str) -> bytes:
    """RFC 4790 §9.2.1 orders as though letters were capitals."""
    return casemap(text).encode("utf-8", "surrogateescape").upper()


OCTET = Comparator("i;octet", _octets, lambda text: text.encode("utf-8", "replace"))
CASEMAP = Comparator(DEFAULT, casemap, _capitals)
BUILT_IN = {one.name: one for one in (OCTET, CASEMAP)}
