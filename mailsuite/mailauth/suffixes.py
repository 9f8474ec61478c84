"""Organizational domains by the public suffix list (RFC 7489 §3.2).

The snapshot that the package publicsuffixlist brings. For operators who do not
want the tree walk of RFC 9989; who wants it loads it at start, because reading
takes longer than one turn of the reactor may.
"""

from functools import cache

from attrs import frozen
from publicsuffixlist import PublicSuffixList


@frozen(eq=False, repr=False)
class Suffixes:
    """The list, in memory."""

    _list: PublicSuffixList

    def organizational(self, domain: str) -> str:
        """Give the domain that was registered; a public suffix stands for itself.

        ``domain`` is in lower-case A-labels.
        """
        return self._list.privatesuffix(domain) or domain

    def public(self, domain: str) -> bool:
        """Whether anybody may register below it."""
        return bool(self._list.is_public(domain))


@cache
def bundled() -> Suffixes:
    """Read the package's list, once: about 100 milliseconds."""
    return Suffixes(PublicSuffixList(only_icann=False))
