"""A resolver that is a table, for tests and the memory assembly."""

from collections.abc import Mapping, Sequence

from attrs import Factory, define
from zope.interface import implementer

from mailsuite.interfaces.resolving import Exchanger, IResolver, NoAnswer, NoSuchName


@implementer(IResolver)
@define(eq=False)
class Table:
    """``hosts``: name to addresses; ``mail``: domain to MX records.

    A name in neither does not exist; one in ``broken`` gets no answer.
    """

    hosts: Mapping[str, Sequence[str]] = Factory(dict)
    mail: Mapping[str, Sequence[Exchanger]] = Factory(dict)
    broken: frozenset[str] = frozenset()

    async def addresses(self, name: str) -> Sequence[str]:
        """Give IPv4 addresses and then IPv6 ones; a literal stands for itself."""
        self._check(name)
        return self.hosts.get(name.lower(), ())

    async def exchangers(self, domain: str) -> Sequence[Exchanger]:
        """Give MX records, best first."""
        self._check(domain)
        return sorted(self.mail.get(domain.lower(), ()), key=lambda one: one.preference)

    def _check(self, name: str) -> None:
        name = name.lower()
        if name in self.broken:
            raise NoAnswer(name)
        if name not in self.hosts and name not in self.mail:
            raise NoSuchName(name)
