"""Changes to users, domains and aliases in ``state.db``."""

from collections.abc import Callable, Sequence

from attrs import define, evolve
from zope.interface import implementer

from mailsuite.directory import rows
from mailsuite.directory.book import TARGETS, Account, Book, address_of
from mailsuite.directory.keys import Keys
from mailsuite.directory.names import canonical, checked_domain, checked_user, parse
from mailsuite.directory.passwords import SECRET_OCTETS, Checker
from mailsuite.directory.state import State
from mailsuite.interfaces.directory import (
    Alias,
    AliasRow,
    Domain,
    IDirectoryAdmin,
    Local,
    Resolution,
    Unknown,
    User,
)
from mailsuite.interfaces.events import IEvents
from mailsuite.model.address import Address
from mailsuite.model.errors import UsageError
from mailsuite.model.ids import AccountName
from mailsuite.model.principals import StoredKeys
from mailsuite.wire.sasl.saslprep import prepared

NAMED = 3
"""So many of what stands in the way are named in one sentence."""


def _user(account: Account) -> User:
    return User(
        *(account.name, account.quota_octets, account.disabled, account.created),
        scram=bool(account.keys),
    )


@implementer(IDirectoryAdmin)
@define(eq=False, repr=False)
class Admin:
    """Provides IDirectoryAdmin over the same state as the registry.

    With ``keys``, a new domain gets its signing keys in the same commit.
    """

    _state: State
    _checker: Checker
    _wall: Callable[[], float]
    _events: IEvents
    _keys: Keys | None = None

    async def users(self, domain: str = "") -> Sequence[User]:
        """All users, or those of one domain, by name."""
        accounts = self._state.book.accounts.values()
        return [_user(a) for a in accounts if _within(a.name, domain)]

    async def add_user(
        self, address: Address, password: str, quota_octets: int = 0
    ) -> User:
        """Make a user; the mailbox is made at its first use."""
        name = checked_user(address)
        _free(self._state.book, name)
        _checked_quota(quota_octets)
        stored, keys = await _stored(self._state.book, self._checker, name, password)

        def decide() -> Account:
            _free(self._state.book, name)  # somebody may have been quicker
            return Account(
                *(AccountName(name), stored, quota_octets),
                created=self._wall(),
                keys=_allowed(self._state.book, keys),
            )

        return self._told(await self._state.change(decide))

    async def set_password(self, address: Address, password: str) -> None:
        """Change a password; the old one fails from now on."""
        name = self._account(address).name
        stored, keys = await _stored(self._state.book, self._checker, name, password)

        def decide() -> Account:
            account = self._account(address)  # as it is after the work
            return evolve(
                account, password=stored, keys=_allowed(self._state.book, keys)
            )

        await self._state.change(decide)
        self._changed("password", name)

    async def set_quota(self, address: Address, quota_octets: int) -> User:
        """Change how much a mailbox may hold; 0: what the settings say."""
        _checked_quota(quota_octets)
        return self._told(
            await self._state.change(
                lambda: evolve(self._account(address), quota_octets=quota_octets)
            )
        )

    async def set_disabled(self, address: Address, *, disabled: bool) -> User:
        """Refuse logins of a user, or allow them again; mail is taken all the time."""
        return self._told(
            await self._state.change(
                lambda: evolve(self._account(address), disabled=disabled)
            )
        )

    def _told(self, account: Account) -> User:
        self._changed("user", account.name)
        return _user(account)

    async def remove_user(self, address: Address) -> None:
        """Forget a user to whom nothing leads; the mail stays on the disk."""

        def decide() -> Account:
            account = self._account(address)
            _unneeded(self._state.book, Local(account.name), account.name)
            return account

        gone = await self._state.remove(decide)
        self._changed("user", gone.name)

    async def domains(self) -> Sequence[Domain]:
        """All domains, those from files first."""
        return list(self._state.book.domains.values())

    async def add_domain(self, name: str, catch_all: str = "") -> Domain:
        """Make a domain ours."""
        name = checked_domain(name)
        into = canonical(parse(catch_all, name)) if catch_all else ""

        def decide() -> Domain:
            known = self._state.book.domains.get(name)
            if known is not None:
                raise UsageError(f"{name} is there already, in {known.source}")
            if into and not into.endswith("@" + name):
                _known(self._state.book, parse(into))
            return Domain(name, into, rows.SOURCE)

        _ = decide()  # before the work
        keys = await self._keys.first(name) if self._keys is not None else ()
        domain = await self._state.change(decide, *keys)
        self._changed("domain", name)
        return domain

    async def remove_domain(self, name: str) -> None:
        """Give a domain up; its users and aliases must be gone before."""
        name = checked_domain(name)
        await self._state.remove(lambda: _empty(self._state.book, name))
        self._changed("domain", name)

    async def aliases(self, domain: str = "") -> Sequence[AliasRow]:
        """All aliases, or those of one domain, by name."""
        rows_ = self._state.book.aliases.values()
        return [row for row in rows_ if _within(row.address, domain)]

    async def add_alias(self, address: Address, targets: Sequence[Address]) -> AliasRow:
        """Let an address stand for others."""
        name = canonical(address)
        if not 1 <= len(targets) <= TARGETS:
            raise UsageError(f"an alias has between 1 and {TARGETS} targets")

        def decide() -> AliasRow:
            _free(self._state.book, name, name in map(canonical, targets))
            for target in targets:
                _known(self._state.book, target)
            into = tuple(dict.fromkeys(map(_target, targets)))
            return AliasRow(name, into, rows.SOURCE)

        row = await self._state.change(decide)
        self._changed("alias", name)
        return row

    async def remove_alias(self, address: Address) -> None:
        """Forget an alias to which nothing leads."""
        name = canonical(address)

        def decide() -> AliasRow:
            book = self._state.book
            row = book.aliases.get(name)
            if row is None:
                raise UsageError(f"there is no alias {name}")
            _own(row.source, name)
            if name not in book.accounts:
                _unneeded(book, book.resolve(address), name)
            return row

        await self._state.remove(decide)
        self._changed("alias", name)

    def _account(self, address: Address) -> Account:
        account = self._state.book.accounts.get(canonical(address))
        if account is None:
            raise UsageError(f"there is no user {canonical(address)}")
        return account

    def _changed(self, what: str, name: str) -> None:
        self._events.happened("directory.changed", what=what, which=name)


