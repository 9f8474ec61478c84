"""A resolver that is a table, for tests and the memory assembly."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import Factory, define
from zope.interface import implementer

from mailsuite.interfaces.resolving import (
    Exchanger,
    IResolver,
    NoAnswer,
    NoSuchName,
    Records,
)


@implementer(IResolver)
@define(eq=False)
class Table:
    """Names are written in lower case, without the last dot.

    ``hosts``: name to addresses; ``mail``: domain to MX records; ``text``: name to
    joined TXT records; ``pointers``: address to names; ``other``: name and type to
    records. A name in none of them, and above none of them, does not exist; one
    (or an address) in ``broken`` gets no answer.
    """

    hosts: Mapping[str, Sequence[str]] = Factory(dict)
    mail: Mapping[str, Sequence[Exchanger]] = Factory(dict)
    broken: frozenset[str] = frozenset()
    text: Mapping[str, Sequence[bytes]] = Factory(dict)
    pointers: Mapping[str, Sequence[str]] = Factory(dict)
    other: Mapping[tuple[str, str], Records] = Factory(dict)

    async def addresses(self, name: str) -> Sequence[str]:
        """Give IPv4 addresses and then IPv6 ones; a literal stands for itself."""
        return self.hosts.get(self._check(name), ())

    async def exchangers(self, domain: str) -> Sequence[Exchanger]:
        """Give MX records, best first."""
        found = self.mail.get(self._check(domain), ())
        return sorted(found, key=lambda one: one.preference)

    async def texts(self, name: str) -> Sequence[bytes]:
        """Give TXT records."""
        return self.text.get(self._check(name), ())

    async def names(self, address: str) -> Sequence[str]:
        """Give an address's names."""
        if address in self.broken:
            raise NoAnswer(address)
        if address not in self.pointers:
            raise NoSuchName(address)
        return self.pointers[address]

    async def records(self, name: str, type: str) -> Records:  # noqa: A002
        """Give what ``other`` or ``hosts`` has; no rows if only the name is known."""
        name, kind = self._check(name), type.upper()
        rows = [
            row
            for row in self.hosts.get(name, ())
            if kind == ("AAAA" if ":" in row else "A")
        ]
        return self.other.get((name, kind), Records(tuple(rows)))

    def _check(self, name: str) -> str:
        name = name.lower().rstrip(".")
        if name in self.broken:
            raise NoAnswer(name)
        if not any(one == name or one.endswith(f".{name}") for one in self._known()):
            raise NoSuchName(name)
        return name

    def _known(self) -> Iterator[str]:
        yield from self.hosts
        yield from self.mail
        yield from self.text
        for name, _ in self.other:
            yield name
