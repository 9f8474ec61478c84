"""The address book in memory: answers without disk, in microseconds.

Pure: rows in, resolutions out. Order of the search: alias, account, subaddress,
postmaster and abuse (RFC 5321 §4.5.1, RFC 2142), names that a transport consumes,
catch-all.
"""

import hmac
from collections.abc import Mapping

from attrs import define, field, frozen

from mailsuite.directory.names import canonical, fold_domain, fold_local
from mailsuite.interfaces.directory import (
    Alias,
    AliasRow,
    Consumed,
    Domain,
    Local,
    Remote,
    Resolution,
    Unknown,
)
from mailsuite.interfaces.signing import SigningKey
from mailsuite.model.address import Address
from mailsuite.model.ids import AccountName
from mailsuite.model.principals import StoredKeys
from mailsuite.wire.sasl.saslprep import prepared
from mailsuite.wire.sasl.scram import DIGESTS

ALWAYS = frozenset({"postmaster", "abuse"})
"""Names that must be deliverable in each domain of ours."""

DEPTH = 10
"""Aliases of aliases that are followed to find whose address it is."""
TARGETS = 1_000
"""Targets looked at for the same."""

SALT_OCTETS = 16
"""Of SCRAM."""

REMOTE = Remote()
UNKNOWN = Unknown()


@frozen
class Account:
    """One row of a user."""

    name: AccountName
    password: str = field(repr=False)
    quota_octets: int = 0
    quota_messages: int = 0
    disabled: bool = False
    created: float = 0.0
    keys: tuple[StoredKeys, ...] = ()
    """For SCRAM; none if the password was set before there was SCRAM."""


@frozen
class Rules:
    """How names are understood; from the settings."""

    delimiter: str = "+"
    hostname: str = ""
    """Our own name, at which postmaster is reached too; reports come from there."""
    postmaster: Address | None = None
    literals: frozenset[str] = frozenset()
    consumed: Mapping[str, str] = field(factory=dict)
    """Local parts in each of our domains, and the transport that reads them."""
    scram: str = "ready"


def address_of(name: str) -> Address:
    """Turn a canonical name into an address again."""
    local, _, domain = name.rpartition("@")
    return Address(local, domain)