def _free(book: Book, name: str, own: bool | None = None) -> None:
    """Look whether a name may be given.

    ``own`` says of an alias whether it stands for its own name too.

    :raises UsageError: the name is taken, or its domain is not ours.
    """
    domain = name.rpartition("@")[2]
    if domain not in book.domains:
        raise UsageError(
            f"{domain} is not one of our domains: mailsuite domain add {domain}"
        )
    if name in book.accounts and not own:
        hint = "; name it among the targets too, and it keeps a copy"
        raise UsageError(f"there is a user {name} already{'' if own is None else hint}")
    if name in book.aliases:
        source = book.aliases[name].source
        raise UsageError(f"there is an alias {name} already, in {source}")


def _known(book: Book, target: Address) -> None:
    """:raises UsageError: it would be ours, and there is no such address."""
    if isinstance(book.resolve(target), Unknown):
        raise UsageError(f"{target} does not exist: make the user first")


def _unneeded(book: Book, gone: Resolution, name: str) -> None:
    """:raises UsageError: an alias or a catch-all would lead to nobody."""
    leading = [
        f"the alias {row.address}"
        for row in book.aliases.values()
        if any(_same(book.resolve(address_of(t)), gone) for t in row.targets)
    ]
    leading += [
        f"the catch-all of {one.name}"
        for one in book.domains.values()
        if one.catch_all == name
    ]
    if leading:
        more = len(leading) - NAMED
        others = f" and {more} more" if more > 0 else ""
        raise UsageError(
            f"{name} gets the mail of {', '.join(leading[:NAMED])}{others}: change"
            " or remove that first"
        )


def _empty(book: Book, name: str) -> Domain:
    """Find a domain of nobody. :raises UsageError: it is not one."""
    domain = book.domains.get(name)
    if domain is None:
        raise UsageError(f"{name} is not one of our domains")
    _own(domain.source, name)
    users = sum(_within(account, name) for account in book.accounts)
    aliases = sum(_within(alias, name) for alias in book.aliases)
    if users or aliases:
        raise UsageError(
            f"{name} still has users ({users}) and aliases ({aliases}): remove them first"
        )
    return domain


def _within(name: str, domain: str) -> bool:
    return not domain or name.endswith("@" + domain.lower())


def _same(found: Resolution, gone: Resolution) -> bool:
    """Whether both are the same account, whatever the detail, or the same alias."""
    if isinstance(gone, Local) and isinstance(found, Local | Alias):
        return found.account == gone.account
    return found == gone


def _target(address: Address) -> str:
    """Keep the case of another server's local part: it decides (RFC 5321 §2.4)."""
    return f"{address.local}@{address.domain}"


def _own(source: str, name: str) -> None:
    if source != rows.SOURCE:
        raise UsageError(f"{name} stands in {source}: change it there, then reload")


async def _stored(
    book: Book, checker: Checker, name: str, password: str
) -> tuple[str, tuple[StoredKeys, ...]]:
    """What is kept of a password, as SASLprep spells it (RFC 4013)."""
    secret = prepared(_checked_secret(password))
    stored = await checker.hashed(secret)
    if book.rules.scram == "never":
        return stored, ()
    return stored, await checker.keyed(secret, book.salts(name))


def _allowed(book: Book, keys: tuple[StoredKeys, ...]) -> tuple[StoredKeys, ...]:
    """None, if the setting has changed while they were derived."""
    return () if book.rules.scram == "never" else keys


def _checked_quota(octets: int) -> None:
    if octets < 0:
        raise UsageError("a quota is 0 (none) or a number of octets")


def _checked_secret(password: str) -> str:
    octets = password.encode("utf-8", "surrogateescape")
    if not octets or b"\0" in octets or len(octets) > SECRET_OCTETS:
        raise UsageError(f"a password has 1 to {SECRET_OCTETS} octets and no NUL")
    return password
