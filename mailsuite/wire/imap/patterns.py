"""Wildcards of LIST and LSUB (RFC 3501 §6.3.8), in time linear in the name.

All places of the pattern that a name could have reached are bits of one number,
so that no pattern makes the matcher try again.
"""

import re
from collections.abc import Callable

from mailsuite.wire.imap.names import INBOX, SEPARATOR

_RUN = re.compile(r"[*%]{2,}")


def _collapsed(run: "re.Match[str]") -> str:
    return "*" if "*" in run.group() else "%"


def matcher(pattern: str) -> Callable[[str], bool]:
    """A test of names against ``pattern``; INBOX fits in any case."""
    first, slash, rest = pattern.partition(SEPARATOR)
    if slash and first.upper() == INBOX:
        pattern = INBOX + slash + rest
    matches = _compiled(_RUN.sub(_collapsed, pattern))
    inbox = _compiled(_RUN.sub(_collapsed, pattern.upper()))

    def test(name: str) -> bool:
        return matches(name) or (name == INBOX and inbox(name))

    return test


def _compiled(pattern: str) -> Callable[[str], bool]:
    places: dict[str, int] = {}
    for place, letter in enumerate(pattern):
        places[letter] = places.get(letter, 0) | 1 << place
    star, percent = places.pop("*", 0), places.pop("%", 0)
    wild = star | percent
    full = 1 << len(pattern)

    def matches(name: str) -> bool:
        state = 1
        state |= (state & wild) << 1
        for letter in name:
            stay = star if letter == SEPARATOR else wild
            state = (state & places.get(letter, 0)) << 1 | state & stay
            if not state:
                return False
            state |= (state & wild) << 1
        return bool(state & full)

    return matches
