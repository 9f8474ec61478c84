"""The whole examination: everything side by side, within a minute."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from attrs import define, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.defer import TimeoutError as Late
from zope.interface import implementer

from mailsuite.dns.comparing import server
from mailsuite.house.doctor import machine, network
from mailsuite.house.paths import Places
from mailsuite.house.publishing import Publishing
from mailsuite.house.tree import Tree
from mailsuite.interfaces.directory import IDirectoryAdmin
from mailsuite.interfaces.publishing import (
    NOTE,
    RIGHT,
    WRONG,
    Finding,
    IDoctor,
)
from mailsuite.interfaces.resolving import IResolver
from mailsuite.net.probe import Probe

SECONDS = 40.0
"""After which one part of the examination is given up."""
DOMAINS = 50
"""Of ours that are looked at; the others have ``mailsuite dns check``."""

Findings = Coroutine[Deferred[Any], Any, Sequence[Finding]]


@frozen(eq=False)
class Practice:
    """What a doctor works with."""

    reactor: Any
    wall: Callable[[], float]
    places: Places
    resolver: IResolver
    admin: IDirectoryAdmin
    publishing: Publishing


@implementer(IDoctor)
@define(eq=False, repr=False)
class Doctor:
    """``tree`` has absolute paths; a reload puts a new one here."""

    tree: Tree
    _practice: Practice
    _seconds: float = SECONDS

    @property
    def publishing(self) -> Publishing:
        """Who knows the records of our domains."""
        return self._practice.publishing

    def rearrange(self, tree: Tree) -> None:
        """Use other settings."""
        self.tree = self.publishing.tree = tree

    async def examined(self) -> Sequence[Finding]:
        """Look at everything."""
        parts: Sequence[tuple[str, Findings]] = (
            ("machine", self._machine()),
            ("ports", self._ports()),
            ("port 25 outwards", self._outwards()),
            ("names", self._names()),
            ("domains", self._domains()),
        )
        works = [self._bounded(what, work) for what, work in parts]
        found = await gatherResults(works, consumeErrors=True)
        return [one for part in found for one in part]

    def _bounded(self, what: str, work: Findings) -> Deferred[Sequence[Finding]]:
        begun: Deferred[Sequence[Finding]] = Deferred.fromCoroutine(work)
        limited = begun.addTimeout(self._seconds, self._practice.reactor)

        def late(failure: Any) -> Sequence[Finding]:
            failure.trap(Late)
            hint = "something does not answer: look at network and DNS"
            return [Finding(what, WRONG, f"took more than {self._seconds:g} s", hint)]

        return limited.addErrback(late)

    async def _machine(self) -> Sequence[Finding]:
        tree, practice = self.tree, self._practice
        return [
            *machine.folders(tree, practice.places),
            *machine.disk(practice.places, tree.queue.min_free),
            machine.clock(practice.places, practice.wall),
            machine.certificates(tree, practice.wall),
        ]

    async def _ports(self) -> Sequence[Finding]:
        probe = Probe(self._practice.reactor, self.tree.doctor.seconds)
        doors = network.doors(self.tree, self._practice.places)
        return await self._together([network.listening(probe, one) for one in doors])

    async def _together(self, works: Sequence[Awaitable[Finding]]) -> Sequence[Finding]:
        begun = [Deferred.fromCoroutine(_one(work)) for work in works]
        return await gatherResults(begun, consumeErrors=True)

    async def _outwards(self) -> Sequence[Finding]:
        settings = self.tree.doctor
        if not settings.outbound:
            return ()
        probe = Probe(self._practice.reactor, settings.seconds)
        resolver = self._practice.resolver
        return [await network.outbound(probe, resolver, settings.outbound)]

    async def _names(self) -> Sequence[Finding]:
        resolver = self._practice.resolver
        found = [await network.resolving(resolver)]
        addresses, met = await server(self.tree.server.hostname, resolver)
        found.append(met)
        for address in addresses:
            lists = self.tree.doctor.blocklists
            found += [one async for one in network.listed(resolver, address, lists)]
        return found

    async def _domains(self) -> Sequence[Finding]:
        """Only what is wrong of each domain; one line if nothing is."""
        domains = await self._practice.admin.domains()
        found: list[Finding] = []
        for domain in domains[:DOMAINS]:
            compared = await self._practice.publishing.compared(domain.name)
            # The server itself stands first and was looked at already.
            found += _of_domain(domain.name, compared[1:])
        if not domains:
            hint = "mailsuite domain add example.org"
            found.append(Finding("domains", WRONG, "there are none", hint))
        return found


def _of_domain(name: str, compared: Sequence[Finding]) -> Sequence[Finding]:
    wrong = [one for one in compared if one.state == WRONG]
    notes = sum(one.state == NOTE for one in compared)
    if notes:
        said = f"{notes} of its records could be better"
        wrong.append(Finding(name, NOTE, said, f"mailsuite dns check {name}"))
    return wrong or [Finding(name, RIGHT, "DNS says what it should")]


async def _one(work: Awaitable[Finding]) -> Finding:
    return await work
