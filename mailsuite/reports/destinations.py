"""Who may be sent reports about a domain (RFC 9990 §3.5 and §4, RFC 9991 §5)."""

import re
from collections.abc import Sequence

from attrs import frozen

from mailsuite.dns.names import canonical
from mailsuite.interfaces.resolving import IResolver, NoSuchName
from mailsuite.mailauth import records
from mailsuite.model.address import Address
from mailsuite.model.proofs import Policy
from mailsuite.reports.collect import Published
from mailsuite.reports.texts import domain

DESTINATIONS = 5  # of one domain; RFC 7489 §6.2 asks for two at least
TEXTS = 10  # TXT records of a confirming name that are looked at
LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1

_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")


@frozen
class Destination:
    """An address and the most octets that it takes; 0: any number."""

    address: Address
    octets: int = 0


@frozen
class Chosen:
    """Who gets a report, and in words who does not."""

    destinations: tuple[Destination, ...]
    refused: tuple[str, ...]


def wanted(policy: Policy, tag: str) -> Sequence[str]:
    """Give the URIs of ``rua`` or ``ruf``."""
    return policy.rua if tag == "rua" else policy.ruf


def parsed(uris: Sequence[str]) -> list[Destination]:
    """Give the addresses among URIs, each once."""
    found: dict[Address, Destination] = {}
    for uri in uris:
        one = records.destination(uri)
        if one is None:
            continue
        local, _, name = one.address.rpartition("@")
        host = domain(name)
        if host and len(local) <= LOCAL_OCTETS and _LOCAL.fullmatch(local):
            address = Address(local, host)
            found.setdefault(address, Destination(address, one.octets))
    return list(found.values())


async def chosen(published: Published, tag: str, resolver: IResolver) -> Chosen:
    """Choose the destinations; others' must confirm that they want reports.

    :raises NoAnswer: DNS does not say now; ask again later.
    """
    found: dict[Address, Destination] = {}
    refused: list[str] = []
    policy = published.policy
    for one in parsed(wanted(policy, tag))[:DESTINATIONS]:
        if _own(one.address.domain, published.organizational):
            found.setdefault(one.address, one)
            continue
        confirmed = await _confirmed(policy.domain, one, tag, resolver)
        if not confirmed:
            refused.append(f"{one.address.domain} does not confirm")
        for other in confirmed[:DESTINATIONS]:
            found.setdefault(other.address, other)
    return Chosen(tuple(found.values())[:DESTINATIONS], tuple(refused))


def _own(host: str, organizational: str) -> bool:
    return host == organizational or host.endswith("." + organizational)


async def _confirmed(
    about: str, one: Destination, tag: str, resolver: IResolver
) -> Sequence[Destination]:
    """Ask the destination (RFC 9990 §4): itself, its override, or nothing."""
    host = one.address.domain
    name = canonical(f"{about}._report._dmarc.{host}")
    if name is None:
        return ()
    try:
        texts = await resolver.texts(name)
    except NoSuchName:
        return ()
    answers = [records.parse(about, text) for text in texts[:TEXTS]]
    known = [answer.policy for answer in answers if answer is not None]
    if not known:
        return ()
    overriding = [uri for policy in known for uri in wanted(policy, tag)]
    if not overriding:
        return (one,)
    others = parsed(overriding)
    if any(other.address.domain != host for other in others):
        return ()
    return others
