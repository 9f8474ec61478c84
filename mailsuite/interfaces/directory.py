"""Users, domains and aliases: who is who, and where mail for an address goes."""

from collections.abc import Sequence

from zope.interface import Interface

from mailsuite.model.address import Address
from mailsuite.model.ids import AccountName
from mailsuite.model.principals import Denied, Principal, Proof, StoredKeys
from mailsuite.model.values import value


@value
class Local:
    """An account of ours; ``detail`` is the subaddress (RFC 5233), or empty."""

    account: AccountName
    detail: str = ""


@value
class Alias:
    """Stands for other addresses, which may again be aliases.

    ``account`` is one of the same name that is a target too: it gets a copy.
    """

    targets: tuple[Address, ...]
    account: AccountName | None = None


@value
class Remote:
    """Another server's: not one of our domains."""


@value
class Unknown:
    """One of our domains, but nobody there has that name."""


@value
class Consumed:
    """One of our addresses that only a transport reads: reports about our mail."""

    transport: str


Resolution = Local | Alias | Remote | Unknown | Consumed


@value
class AccountFacts:
    """What the store must know of an account; 0 means no limit."""

    quota_octets: int = 0
    quota_messages: int = 0
    postmaster: str = ""
    """Address of who runs the suite; empty: none was chosen."""


class IDirectory(Interface):
    """The provider may cache, but a change through the suite counts at once."""

    async def authenticate(proof: Proof, origin: str) -> Principal | Denied:
        """Check a password or a signature; equal time and answer for unknown users.

        ``origin`` is the peer's IP address, for delays and bans.
        """

    async def credentials(name: str, digest: str) -> StoredKeys:
        """What SCRAM's challenge tells of a user, known or not (RFC 5802 §5.1).

        For whom there is nothing it is made up, and always the same.
        """

    def offers_scram() -> bool:
        """Whether clients may be told of SCRAM: they prefer it to passwords."""

    async def resolve(addresses: Sequence[Address]) -> Sequence[Resolution]:
        """What each address stands for, in order. Needs no disk when warm."""

    async def may_send_as(principal: Principal, sender: Address) -> bool:
        """Whether the principal may use this address as sender (RFC 6409 §6.1)."""

    async def facts(account: AccountName) -> AccountFacts:
        """Limits of an account; the defaults if it has none of its own."""


@value
class User:
    """One account, for people."""

    account: AccountName
    quota_octets: int
    disabled: bool
    created: float
    scram: bool = False
    """Whether there are keys for SCRAM."""


@value
class Domain:
    """One of our domains; ``source`` is a file name or ``state.db``."""

    name: str
    catch_all: str
    source: str


@value
class AliasRow:
    """An alias and its targets; ``source`` as in :class:`Domain`."""

    address: str
    targets: tuple[str, ...]
    source: str


class IDirectoryAdmin(Interface):
    """Changes to what lives in ``state.db``; used by the API and the CLI.

    Each raises :class:`~mailsuite.model.errors.UsageError` with a text that says
    what to do; each is durable on return.
    """

    async def users(domain: str = "") -> Sequence[User]: ...

    async def add_user(
        address: Address, password: str, quota_octets: int = 0
    ) -> User: ...

    async def set_password(address: Address, password: str) -> None: ...

    async def set_quota(address: Address, quota_octets: int) -> User: ...

    async def set_disabled(address: Address, *, disabled: bool) -> User:
        """Whoever is disabled cannot log in; mail to them is taken as before."""

    async def remove_user(address: Address) -> None: ...

    async def domains() -> Sequence[Domain]: ...

    async def add_domain(name: str, catch_all: str = "") -> Domain: ...

    async def remove_domain(name: str) -> None: ...

    async def aliases(domain: str = "") -> Sequence[AliasRow]: ...

    async def add_alias(address: Address, targets: Sequence[Address]) -> AliasRow: ...

    async def remove_alias(address: Address) -> None: ...
