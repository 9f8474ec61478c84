"""Addresses of peers, and the networks that settings name."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from mailsuite.model.errors import UsageError

ADDRESSES = 10_000
"""Addresses whose plain form is remembered."""

RELAYING = "policy.relay_networks"
EXEMPT = "authentication.exempt"
FORWARDERS = "authentication.forwarders"
"""The settings that name networks."""

Networks = tuple[IPv4Network | IPv6Network, ...]


def networks(key: str, texts: Iterable[str]) -> Networks:
    """Read a setting; ``key`` with its section. :raises UsageError: no network."""
    found: list[IPv4Network | IPv6Network] = []
    for text in texts:
        try:
            found.append(ip_network(text))
        except ValueError as error:
            raise UsageError(f"{key}: {error}") from error
    return tuple(found)


def hosts(key: str, texts: Iterable[str]) -> tuple[Networks, tuple[str, ...]]:
    """Read a setting of networks and domains, and tell them apart.

    :raises UsageError: one is neither.
    """
    found: Networks = ()
    domains: list[str] = []
    for text in texts:
        if "/" in text or ":" in text or text.replace(".", "").isdigit():
            found += networks(key, [text])
        elif not text.strip("."):
            raise UsageError(f"{key}: {text!r} is no host")
        else:
            domains.append(text.lower().rstrip("."))
    return found, tuple(domains)


@lru_cache(ADDRESSES)
def plain(host: str) -> str:
    """An address without its zone, an IPv4-mapped one as IPv4; "" if it is none."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def within(ip: str, those: Networks) -> bool:
    """Whether a plain address lies in one of the networks."""
    if not those or not ip:
        return False
    address = ip_address(ip)
    return any(address in network for network in those)
