"""Where a domain's mail may go: its exchangers and their addresses.

RFC 5321 §5.1 with RFC 7505 (null MX). What would lead back to ourselves or into
our own network is left out (CWE-918).
"""

import random
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from attrs import define, field, frozen

from mailsuite.interfaces.resolving import Exchanger, IResolver, NoAnswer, NoSuchName
from mailsuite.model.outcomes import Deferred, Failed
from mailsuite.relay import classify
from mailsuite.relay.routes import Route

HOSTS = 16  # exchangers tried of one domain
ADDRESSES = 8  # of one host


class Unroutable(Exception):  # noqa: N818 - an outcome, no error of ours
    """There is no host to try; ``outcome`` says whether for now or for ever."""

    def __init__(self, outcome: Deferred | Failed) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


@frozen
class Target:
    """One address of one exchanger."""

    host: str
    address: str
    port: int


@define(eq=False)
class Candidates:
    """``own`` are the names this server greets with, in lower case."""

    _resolver: IResolver
    _own: frozenset[str]
    _allow_private: bool = False
    _random: random.Random = field(factory=random.SystemRandom)

    async def hosts(self, route: Route) -> Sequence[str]:
        """Give the hosts to try, best first; equal ones in random order.

        :raises Unroutable: there is none.
        """
        literal = _literal(route.host)
        if literal:
            return [literal]
        if not route.exchangers:
            return [route.host]
        try:
            found = await self._resolver.exchangers(route.host)
        except NoSuchName as error:
            raise Unroutable(
                Failed(classify.NO_SUCH_DOMAIN, f"there is no domain {route.host}")
            ) from error
        except NoAnswer as error:
            raise Unroutable(_silent(route.host)) from error
        return self._chosen(found, route) if found else [route.host]

    def _chosen(self, found: Sequence[Exchanger], route: Route) -> Sequence[str]:
        if all(one.host in {"", "."} for one in found):
            raise Unroutable(
                Failed(classify.NULL_MX, f"556 {route.host} accepts no mail (null MX)")
            )
        ours = [one.preference for one in found if one.host.lower() in self._own]
        if ours:
            found = [one for one in found if one.preference < min(ours)]
        if not found:
            raise Unroutable(
                Failed(classify.LOOP, f"mail for {route.host} loops back to us")
            )
        mixed = sorted(
            (one for one in found if one.host not in {"", "."}),
            key=lambda one: (one.preference, self._random.random()),
        )
        return [one.host for one in mixed[:HOSTS]]

    async def targets(self, host: str, route: Route) -> Sequence[Target]:
        """Give a host's addresses. :raises Unroutable: there is none to try."""
        try:
            found = [host] if _literal(host) else await self._resolver.addresses(host)
        except NoSuchName as error:
            raise Unroutable(
                Failed(classify.NO_ROUTE, f"there is no host {host}")
            ) from error
        except NoAnswer as error:
            raise Unroutable(_silent(host)) from error
        if not found:
            raise Unroutable(Failed(classify.NO_ROUTE, f"{host} has no address"))
        if not (self._allow_private or route.configured):
            found = [address for address in found if public(address)]
        if not found:
            raise Unroutable(
                Failed(
                    classify.NO_ROUTE, f"{host} has no address on the public network"
                )
            )
        return [Target(host, address, route.port) for address in found[:ADDRESSES]]


def public(address: str) -> bool:
    """Whether an address may be that of a stranger's server."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed.sixtofour or parsed
    return parsed.is_global and not parsed.is_multicast


def _literal(host: str) -> str:
    text = host.removeprefix("[").removesuffix("]")
    text = text[5:] if text.lower().startswith("ipv6:") else text
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def _silent(name: str) -> Deferred:
    return Deferred(classify.NO_NAMES, f"the name servers gave no answer for {name}")
