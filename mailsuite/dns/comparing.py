"""What DNS says of a domain of ours beside what it should say, with hints."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from mailsuite.dns.wanted import Facts, rows
from mailsuite.dns.zonefile import line
from mailsuite.interfaces.publishing import NOTE, RIGHT, WRONG, Finding, Row
from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName
from mailsuite.mailauth import bimi, records, reverse, spf
from mailsuite.mailauth.treewalk import Search
from mailsuite.model.address import Address
from mailsuite.model.proofs import Result

SHOWN_CHARACTERS = 200  # of what others' DNS says in one sentence


def shortened(text: str) -> str:
    """Give a text of strangers in a bounded length."""
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


async def server(host: str, resolver: IResolver) -> tuple[Sequence[str], Finding]:
    """Whether a server's name has addresses and these lead back to it.

    RFC 8601 §3; other servers distrust one without. Gives the addresses too.
    """
    hint = f"give {host} an A or AAAA record"
    try:
        addresses = await resolver.addresses(host)
    except NoSuchName:
        return (), Finding(host, WRONG, "the server's name does not exist", hint)
    except NoAnswer:
        hint = "look after the resolver"
        return (), Finding(host, WRONG, "DNS gave no answer for its addresses", hint)
    if not addresses:
        return (), Finding(host, WRONG, "the server's name has no address", hint)
    for address in addresses:
        found = await reverse.check(address, resolver)
        if found.result is not Result.PASS:
            said = f"{address} does not lead back to a name (PTR)"
            hint = f"ask who gave you {address} to set its PTR to {host}"
            return addresses, Finding(host, WRONG, said, hint)
        if found.name != host:
            said = f"{address} leads back to {found.name}"
            hint = f"set its PTR to {host}; some servers compare them"
            return addresses, Finding(host, NOTE, said, hint)
    said = f"is at {', '.join(addresses)} and back"
    return addresses, Finding(host, RIGHT, said)


async def _rows(resolver: IResolver, name: str, kind: str) -> Sequence[str]:
    try:
        return (await resolver.records(name, kind)).rows
    except NoSuchName:
        return ()


async def _texts(resolver: IResolver, name: str, prefix: bytes) -> list[bytes]:
    """Give the TXT records that begin as wanted, whatever their case."""
    try:
        texts = await resolver.texts(name)
    except NoSuchName:
        return []
    return [text for text in texts if text[: len(prefix)].lower() == prefix]


@define(eq=False, repr=False)
class Comparing:
    """One domain; ``compared`` asks and gives a finding for each thing."""

    _facts: Facts
    _resolver: IResolver
    _addresses: Sequence[str] = ()
    _by_topic: dict[str, Callable[[Row], Awaitable[Finding]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._by_topic = {
            "address": self._address,
            "mx": self._mx,
            "spf": self._spf,
            "helo": self._helo,
            "dkim": self._dkim,
            "dmarc": self._dmarc,
            "mta-sts": self._tagged,
            "tls-rpt": self._tagged,
            "tlsa": self._tlsa,
            "srv": self._srv,
            "cname": self._cname,
            "bimi": self._bimi,
        }

    async def compared(self) -> list[Finding]:
        """Compare all; an address that cannot be asked about is a finding too."""
        host, resolver = self._facts.hostname, self._resolver
        self._addresses, met = await server(host, resolver)
        found = [met]
        for row in rows(self._facts):
            try:
                found.append(await self._by_topic[row.topic](row))
            except NoAnswer:
                hint = "look after the resolver, or the domain's name servers"
                said = "DNS gave no answer"
                found.append(Finding(f"{row.name} {row.type}", WRONG, said, hint))
        return found

    async def _address(self, row: Row) -> Finding:
        if row.value in self._addresses:
            return _right(row, row.value)
        return _wrong(row, f"leads to {', '.join(self._addresses) or 'nothing'}")

    async def _mx(self, row: Row) -> Finding:
        try:
            found = await self._resolver.exchangers(row.name)
        except NoSuchName:
            found = ()
        hosts = [one.host.rstrip(".").lower() for one in found]
        if self._facts.hostname not in hosts:
            return _wrong(row, f"mail goes to {', '.join(hosts) or 'nobody'}")
        if hosts[0] != self._facts.hostname:
            said = f"{hosts[0]} stands before us"
            return _note(row, said, "mail goes there first; mind that it knows users")
        return _right(row, f"leads to {', '.join(hosts)}")

    async def _spf(self, row: Row) -> Finding:
        texts = await _texts(self._resolver, row.name, b"v=spf1")
        if len(texts) != 1:
            count = len(texts) or "no"
            return _wrong(row, f"there are {count} SPF records", merge=len(texts) > 1)
        sender = Address("postmaster", self._facts.domain)
        for address in self._addresses:
            _, found = await spf.check(
                address, self._facts.hostname, sender, self._resolver
            )
            if found.result is not Result.PASS:
                said = f"gives {found.result.value} for {address}"
                way = f"ip{6 if ':' in address else 4}:{address}"
                hint = f"let {self._facts.hostname} send: add {way}"
                return Finding(_subject(row), WRONG, said, hint)
        return _right(row, shortened(texts[0].decode("ascii", "replace")))

    async def _helo(self, row: Row) -> Finding:
        for address in self._addresses[:1]:
            found, _ = await spf.check(address, row.name, None, self._resolver)
            if found.result in {Result.PASS, Result.NONE}:
                continue
            return _wrong(row, f"our greeting gets {found.result.value}")
        if await _texts(self._resolver, row.name, b"v=spf1"):
            return _right(row, "our greeting may be ours")
        return _note(row, "has no SPF record", _publish(row))

    async def _dkim(self, row: Row) -> Finding:
        texts = await _texts(self._resolver, row.name, b"")
        if len(texts) != 1:
            return _wrong(row, f"there are {len(texts) or 'no'} records")
        wanted, found = _tags(row.value), _tags(texts[0].decode("ascii", "replace"))
        if found.get("p") != wanted.get("p"):
            return _wrong(row, "has another key")
        if found.get("k", "rsa") != wanted.get("k", "rsa"):
            return _wrong(row, f"says k={shortened(found.get('k', 'rsa'))}")
        if "y" in found.get("t", "").split(":"):
            hint = "take t=y out, or signatures count for nothing"
            return _note(row, "says that the key is only tested", hint)
        return _right(row, "has our key")

    async def _dmarc(self, row: Row) -> Finding:
        texts = await _texts(self._resolver, row.name, b"v=dmarc1")
        record, count = records.choose(self._facts.domain, texts)
        if record is None:
            above = await Search(self._resolver).policy(self._facts.domain)
            if above is not None and not count:
                said = f"that of {above.record.policy.domain} counts"
                return _note(row, said, f"if you want another one {_publish(row)}")
            return _wrong(row, f"there are {count or 'no'} DMARC records")
        policy = record.policy
        if not record.applies or record.faults:
            return _wrong(row, f"has faults: {'; '.join(record.faults)}")
        if not policy.rua and self._facts.settings.dmarc_reports:
            return _note(row, "asks for no reports", _publish(row))
        wanted = self._facts.settings.dmarc
        if policy.p != wanted:
            return _note(row, f"says p={policy.p}, not p={wanted}", _publish(row))
        return _right(row, shortened(policy.text))

    async def _tagged(self, row: Row) -> Finding:
        version = row.value.partition(";")[0]
        texts = await _texts(self._resolver, row.name, version.lower().encode())
        if len(texts) > 1:
            return _wrong(row, f"there are {len(texts)} records", merge=True)
        if not texts:
            return _note(row, "there is no record", _publish(row))
        found = texts[0].decode("ascii", "replace")
        if _tags(found) != _tags(row.value):
            return _note(row, f"says {shortened(found)}", _publish(row))
        return _right(row, shortened(found))

    async def _tlsa(self, row: Row) -> Finding:
        found = [
            one.lower().split() for one in await _rows(self._resolver, row.name, "TLSA")
        ]
        if not found:
            return _note(row, "is not there", f"if DNSSEC signs the zone: {line(row)}")
        digests = [(*one[:3], "".join(one[3:])) for one in found]
        if tuple(row.value.split()) in digests:
            return _right(row, "has our key")
        return _wrong(row, "has other keys: DANE senders will refuse us")

    async def _srv(self, row: Row) -> Finding:
        found = [one.split() for one in await _rows(self._resolver, row.name, "SRV")]
        wanted = row.value.split()[2:]
        if any([*one[2:3], *map(str.lower, one[3:])] == wanted for one in found):
            return _right(row, "leads here" if wanted[1] != "." else "is not offered")
        if not found and wanted[1] == ".":
            return _right(row, "is not offered")
        places = ", ".join(" ".join(one[2:]) for one in found)
        said = f"leads to {shortened(places)}" if found else "is not there"
        return _note(row, said, _publish(row))

    async def _cname(self, row: Row) -> Finding:
        try:
            found = await self._resolver.addresses(row.name)
        except NoSuchName:
            found = ()
        if found:
            return _right(row, f"leads to {', '.join(found)}")
        return _note(row, "leads to nothing", _publish(row))

    async def _bimi(self, row: Row) -> Finding:
        texts = await _texts(self._resolver, row.name, b"v=bimi1")
        found = bimi.parse(texts[0]) if len(texts) == 1 else None
        if found is None:
            return _note(row, f"there are {len(texts) or 'no'} records", _publish(row))
        if found.fault or found.location != self._facts.settings.bimi_logo:
            said = found.fault or f"names {shortened(found.location) or 'no logo'}"
            return _note(row, said, _publish(row))
        return _right(row, "names our logo")


def _subject(row: Row) -> str:
    return f"{row.name} {row.type}"


def _publish(row: Row) -> str:
    return f"publish: {line(row)}"


def _right(row: Row, said: str) -> Finding:
    return Finding(_subject(row), RIGHT, said)


def _note(row: Row, said: str, hint: str) -> Finding:
    return Finding(_subject(row), NOTE, said, hint)


def _wrong(row: Row, said: str, *, merge: bool = False) -> Finding:
    hint = "leave only one of them; " + _publish(row) if merge else _publish(row)
    return Finding(_subject(row), WRONG, said, hint)


def _tags(text: str) -> dict[str, str]:
    """Give a record's tags without white space; keys are long and split anywhere."""
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}
