"""Finding DMARC records and organizational domains (RFC 9989 §4.10; RFC 7489 §3.2).

One :class:`Search` serves one message: what was asked is remembered in it, so that
author, SPF and DKIM domains of one organization share their questions.
"""

from attrs import define, field, frozen

from mailsuite.interfaces.resolving import IResolver, NoSuchName
from mailsuite.mailauth.labels import parents
from mailsuite.mailauth.records import Record, choose
from mailsuite.mailauth.suffixes import Suffixes

SHORTENED_LABELS = 7  # where a walk goes on from a longer name; RFC 9989 §4.10

PREFIX = "_dmarc."


@frozen
class Found:
    """The record that speaks for an author domain.

    ``inherited``: it was published above, so that ``sp`` and ``np`` count.
    """

    record: Record
    inherited: bool


def targets(domain: str) -> list[str]:
    """Give the names that a walk asks about, in order; at most eight (§4.10)."""
    above = parents(domain)
    return [domain, *above[-SHORTENED_LABELS:]]


@define(eq=False)
class Search:
    """Asks a resolver. With ``suffixes`` as RFC 7489 says, else by tree walk.

    Every method raises NoAnswer when DNS could not tell.
    """

    _resolver: IResolver
    _suffixes: Suffixes | None = None
    steps: list[str] = field(factory=list)
    _asked: dict[str, Record | None] = field(factory=dict)
    _walked: dict[str, list[tuple[str, Record]]] = field(factory=dict)

    async def record(self, domain: str) -> Record | None:
        """Give the one DMARC record of a domain itself."""
        if domain in self._asked:
            return self._asked[domain]
        try:
            texts = await self._resolver.texts(PREFIX + domain)
        except NoSuchName:
            texts = ()
        record, count = choose(domain, texts)
        if record is not None:
            self.steps.append(f"{PREFIX}{domain}: {record.policy.text}")
            self.steps += (f"{PREFIX}{domain}: {fault}" for fault in record.faults)
        elif count > 1:
            self.steps.append(f"{PREFIX}{domain}: {count} records count as none")
        else:
            self.steps.append(f"{PREFIX}{domain}: no DMARC record")
        self._asked[domain] = record
        return record

    async def policy(self, domain: str) -> Found | None:
        """Give the record for an author domain (RFC 9989 §4.10.1)."""
        own = await self.record(domain)
        if own is not None:
            return Found(own, inherited=False)
        organizational = await self.organizational(domain)
        if organizational != domain:
            record = await self.record(organizational)
            if record is not None:
                return Found(record, inherited=True)
        for _, record in self._walked.get(domain, ()):
            if record.policy.psd == "y":
                return Found(record, inherited=True)
        return None

    def known(self, domain: str) -> str:
        """Give the organizational domain if it was looked for, else nothing."""
        if self._suffixes is not None:
            return self._suffixes.organizational(domain)
        found = self._walked.get(domain)
        return "" if found is None else _chosen(domain, found)

    async def organizational(self, domain: str) -> str:
        """Give the organizational domain (RFC 9989 §4.10.2; RFC 7489 §3.2)."""
        if self._suffixes is not None:
            return self._suffixes.organizational(domain)
        if domain not in self._walked:
            self._walked[domain] = await self._walk(domain)
        return _chosen(domain, self._walked[domain])

    async def _walk(self, domain: str) -> list[tuple[str, Record]]:
        """Give the records on the way up, the longest name first."""
        found = []
        for name in targets(domain):
            record = await self.record(name)
            if record is not None:
                found.append((name, record))
                if record.policy.psd in {"y", "n"}:
                    break
        return found


def _chosen(domain: str, found: list[tuple[str, Record]]) -> str:
    """Choose the organizational domain out of a walk's records, longest first."""
    for name, record in found:
        if record.policy.psd == "n":
            return name
        if record.policy.psd == "y" and name != domain:
            return _below(name, domain)
    return found[-1][0] if found else domain


def _below(above: str, domain: str) -> str:
    """Give the name one label below ``above`` on the way to ``domain``."""
    labels = domain.split(".")
    return ".".join(labels[-(above.count(".") + 2) :])
