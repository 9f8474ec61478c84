"""Excuses: forwarders, mailing lists and trusted ARC sealers (RFC 9989 §7.4).

Each needs a proof of its own: an address, a proven domain, or a chain of seals that
passes. Without it there is no excuse.
"""

import re
from collections.abc import Iterable, Iterator

from attrs import frozen

from mailsuite.mailauth import claims
from mailsuite.mailauth.labels import ascii_name
from mailsuite.mime import headers
from mailsuite.model.proofs import Proofs, Result
from mailsuite.policy.authentication.settings import Authentication
from mailsuite.policy.authentication.verdict import Excuse, below
from mailsuite.policy.networks import FORWARDERS, Networks, hosts, within

ID_OCTETS = 600
"""Of a List-Id's end that are read; the id itself has at most 255."""

_LIST_ID = re.compile(rb"<([^<>\s]{1,255})>[^<>]*\Z")


@frozen
class Excuses:
    """What the settings excuse."""

    hosts: Networks = ()
    domains: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Authentication) -> "Excuses":
        """Read the settings."""
        found, domains = hosts(FORWARDERS, settings.forwarders)
        return cls(found, domains, tuple(map(_name, settings.lists)))

    def find(self, proofs: Proofs, header: bytes) -> Excuse | None:
        """Give the first that holds."""
        return (
            self._forwarder(proofs)
            or _sealed(proofs)
            or (self._list(proofs, header) if self.lists else None)
        )

    def _forwarder(self, proofs: Proofs) -> Excuse | None:
        if within(proofs.ip, self.hosts):
            return Excuse("trusted_forwarder", f"{proofs.ip} forwards mail to us")
        reverse = proofs.reverse
        if reverse.result is Result.PASS and _among(reverse.name, self.domains):
            return Excuse("trusted_forwarder", f"{reverse.name} forwards mail to us")
        return None

    def _list(self, proofs: Proofs, header: bytes) -> Excuse | None:
        name = list_id(header)
        if not name or not _among(name, self.lists):
            return None
        if not any(below(name, domain) for domain in proven(proofs)):
            return None
        return Excuse("mailing_list", f"{name} is a mailing list that we know")


def _name(text: str) -> str:
    return text.strip().strip("<>").lower().rstrip(".")


def _among(name: str, listed: Iterable[str]) -> bool:
    """Whether a name is listed, or below a listed ``.name``."""
    return any(
        name.endswith(one) if one.startswith(".") else name == one for one in listed
    )


def list_id(header: bytes) -> str:
    """The id of the only List-Id field (RFC 2919 §3), or nothing."""
    found = headers.values(header, b"list-id")
    if len(found) != 1:
        return ""
    match = _LIST_ID.search(found[0][-ID_OCTETS:])
    return match[1].decode("ascii", "replace").lower() if match else ""


def proven(proofs: Proofs) -> Iterator[str]:
    """Domains that SPF or a signature proves, of at least two labels."""
    for spf in (proofs.mailfrom, proofs.helo):
        if spf.result is Result.PASS and "." in spf.domain:
            yield spf.domain
    for one in proofs.signatures:
        if one.result is Result.PASS and one.whole and "." in one.domain:
            yield one.domain


def _sealed(proofs: Proofs) -> Excuse | None:
    """A trusted sealer saw DMARC pass for the author (RFC 8617 §7.2.1)."""
    chain = proofs.chain
    if chain.result is not Result.PASS or not chain.trusted:
        return None
    said = claims.parse(chain.claims.encode())
    for one in said.findings if said is not None else ():
        if one.method == "dmarc" and one.result == "pass":
            domain = ascii_name(one.value("header.from") or "")
            if proofs.authors == (domain,):
                comment = f"arc=pass, {chain.trusted} saw DMARC pass for {domain}"
                return Excuse("local_policy", comment)
    return None
