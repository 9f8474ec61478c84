"""Whose name a message of ours is signed with.

Ours is what an authenticated user submitted and what the suite wrote itself. What
passes through is never signed, whatever its From says: a stranger's message that
names a domain of ours must not leave us with a proof.
"""

from collections.abc import Sequence

from mailsuite.mailauth import author
from mailsuite.mailauth.labels import ascii_name
from mailsuite.mime import addresses, headers
from mailsuite.model.envelope import Marks

USER, ROLE = "user", "role"
"""Marks of the envelope: who authenticated, and by which door it came in."""
JUDGED = "arc"
"""Mark of mail that reception judged, and rid of what others wrote in our name."""


def own(marks: Marks) -> bool:
    """Whether the message is ours: a user's, or written by the suite itself.

    What came in by a door has a role; without a user a stranger sent it.
    """
    return USER in marks or ROLE not in marks


def domains(header: bytes, sender: str) -> Sequence[str]:
    """Give the domains that may answer for the message, the best first.

    ``sender`` is the domain of the reverse-path, which reception has checked. A From
    that readers may read differently counts only as far as it names that one too.
    """
    said = author.read(header)
    if said.fields > 1:
        return ()
    path = ascii_name(sender) if sender else None
    named: Sequence[str] = said.domains
    if not _plain(header, named, known=bool(said.addresses)):
        named = [one for one in named if one == path]
    return [*dict.fromkeys([*named, *([path] if path else [])])]


def _plain(header: bytes, named: Sequence[str], *, known: bool) -> bool:
    """Whether a tolerant reader finds the same domains as a strict one."""
    value = headers.value(header, b"from")
    if not known or value is None:
        return False
    seen = {ascii_name(one.domain) for one in addresses.parse(value)}
    return seen == set(named)
