"""DNS as the suite asks it."""

from collections.abc import Sequence

from attrs import frozen
from zope.interface import Interface


class NoSuchName(Exception):  # noqa: N818 - NXDOMAIN is an answer
    """The name does not exist (NXDOMAIN)."""


class NoAnswer(Exception):  # noqa: N818 - a state of the network
    """No usable answer in time (timeout, SERVFAIL, lame): temporary."""


@frozen
class Exchanger:
    """One MX record (RFC 5321 §5.1); ``host`` is ``.`` for a null MX."""

    preference: int
    host: str


class IResolver(Interface):
    """Asks the configured servers; answers are cached by their TTL.

    :raises NoSuchName, NoAnswer: from every method. An empty sequence means the
    name exists without such records.
    """

    async def addresses(name: str) -> Sequence[str]:
        """IPv4 and IPv6 addresses, AAAA after A."""

    async def exchangers(domain: str) -> Sequence[Exchanger]:
        """MX records, best first, as they are (no fallback to addresses)."""
