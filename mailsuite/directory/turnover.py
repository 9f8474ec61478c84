"""Time passes over signing keys: new ones take over, old ones are forgotten.

No key signs before DNS shows its record, unless the settings say so: mail signed by
a key that nobody can find is mail without a signature.
"""

from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from mailsuite.directory.keys import ACTIVE, NEW, OLD
from mailsuite.directory.keysadmin import KeysAdmin
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.resolving import IResolver, NoAnswer, NoSuchName
from mailsuite.interfaces.signing import SigningKey
from mailsuite.mailauth.settings import Signing
from mailsuite.model.errors import UsageError
from mailsuite.net.tasks import Tasks

TURN_SECONDS = 600.0
"""How often the keys are looked at."""
DAY_SECONDS = 86_400.0


@define(eq=False, repr=False)
class Turnover:
    """Looks at all keys from time to time."""

    _clock: IReactorTime
    _wall: Callable[[], float]
    _keys: KeysAdmin
    _resolver: IResolver
    _events: IEvents
    _settings: Signing = field(factory=Signing)
    _turning: LoopingCall | None = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    def start(self) -> None:
        """Begin to look; the first time after :data:`TURN_SECONDS`."""
        self._turning = LoopingCall(self._launch)
        self._turning.clock = self._clock
        _ = self._turning.start(TURN_SECONDS, now=False)

    async def stop(self) -> None:
        """Look no more."""
        if self._turning is not None:
            self._turning.stop()
            self._turning = None
        await self._tasks.stop()

    def rearrange(self, settings: Signing) -> None:
        """Use other settings from the next look on."""
        self._settings = settings

    def _launch(self) -> None:
        if not len(self._tasks):
            self._tasks.launch("turn over signing keys", self.turn())

    async def turn(self) -> None:
        """Do what is due for every domain."""
        domains: dict[str, list[SigningKey]] = {}
        for key in await self._keys.keys():
            domains.setdefault(key.domain, []).append(key)
        for domain, keys in domains.items():
            try:
                await self._turn(domain, keys)
            except UsageError:  # an operator was faster
                continue

    async def _turn(self, domain: str, keys: Sequence[SigningKey]) -> None:
        settings = self._settings
        for key in self._due(keys, OLD, settings.retire_days):
            await self._keys.retire(domain, key.selector)
        new = [key for key in keys if key.state == NEW]
        if new:
            if len(self._due(new, NEW, settings.publish_days)) == len(new):
                await self._take_over(domain, new)
            return
        active = [key for key in keys if key.state == ACTIVE]
        aged = self._due(active, ACTIVE, settings.rotate_days)
        if active and settings.rotate_days > 0 and len(aged) == len(active):
            await self._keys.rotate(domain)

    def _due(
        self, keys: Sequence[SigningKey], state: str, days: float
    ) -> list[SigningKey]:
        latest = self._wall() - days * DAY_SECONDS
        return [key for key in keys if key.state == state and key.since <= latest]

    async def _take_over(self, domain: str, new: Sequence[SigningKey]) -> None:
        if self._settings.check_published:
            missing = [key for key in new if not await self._shown(key)]
            if missing:
                for key in missing:
                    self._events.happened(
                        "directory.unpublished", domain=domain, selector=key.selector
                    )
                return
        await self._keys.activate(domain)

    async def _shown(self, key: SigningKey) -> bool:
        """Whether DNS has the key's record; only its ``p=`` is compared."""
        wanted = key.record.rpartition("p=")[2].encode()
        try:
            texts = await self._resolver.texts(key.name)
        except (NoSuchName, NoAnswer):
            return False
        return any(wanted in b"".join(text.split()) for text in texts)
