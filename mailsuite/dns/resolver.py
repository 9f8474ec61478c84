"""The resolver that everybody asks: cache, coalescing, repetition over servers."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.dns.asking import Asking
from mailsuite.dns.cache import Cache
from mailsuite.dns.findings import Fate, Finding
from mailsuite.dns.ground import Counters, Ground
from mailsuite.dns.kinds import AAAA, MX, PTR, TXT, A, Kind, shown
from mailsuite.dns.names import canonical
from mailsuite.dns.servers import Server, chosen
from mailsuite.dns.settings import DNS
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.resolving import (
    Exchanger,
    IResolver,
    NoAnswer,
    NoSuchName,
    Records,
)
from mailsuite.net.tasks import Tasks


@implementer(IResolver)
@define(eq=False)
class Resolver:
    """Asks ``servers``; those that were silent last."""

    _ground: Ground
    _servers: Sequence[Server]
    _tasks: Tasks = field(factory=Tasks, init=False)
    _asking: Asking = field(init=False)
    _cache: Cache = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        settings = self._ground.settings
        clock = self._ground.reactor.seconds
        self._cache = Cache(clock, settings.cache, settings.cache_octets)
        self._asking = Asking(self._ground, self._servers, self._cache, self._tasks)

    @classmethod
    def of(
        cls, reactor: Any, settings: DNS, events: IEvents | None = None
    ) -> "Resolver":
        """Make one; reads ``/etc/resolv.conf`` if no server is configured.

        :raises UsageError: a server's address is wrong.
        """
        ground = Ground(reactor, settings, events)
        return cls(ground, list(chosen(settings.servers)))

    @property
    def counters(self) -> Counters:
        """How often something happened since the start."""
        return self._ground.counters

    def open(self) -> int:
        """Give the number of questions that are asked just now."""
        return len(self._tasks)

    def remembered(self) -> int:
        """Give the number of answers in the cache."""
        return len(self._cache)

    async def addresses(self, name: str) -> Sequence[str]:
        """Give IPv4 addresses and then IPv6 ones; a literal stands for itself."""
        literal = _literal(name)
        if literal:
            return [literal]
        kinds = (A, AAAA) if self._ground.settings.ipv6 else (A,)
        findings = [self._begin(name, kind) for kind in kinds]
        texts: list[Any] = []
        fates: set[Fate] = set()
        for finding in findings:
            found = await finding if isinstance(finding, Deferred) else finding
            texts.extend(found.values)
            fates.add(found.fate)
        if not texts and Fate.MISSING in fates:
            raise NoSuchName(name)
        if not texts and fates != {Fate.FOUND}:
            raise NoAnswer(name)
        return texts

    async def exchangers(self, domain: str) -> Sequence[Exchanger]:
        """Give MX records, best first."""
        rows: Sequence[Any] = (await self._found(domain, MX)).values
        return sorted(rows, key=_preference)

    async def texts(self, name: str) -> Sequence[bytes]:
        """Give TXT records, the strings of each joined."""
        rows: Sequence[Any] = (await self._found(name, TXT)).values
        return list(rows)

    async def names(self, address: str) -> Sequence[str]:
        """Give the names of an address (PTR).

        :raises ValueError: it is no address.
        """
        name = ip_address(address).reverse_pointer
        rows: Sequence[Any] = (await self._found(name, PTR)).values
        return list(rows)

    async def records(self, name: str, type: str) -> Records:  # noqa: A002
        """Give records of any type as text, with what is left of their TTL."""
        kind = shown(type.upper())
        found = await self._found(name, kind)
        rows: tuple[Any, ...] = found.values
        left = self._cache.left((canonical(name) or "", kind))
        return Records(rows, left, found.secure)

    def reload(self, settings: DNS) -> None:
        """Ask other servers from now on, and forget what these said.

        Questions that are open are answered as before.

        :raises UsageError: a server's address is wrong; nothing has changed.
        """
        servers = list(chosen(settings.servers))
        self._servers = servers
        self._ground = Ground(
            self._ground.reactor, settings, self._ground.events, self.counters
        )
        self._arrange()

    async def stop(self) -> None:
        """Give up every open question."""
        await self._tasks.stop()

    async def _found(self, name: str, kind: Kind) -> Finding:
        begun = self._begin(name, kind)
        found = await begun if isinstance(begun, Deferred) else begun
        if found.fate is Fate.FOUND:
            return found
        if found.fate is Fate.MISSING:
            raise NoSuchName(name)
        raise NoAnswer(name)

    def _begin(self, name: str, kind: Kind) -> Finding | Deferred[Finding]:
        """Give what is known, or what will be; the result is never a failure."""
        counters = self._ground.counters
        counters.questions += 1
        plain = canonical(name)
        if plain is None:
            return Finding(Fate.MISSING)
        question = (plain, kind)
        known = self._cache.get(question)
        if known is None:
            return self._asking.begin(question)
        counters.remembered += 1
        return known


def _preference(one: Exchanger) -> int:
    return one.preference


def _literal(name: str) -> str:
    if not name.startswith("[") and not name[-1:].isdecimal() and ":" not in name:
        return ""
    try:
        return str(
            ip_address(name.removeprefix("[").removesuffix("]").removeprefix("IPv6:"))
        )
    except ValueError:
        return ""
