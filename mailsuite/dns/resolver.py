"""The resolver that everybody asks: cache, coalescing, repetition over servers."""

import secrets
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from attrs import define, field
from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.dns.cache import Cache
from mailsuite.dns.exchange import Exchange
from mailsuite.dns.questions import (
    CHAIN,
    FAILED,
    Fate,
    Finding,
    Question,
    canonical,
    read,
)
from mailsuite.dns.servers import Server, chosen
from mailsuite.dns.settings import DNS
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
    """``servers`` are asked in turn, beginning with the last that answered."""

    _reactor: Any
    _settings: DNS
    _servers: list[Server]
    _cache: Cache = field(init=False)
    _exchange: Exchange = field(init=False)
    _asked: dict[Question, list[Deferred[Finding]]] = field(factory=dict, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    def __attrs_post_init__(self) -> None:
        self._cache = Cache(self._reactor.seconds, self._settings.cache)
        self._exchange = Exchange(self._reactor)

    @classmethod
    def of(cls, reactor: Any, settings: DNS) -> "Resolver":
        """Make one; reads ``/etc/resolv.conf`` if no server is configured.

        :raises UsageError: a server's address is wrong.
        """
        return cls(reactor, settings, list(chosen(settings.servers)))

    async def addresses(self, name: str) -> Sequence[str]:
        """Give IPv4 addresses and then IPv6 ones; a literal stands for itself."""
        literal = _literal(name)
        if literal:
            return [literal]
        four = self._ask(_question(name, RdataType.A))
        six = (
            self._ask(_question(name, RdataType.AAAA)) if self._settings.ipv6 else None
        )
        findings = [await four] + ([await six] if six is not None else [])
        texts = [record.to_text() for found in findings for record in found.records]
        fates = {found.fate for found in findings}
        if not texts and Fate.MISSING in fates:
            raise NoSuchName(name)
        if not texts and Fate.FAILED in fates:
            raise NoAnswer(name)
        return texts

    async def exchangers(self, domain: str) -> Sequence[Exchanger]:
        """Give MX records, best first."""
        rows: tuple[Any, ...] = (await self._found(domain, RdataType.MX)).records
        exchangers = [Exchanger(row.preference, _host(row.exchange)) for row in rows]
        return sorted(exchangers, key=lambda one: one.preference)

    async def texts(self, name: str) -> Sequence[bytes]:
        """Give TXT records, the strings of each joined."""
        rows: tuple[Any, ...] = (await self._found(name, RdataType.TXT)).records
        return [b"".join(row.strings) for row in rows]

    async def names(self, address: str) -> Sequence[str]:
        """Give the names of an address (PTR)."""
        name = ip_address(address).reverse_pointer
        rows: tuple[Any, ...] = (await self._found(name, RdataType.PTR)).records
        return [_host(row.target) for row in rows]

    async def records(self, name: str, type: str) -> Records:  # noqa: A002
        """Give records of any type as text."""
        found = await self._found(name, RdataType.make(type.upper()))
        return Records(tuple(row.to_text() for row in found.records), found.ttl)

    async def _found(self, name: str, type: RdataType) -> Finding:  # noqa: A002
        found = await self._ask(_question(name, type))
        if found.fate is Fate.MISSING:
            raise NoSuchName(name)
        if found.fate is not Fate.FOUND:
            raise NoAnswer(name)
        return found

    def reload(self, settings: DNS) -> None:
        """Ask other servers from now on, and forget what these said.

        :raises UsageError: a server's address is wrong; nothing has changed.
        """
        self._servers = list(chosen(settings.servers))
        self._settings = settings
        self._cache = Cache(self._reactor.seconds, settings.cache)

    async def stop(self) -> None:
        """Give up every open question."""
        await self._tasks.stop()

    def _ask(self, question: Question) -> Deferred[Finding]:
        """Ask once for all who want to know; the result is never a failure."""
        result: Deferred[Finding] = Deferred()
        known = self._cache.get(question)
        if known is not None:
            result.callback(known)
            return result
        waiting = self._asked.get(question)
        if waiting is not None:
            waiting.append(result)
            return result
        self._asked[question] = [result]
        self._tasks.launch(f"DNS query for {question.name}", self._answer(question))
        return result

    async def _answer(self, question: Question) -> None:
        finding = FAILED
        try:
            finding = await self._chase(question)
            self._cache.put(question, finding)
        finally:
            for waiting in self._asked.pop(question):
                if not waiting.called:
                    waiting.callback(finding)

    async def _chase(self, question: Question) -> Finding:
        """Ask for the name, and for where a CNAME leads outside of its answer."""
        deadline = self._reactor.seconds() + self._settings.total_seconds
        ttl = float("inf")
        asked = question
        for _ in range(CHAIN):
            finding = await self._everywhere(asked, deadline)
            ttl = min(ttl, finding.ttl)
            if not finding.onward:
                return Finding(finding.fate, finding.records, ttl)
            asked = Question(finding.onward, question.type)
        return FAILED

    async def _everywhere(self, question: Question, deadline: float) -> Finding:
        for _ in range(max(1, self._settings.rounds)):
            for server in tuple(self._servers):
                left = deadline - self._reactor.seconds()
                if left <= 0:
                    return FAILED
                finding = await self._one(
                    server, question, min(left, self._settings.seconds)
                )
                if finding.fate in {Fate.FOUND, Fate.MISSING}:
                    return finding
                if server in self._servers:
                    self._servers.remove(server)
                    self._servers.append(server)
        return FAILED

    async def _one(self, server: Server, question: Question, seconds: float) -> Finding:
        id_ = secrets.randbelow(0x10000)
        query = question.query(id_)

        def judge(octets: bytes) -> Finding | None:
            return read(octets, question, id_)

        finding = await self._exchange.udp(server, query, judge, seconds)
        if finding.fate is Fate.TRUNCATED:
            finding = await self._exchange.tcp(server, query, judge, seconds)
        return finding


def _question(name: str, type: RdataType) -> Question:  # noqa: A002
    plain = canonical(name)
    if plain is None:
        raise NoSuchName(name)
    return Question(plain, type)


def _host(name: Any) -> str:
    text: str = name.to_text(omit_final_dot=True)
    return text.lower()


def _literal(name: str) -> str:
    try:
        return str(
            ip_address(name.removeprefix("[").removesuffix("]").removeprefix("IPv6:"))
        )
    except ValueError:
        return ""
