"""Who hands a message over: iprev and SPF, asked for while the dialogue goes on.

The questions begin with the first recipient that is accepted, so that who only tries
names costs no DNS, and are answered when the message has come.
"""

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from mailsuite.dns.budget import Budget
from mailsuite.mailauth import reverse, spf
from mailsuite.mailauth.spflookups import Receiver
from mailsuite.model.address import Address
from mailsuite.model.proofs import SPF, Result, Reverse
from mailsuite.policy.authentication.findings import Findings
from mailsuite.policy.authentication.ground import Ground
from mailsuite.policy.authentication.settings import Authentication

REVERSE_QUESTIONS = 11  # one for the names, and RFC 7208 §5.5 looks at ten of them


@frozen
class Sender:
    """Findings about a client and what it says of itself."""

    reverse: Reverse
    helo: SPF
    mailfrom: SPF


UNASKED = Sender(
    Reverse(Result.NONE), SPF(Result.NONE, "helo", ""), SPF(Result.NONE, "mailfrom", "")
)
"""Of a peer whose address tells nothing: LMTP, a Unix socket."""

Policies = tuple[SPF, SPF]


def _settled(found: Policies) -> bool:
    return all(one.result is not Result.TEMPERROR for one in found)


@define(eq=False)
class Senders:
    """Asks, and remembers for a while."""

    _ground: Ground
    _settings: Authentication
    _names: Findings[Reverse] = field(init=False)
    _policies: Findings[Policies] = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings, ground = self._settings, self._ground
        now = ground.reactor.seconds
        how = (now, ground.tasks, settings.cache, settings.cache_seconds)
        self._names = Findings(*how, lambda found: found.result is not Result.TEMPERROR)
        self._policies = Findings(*how, _settled)

    def begin(self, ip: str, helo: str, sender: Address | None) -> None:
        """Begin to ask, if nobody did."""
        self._names.begin(ip, self._reversed(ip))
        self._policies.begin((ip, helo, sender), self._policed(ip, helo, sender))

    async def find(self, ip: str, helo: str, sender: Address | None) -> Sender:
        """Give all findings; both are asked for at once."""
        self.begin(ip, helo, sender)
        policed = self._policed(ip, helo, sender)
        helos, mailfrom = await self._policies.find((ip, helo, sender), policed)
        name = await self._names.find(ip, self._reversed(ip))
        return Sender(name, helos, mailfrom)

    def _reversed(self, ip: str) -> Callable[[], Any]:
        return lambda: reverse.check(ip, self._budget(REVERSE_QUESTIONS))

    def _policed(self, ip: str, helo: str, sender: Address | None) -> Callable[[], Any]:
        budget = self._budget
        half = self._settings.queries // 2
        ground, pointers = self._ground, self._settings.spf_pointers
        receiver = Receiver(ground.hostname, ground.wall(), names=pointers)
        return lambda: spf.check(ip, helo, sender, budget(half), receiver)

    def _budget(self, queries: int) -> Budget:
        ground = self._ground
        seconds = self._settings.seconds
        return Budget(ground.resolver, ground.reactor, queries, seconds)
