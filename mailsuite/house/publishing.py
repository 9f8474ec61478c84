"""What DNS should say of our domains, out of settings, keys and certificate."""

from collections.abc import Sequence

from attrs import define
from zope.interface import implementer

from mailsuite.directory.names import checked_domain
from mailsuite.dns import wanted
from mailsuite.dns.comparing import Comparing
from mailsuite.dns.wanted import Facts
from mailsuite.dns.zonefile import zone
from mailsuite.house.tree import Tree
from mailsuite.interfaces.directory import IDirectoryAdmin
from mailsuite.interfaces.publishing import Finding, IPublishing, Row
from mailsuite.interfaces.resolving import IResolver
from mailsuite.interfaces.signing import IKeys
from mailsuite.model.errors import UsageError
from mailsuite.net.endpoints import Place
from mailsuite.tls import certificate


@implementer(IPublishing)
@define(eq=False, repr=False)
class Publishing:
    """``tree`` has absolute paths; a reload puts a new one here."""

    tree: Tree
    _admin: IDirectoryAdmin
    _keys: IKeys
    _resolver: IResolver | None = None

    async def records(self, domain: str) -> Sequence[Row]:
        """Give what should stand in DNS."""
        return wanted.rows(await self._facts(domain))

    async def zone(self, domain: str) -> str:
        """Give the same as a piece of a zone file."""
        found = await self._facts(domain)
        lines = zone(found.domain, self.tree.records.ttl, wanted.rows(found))
        return "".join(f"{line}\n" for line in lines)

    async def policy(self, domain: str) -> str:
        """Give the MTA-STS policy that the domain's web server has to serve."""
        return wanted.sts_policy(await self._facts(domain))

    async def compared(self, domain: str) -> Sequence[Finding]:
        """Ask DNS. :raises UsageError: the domain is not ours."""
        facts = await self._facts(domain)
        if self._resolver is None:
            raise UsageError("DNS cannot be asked here")
        return await Comparing(facts, self._resolver).compared()

    async def _facts(self, domain: str) -> Facts:
        name, tree = checked_domain(domain), self.tree
        if name not in {one.name for one in await self._admin.domains()}:
            raise UsageError(
                f"{name} is not one of our domains: mailsuite domain add {name}"
            )
        keys = tuple((key.name, key.record) for key in self._keys.published(name))
        host = tree.server.hostname
        return Facts(name, host, tree.records, keys, ports(tree), digest(tree))


def ports(tree: Tree) -> dict[str, int]:
    """Give the port of each service that clients look for; TLS needs a certificate."""
    places = {
        "submission": tree.submission.listen,
        "submissions": tree.submission.listen_tls,
        "imap": tree.imap.listen,
        "imaps": tree.imap.listen_tls,
        "pop3": tree.pop3.listen,
        "pop3s": tree.pop3.listen_tls,
        "sieve": tree.managesieve.listen,
    }
    found = {}
    for service, texts in places.items():
        numbers = [place.port for text in texts if (place := Place.parse(text)).port]
        if numbers and tree.tls.certificate:
            found[service] = numbers[0]
    return found


def digest(tree: Tree) -> str:
    """Give the digest of our certificate's key; nothing where there is none."""
    if not tree.tls.certificate:
        return ""
    try:
        return certificate.read(tree.tls.certificate).digest
    except UsageError:
        return ""
