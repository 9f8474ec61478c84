"""What DNS should say of our domains, and whether all is well: for operators."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import Interface

RIGHT, NOTE, WRONG = "right", "note", "wrong"
"""States of a finding: as it should be; could be better; mail suffers from it."""


@frozen
class Row:
    """One record that should stand in DNS.

    ``name`` has no final dot. ``value`` is the data as a zone file has it, names
    with their final dots; that of TXT is the plain text. ``topic`` says what it is
    for (``mx``, ``spf``, ``dkim``, ...), ``why`` the same for people. Without those
    that are not ``required`` mail works too.
    """

    topic: str
    name: str
    type: str
    value: str
    why: str
    required: bool = True


@frozen
class Finding:
    """One thing that was looked at: what is so, and what to do about it.

    ``state`` is :data:`RIGHT`, :data:`NOTE` or :data:`WRONG`; ``hint`` is empty only
    where it is right.
    """

    subject: str
    state: str
    said: str
    hint: str = ""


class IPublishing(Interface):
    """Records of our domains; each raises UsageError for a domain that is not."""

    async def records(domain: str) -> Sequence[Row]:
        """What should stand in DNS. Asks nobody."""

    async def zone(domain: str) -> str:
        """The same as a piece of a zone file (RFC 1035 §5.1)."""

    async def policy(domain: str) -> str:
        """The MTA-STS policy (RFC 8461 §3.2) to be served; empty: there is none."""

    async def compared(domain: str) -> Sequence[Finding]:
        """What does stand there, beside what should."""


class IDoctor(Interface):
    """Looks after the whole suite."""

    async def examined() -> Sequence[Finding]:
        """Everything that was looked at, within a minute."""
