"""Passwords: argon2id on threads of their own, and a memory of good answers.

The memory holds keyed digests of (stored hash, secret), so that it knows neither
passwords nor outlives a change of one. An unknown user costs the same time as a
wrong password (CWE-208).
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import define, field
from twisted.internet.defer import Deferred

from mailsuite.model.principals import StoredKeys
from mailsuite.net.lanes import Lanes
from mailsuite.wire.sasl import scram

TIME_COST = 2
MEMORY_KIB = 19 * 1024
PARALLELISM = 1
LANES = 2
"""Threads that hash at once; each takes 20 ms and 19 MiB a password."""
WAITING = 1_000
"""More than this unanswered (10 s of work) and further ones are told to wait."""
REMEMBERED = 20_000
SECRET_OCTETS = 1_024
ITERATIONS = 10_000
"""Of SCRAM: RFC 7677 §4 asks for 4,096 at least and for 0.1 s where clients bear it.

The client spends them anew at each login, on a telephone too (there 0.05 s), and
some refuse many more. So whoever steals ``state.db`` finds SCRAM's keys cheaper to
guess at than argon2id's; ``[directory] scram = "never"`` keeps none.
"""

_HASHER = PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM)
DUMMY = (
    "$argon2id$v=19$m=19456,t=2,p=1$SavRfKgL1CNBWn4Ot9j9Lg"
    "$kzRzR13cNFs7uGDwX0cOaUOocs1dRZzQF43wwDxFK0U"
)
"""What the secret of an unknown user is checked against."""


class Busy(Exception):  # noqa: N818 - a state of the world, not an error
    """Too many passwords wait; say so as a temporary failure."""


class Checker(Protocol):
    """Makes and checks stored forms of passwords.

    ``iterations`` is what each of its keys for SCRAM has.
    """

    iterations: int

    async def hashed(self, secret: str) -> str:
        """Give the stored form of a new password."""
        ...

    async def matches(self, stored: str | None, secret: str) -> bool:
        """Whether it is the password; ``stored`` is None for nobody's."""
        ...

    async def keyed(
        self, secret: str, salts: Mapping[str, bytes]
    ) -> tuple[StoredKeys, ...]:
        """Give what SCRAM keeps of a password, by digest with its salt."""
        ...

    def stop(self) -> None:
        """Let go of threads."""
        ...


def hash_now(secret: str) -> str:
    """Hash on the calling thread: 20 ms."""
    return _HASHER.hash(_cut(secret))


def key_now(
    secret: str, salts: Mapping[str, bytes], iterations: int = ITERATIONS
) -> tuple[StoredKeys, ...]:
    """Derive SCRAM's keys on the calling thread: 4 ms for each digest."""
    return tuple(
        scram.keys(secret, digest, salt, iterations) for digest, salt in salts.items()
    )


def verify_now(stored: str, secret: str) -> bool:
    """Verify on the calling thread: 20 ms whatever the answer."""
    try:
        return _HASHER.verify(stored, _cut(secret))
    except (VerificationError, InvalidHashError):
        return False


def _cut(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogateescape")[:SECRET_OCTETS]


@define(eq=False, repr=False)
class Argon2:
    """Provides Checker for a running house."""

    _lanes: Lanes
    _key: bytes = field(factory=lambda: os.urandom(32), repr=False)
    _good: OrderedDict[bytes, None] = field(factory=OrderedDict)
    _asking: dict[bytes, list[Deferred[bool]]] = field(factory=dict)
    _turn: int = 0
    iterations: int = ITERATIONS

    async def hashed(self, secret: str) -> str:
        """Hash on a lane."""
        return await self._lanes.lane(self._next()).run(hash_now, secret)

    async def keyed(
        self, secret: str, salts: Mapping[str, bytes]
    ) -> tuple[StoredKeys, ...]:
        """Derive on a lane."""
        return await self._lanes.lane(self._next()).run(key_now, secret, salts)

    async def matches(self, stored: str | None, secret: str) -> bool:
        """Answer from memory, else on a lane. :raises Busy: too many wait."""
        digest = self._digest(stored or DUMMY, secret)
        if digest in self._good:
            self._good.move_to_end(digest)
            return True
        if (others := self._asking.get(digest)) is not None:
            answer: Deferred[bool] = Deferred()
            others.append(answer)
            return await answer
        if len(self._asking) >= WAITING:
            raise Busy("too many passwords wait to be checked")
        return await self._ask(digest, stored, secret)

    async def _ask(self, digest: bytes, stored: str | None, secret: str) -> bool:
        self._asking[digest] = []
        good = False
        try:
            lane = self._lanes.lane(self._next())
            good = await lane.run(verify_now, stored or DUMMY, secret)
            good = good and stored is not None
        finally:
            for other in self._asking.pop(digest):
                other.callback(good)
        if good:
            self._remember(digest)
        return good

    def _remember(self, digest: bytes) -> None:
        self._good[digest] = None
        if len(self._good) > REMEMBERED:
            self._good.popitem(last=False)

    def _digest(self, stored: str, secret: str) -> bytes:
        mac = hashlib.blake2b(stored.encode(), key=self._key, digest_size=32)
        mac.update(b"\0" + _cut(secret))
        return mac.digest()

    def _next(self) -> int:
        self._turn += 1
        return self._turn

    def stop(self) -> None:
        """End the threads."""
        self._lanes.stop()
