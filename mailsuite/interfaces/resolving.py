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


@frozen
class Records:
    """Records of any type in their presentation form (RFC 1035 §5.1).

    ``secure``: the server vouches for DNSSEC (AD) and is one that we trust to.
    """

    rows: tuple[str, ...]
    ttl: float = 0.0
    secure: bool = False


class IResolver(Interface):
    """Asks the configured servers; answers are cached by their TTL.

    :raises NoSuchName, NoAnswer: from every method. An empty sequence means the
    name exists without such records.
    """

    async def addresses(name: str) -> Sequence[str]:
        """IPv4 and IPv6 addresses, AAAA after A."""

    async def exchangers(domain: str) -> Sequence[Exchanger]:
        """MX records, best first, as they are (no fallback to addresses)."""

    async def texts(name: str) -> Sequence[bytes]:
        """TXT records; the strings of each are joined (RFC 7208 §3.3)."""

    async def names(address: str) -> Sequence[str]:
        """Names of an IP address (PTR), without their final dots, lower case."""

    async def records(name: str, type: str) -> Records:  # noqa: A002 - the RFC's name
        """Records of a type, ``TLSA`` or ``SRV``; not found is an error as above."""
