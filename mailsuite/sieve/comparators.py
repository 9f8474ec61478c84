"""How strings are compared (RFC 4790; RFC 5228 §2.7.3; RFC 5051)."""

import re
from collections.abc import Callable
from functools import lru_cache
from unicodedata import normalize

from attrs import frozen

from mailsuite.sieve.octets import octets

DEFAULT = "i;ascii-casemap"
_NUMBER = re.compile(r"[0-9]+")
INFINITY = "\u221e"  # what a text without digits is to i;ascii-numeric


@frozen
class Comparator:
    """``fold`` gives what is equal for equal strings, character by character.

    ``order`` gives what sorts as the strings do. ``substrings``: whether
    ``:contains`` and ``:matches`` may use it.
    ``octets``: its characters are octets of UTF-8, which ``?`` stands for, and not
    characters of Unicode (RFC 5228 §2.7.1). ``cost``: how much more a character of
    a text costs than an octet that is only looked at.
    """

    name: str
    fold: Callable[[str], str]
    order: Callable[[str], object]
    substrings: bool = True
    octets: bool = True
    cost: int = 1


def _same(text: str) -> str:
    return text


def casemap(text: str) -> str:
    """ASCII letters in lower case, all else as it is (RFC 4790 §9.2)."""
    if text.isascii():
        return text.lower()
    return (
        text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


def _capitals(text: str) -> bytes:
    """RFC 4790 §9.2.1 orders as though letters were capitals."""
    return octets(text).upper()


def _digits(text: str) -> str:
    """The number a text begins with, without leading zeros (RFC 4790 §9.1)."""
    found = _NUMBER.match(text)
    return (found[0].lstrip("0") or "0") if found else INFINITY


def _magnitude(text: str) -> tuple[float, str]:
    """What orders numbers of any length; what is no number is the largest."""
    digits = _digits(text)
    return (float("inf"), "") if digits == INFINITY else (len(digits), digits)


@lru_cache(4_096)
def _titlecase(character: str) -> str:
    """The simple titlecase mapping, then all decompositions (RFC 5051 §2)."""
    title = character.title()
    return normalize("NFKD", title if len(title) == 1 else character)


def titlecased(text: str) -> str:
    """``titlecased canonicalized`` text, still of characters."""
    return text.upper() if text.isascii() else "".join(map(_titlecase, text))


OCTET = Comparator("i;octet", _same, octets)
CASEMAP = Comparator(DEFAULT, casemap, _capitals)
NUMERIC = Comparator("i;ascii-numeric", _digits, _magnitude, substrings=False)
UNICODE = Comparator(
    "i;unicode-casemap",
    titlecased,
    lambda text: octets(titlecased(text)),
    octets=False,
    cost=20,
)
BUILT_IN = {one.name: one for one in (OCTET, CASEMAP)}
