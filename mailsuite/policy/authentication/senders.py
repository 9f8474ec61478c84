"""Who hands a message over: iprev and SPF, asked for while the dialogue goes on.

The questions begin with the first recipient that is accepted, so that who only tries
names costs no DNS, and are answered when the message has come.
"""

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

Greeted = tuple[SPF, SPF]
"""Of the greeting, and the same for a message with a null reverse-path."""


def _lasts(found: Reverse | SPF) -> bool:
    return found.result is not Result.TEMPERROR


@define(eq=False)
class Senders:
    """Asks, and remembers for a while."""

    _ground: Ground
    _settings: Authentication
    _names: Findings[Reverse] = field(init=False)
    _greetings: Findings[Greeted] = field(init=False)
    _policies: Findings[SPF] = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings, ground = self._settings, self._ground
        now = ground.reactor.seconds
        how = (now, ground.tasks, settings.cache, settings.cache_seconds)
        self._names = Findings(*how, _lasts, lambda found: found.steps)
        self._greetings = Findings(
            *how, lambda found: _lasts(found[0]), lambda found: found[0].steps
        )
        self._policies = Findings(*how, _lasts, lambda found: found.steps)

    def begin(self, ip: str, helo: str, sender: Address | None) -> None:
        """Begin to ask everything at once, if nobody did."""
        self._names.begin(ip, lambda: self._name(ip))
        self._greetings.begin((ip, helo), lambda: self._greeting(ip, helo))
        if sender is not None:
            key = (ip, helo, sender)
            self._policies.begin(key, lambda: self._policy(ip, helo, sender))

    async def find(self, ip: str, helo: str, sender: Address | None) -> Sender:
        """Give all findings; :meth:`begin` was called before."""
        found, mailfrom = await self._greetings.find(
            (ip, helo), lambda: self._greeting(ip, helo)
        )
        if sender is not None:
            mailfrom = await self._policies.find(
                (ip, helo, sender), lambda: self._policy(ip, helo, sender)
            )
        name = await self._names.find(ip, lambda: self._name(ip))
        return Sender(name, found, mailfrom)

    async def _name(self, ip: str) -> Reverse:
        return await reverse.check(ip, self._budget(REVERSE_QUESTIONS))

    async def _greeting(self, ip: str, helo: str) -> Greeted:
        budget = self._budget(self._settings.queries // 4)
        return await spf.check(ip, helo, None, budget, self._receiver())

    async def _policy(self, ip: str, helo: str, sender: Address) -> SPF:
        budget = self._budget(self._settings.queries // 2)
        return await spf.mailfrom(ip, helo, sender, budget, self._receiver())

    def _receiver(self) -> Receiver:
        ground, pointers = self._ground, self._settings.spf_pointers
        return Receiver(ground.hostname, ground.wall(), names=pointers)

    def _budget(self, queries: int) -> Budget:
        ground = self._ground
        seconds = self._settings.seconds
        return Budget(ground.resolver, ground.reactor, queries, seconds)
