"""SCRAM's keys of users: told, made up, derived when the password is at hand.

Who is unknown gets a salt that is the same for ever, and so does everybody else, so
that challenges, over years too, tell nobody who has a mailbox here (RFC 5802 §9,
CWE-204).
"""

from attrs import define, field

from mailsuite.directory.book import SALT_OCTETS, Account
from mailsuite.directory.passwords import Checker
from mailsuite.directory.state import State
from mailsuite.model.ids import AccountName
from mailsuite.model.principals import Signature, StoredKeys
from mailsuite.net.tasks import Tasks
from mailsuite.wire.sasl.scram import proven

DERIVING = 100
"""Accounts whose keys are derived at once; others get theirs at a later login."""


@define(eq=False, repr=False)
class Scram:
    """Over the state and the checker of a registry."""

    _state: State
    _checker: Checker
    _deriving: set[AccountName] = field(factory=set)
    _tasks: Tasks = field(factory=Tasks)

    def known(self, name: str, digest: str) -> StoredKeys:
        """What a challenge tells, in the same time for whoever has no keys."""
        book = self._state.book
        salt, stored, server = (
            book.derived(part, digest, name) for part in ("salt", "stored", "server")
        )
        iterations = self._checker.iterations
        made_up = StoredKeys(digest, salt[:SALT_OCTETS], iterations, stored, server)
        account = book.login(name)
        keys = account.keys if account is not None else ()
        return next((one for one in keys if one.digest == digest), made_up)

    def proves(self, signature: Signature, account: Account | None) -> bool:
        """Whether the account's keys, as they are now, made the signature."""
        good = proven(signature)
        return good and account is not None and signature.keys in account.keys

    def derive(self, account: Account, secret: str) -> None:
        """Make the keys that are missing: the password is known now."""
        rule, name = self._state.book.rules.scram, account.name
        if account.keys or rule == "never" or len(self._deriving) >= DERIVING:
            return
        if name not in self._deriving:
            self._deriving.add(name)
            self._tasks.launch("derive keys for SCRAM", self._derived(account, secret))

    async def _derived(self, account: Account, secret: str) -> None:
        try:
            salts = self._state.book.salts(account.name)
            keys = await self._checker.keyed(secret, salts)
            if self._state.book.rules.scram != "never":
                await self._state.key(account, keys)
                await self._obeyed()  # the setting may be another one by now
        finally:
            self._deriving.discard(account.name)

    def obey(self) -> None:
        """Forget everybody's keys if the setting says so."""
        self._tasks.launch("forget keys of SCRAM", self._obeyed())

    async def _obeyed(self) -> None:
        if self._state.book.rules.scram == "never":
            await self._state.unkey()

    async def settled(self) -> None:
        """Wait until all that was begun is done."""
        await self._tasks.settled()
