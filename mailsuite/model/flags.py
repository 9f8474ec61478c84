r"""IMAP flags (RFC 3501 §2.3.2) and the table that interns their sets.

A flag is its wire name: ``\Seen``, ``$Junk``. System flags are spelled as in
:data:`SYSTEM`; keywords keep the case of their first use in a mailbox and are
compared without it. ``\Recent`` is never stored: a view adds it.
"""

from collections.abc import Iterable

Flags = frozenset[str]

SEEN = "\\Seen"
ANSWERED = "\\Answered"
FLAGGED = "\\Flagged"
DELETED = "\\Deleted"
DRAFT = "\\Draft"
RECENT = "\\Recent"
SYSTEM = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)

KEYWORDS_PER_MAILBOX = 1_000
KEYWORD_OCTETS = 100

_CANONICAL = {name.lower(): name for name in (*SYSTEM, RECENT)}


def canonical(name: str) -> str:
    r"""Spell a system flag as RFC 3501 does; leave a keyword as it is."""
    return _CANONICAL.get(name.lower(), name)


def ordered(flags: Iterable[str]) -> list[str]:
    """System flags first, in their fixed order, then keywords by name."""
    wanted = set(flags)
    system = [name for name in SYSTEM if name in wanted]
    return system + sorted(wanted.difference(SYSTEM))


class FlagTable:
    """Interns sets of flags as small numbers ("codes"); it only grows.

    A mailbox's columns hold codes; what is true of a code (its text on the wire,
    whether it contains a flag) is worked out once and not for each message.
    Code 0 is the empty set.
    """

    def __init__(self) -> None:
        self.sets: list[Flags] = []
        self.rendered: list[bytes] = []
        self.recent: list[bytes] = []
        r"""As ``rendered``, with \Recent behind it."""
        self._codes: dict[Flags, int] = {}
        self.code(frozenset())

    def code(self, flags: Flags) -> int:
        """Give the number of this set, a new one if it was never seen."""
        code = self._codes.get(flags)
        if code is None:
            code = self._codes[flags] = len(self.sets)
            self.sets.append(flags)
            names = ordered(flags)
            self.rendered.append(" ".join(names).encode("ascii"))
            self.recent.append(" ".join([*names, RECENT]).encode("ascii"))
        return code