@define(eq=False, repr=False)
class Book:
    """All accounts, domains and aliases by their canonical names."""

    rules: Rules = Rules()
    accounts: dict[str, Account] = field(factory=dict)
    domains: dict[str, Domain] = field(factory=dict)
    aliases: dict[str, AliasRow] = field(factory=dict)
    keys: dict[str, tuple[SigningKey, ...]] = field(factory=dict)
    seed: bytes = b""
    """Of what is made up for users who are unknown; the same for ever."""
    all_keyed: bool | None = None
    """Whether everybody who may log in has keys for SCRAM; None: not looked at."""

    def domain_of(self, text: str) -> str | None:
        """One of our domains by any spelling, or None."""
        domain = fold_domain(text)
        if domain in self.domains:
            return domain
        if not domain or domain in self.rules.literals:
            return next(iter(self.domains), None)
        return None

    def resolve(self, address: Address) -> Resolution:
        """What the address stands for; one lookup if it is an account as written."""
        if address.domain in self.domains:
            name = f"{address.local}@{address.domain}"
            account = self.accounts.get(name)
            if account is not None and name not in self.aliases:
                return Local(account.name)
        domain = self.domain_of(address.domain)
        local = fold_local(address.local)
        if domain is None and address.domain == self.rules.hostname and local in ALWAYS:
            domain = next(iter(self.domains), None)
        if domain is None:
            return REMOTE if address.domain else UNKNOWN
        if not address.domain and local not in ALWAYS and len(self.domains) > 1:
            return UNKNOWN
        return self._listed(local, domain) or self._implied(local, domain)

    def transport(self, address: Address) -> str:
        """Who carries mail for it; one lookup if it is an account as written."""
        domain = address.domain
        if domain in self.domains and f"{address.local}@{domain}" in self.accounts:
            return "local"
        found = self.resolve(address)
        if isinstance(found, Consumed):
            return found.transport
        return "relay" if isinstance(found, Remote) else "local"

    def _listed(self, local: str, domain: str) -> Resolution | None:
        name = f"{local}@{domain}"
        if name in self.aliases:
            return self._alias(name)
        if (account := self.accounts.get(name)) is not None:
            return Local(account.name)
        delimiter = self.rules.delimiter
        if not delimiter or delimiter not in local[1:]:
            return None
        base, _, detail = local.partition(delimiter)
        if not base:
            return None
        if f"{base}@{domain}" in self.aliases:
            return self._alias(f"{base}@{domain}")
        if (account := self.accounts.get(f"{base}@{domain}")) is not None:
            return Local(account.name, detail)
        return None

    def _alias(self, name: str) -> Alias | Local:
        """What an alias stands for; the account of its own name apart."""
        targets = tuple(map(address_of, self.aliases[name].targets))
        account = self.accounts.get(name)
        if account is None or name not in map(canonical, targets):
            return Alias(targets)
        others = tuple(target for target in targets if canonical(target) != name)
        return Alias(others, account.name) if others else Local(account.name)

    def _implied(self, local: str, domain: str) -> Resolution:
        if local in ALWAYS:
            chosen = self.rules.postmaster
            if chosen is not None and canonical(chosen) != f"{local}@{domain}":
                return Alias((chosen,))
            if (first := self.first(domain)) is not None:
                return Local(first.name)
        if local in self.rules.consumed:
            return Consumed(self.rules.consumed[local])
        catch_all = self.domains[domain].catch_all
        if catch_all and catch_all != f"{local}@{domain}":
            return Alias((address_of(catch_all),))
        return UNKNOWN

    def first(self, domain: str) -> Account | None:
        """Who answers for a domain: its oldest account, else the oldest of all."""
        own = [a for a in self.accounts.values() if a.name.endswith("@" + domain)]
        return min(
            own or self.accounts.values(),
            key=lambda account: (account.created, account.name),
            default=None,
        )

    def login(self, name: str) -> Account | None:
        """Find who logs in by that name; without a domain if there is only one."""
        account = self.accounts.get(self.spelled(name))
        if account is None and not name.isascii():
            account = self.accounts.get(self.spelled(prepared(name)))
        return account

    def spelled(self, name: str) -> str:
        """Give the canonical form of a name that somebody logs in by."""
        local, at, domain = name.rpartition("@")
        if not at:
            if len(self.domains) != 1:
                return ""
            local, domain = domain, next(iter(self.domains))
        return f"{fold_local(local)}@{fold_domain(domain)}"

    def derived(self, part: str, digest: str, name: str) -> bytes:
        """Give 32 octets that stay the same for ever, whoever has that name."""
        spelled = self.spelled(prepared(name)) or prepared(name)
        return hmac.digest(self.seed, f"{part} {digest} {spelled}".encode(), "sha256")

    def salts(self, name: str) -> Mapping[str, bytes]:
        """What a challenge tells of a name, by digest; new keys keep to it.

        A salt that changed with the password, or when keys are first derived, would
        tell that somebody has the name: those of nobody never change.
        """
        account = self.login(name)
        known = {one.digest: one.salt for one in account.keys} if account else {}
        return {
            digest: known.get(digest)
            or self.derived("salt", digest, name)[:SALT_OCTETS]
            for digest in DIGESTS.values()
        }

    def offers_scram(self) -> bool:
        """Whether clients may be told of it, by rule and by what accounts have.

        Looks at all accounts, once after each change of one.
        """
        if self.rules.scram != "ready":
            return self.rules.scram == "always"
        if self.all_keyed is None:
            self.all_keyed = all(
                one.keys or one.disabled for one in self.accounts.values()
            )
        return self.all_keyed

    def speaks_for(self, account: AccountName, address: Address) -> bool:
        """Whether an address is the account's own, a subaddress or an alias of it.

        A catch-all makes nobody the owner of a whole domain.
        """
        waiting, seen = [(address, 0)], {canonical(address)}
        while waiting and len(seen) <= TARGETS:
            one, depth = waiting.pop()
            domain = self.domain_of(one.domain)
            found = domain and self._listed(fold_local(one.local), domain)
            if isinstance(found, Local | Alias) and found.account == account:
                return True
            if isinstance(found, Alias) and depth < DEPTH:
                fresh = [t for t in found.targets if canonical(t) not in seen]
                seen.update(map(canonical, fresh))
                waiting += [(target, depth + 1) for target in fresh]
        return False
