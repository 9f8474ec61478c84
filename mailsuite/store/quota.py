"""Limits of accounts: what the directory allows, less what is kept and coming."""

from collections.abc import Callable

from attrs import define, field

from mailsuite.interfaces.directory import AccountFacts, IDirectory
from mailsuite.model.changes import Room
from mailsuite.model.errors import OverQuota
from mailsuite.model.ids import AccountName
from mailsuite.store.shelf import Shelf

FACTS_SECONDS = 10.0  # a change of limits counts after this long at most
ACCOUNTS = 10_000  # whose limits are remembered
ENDLESS = Room(None, None)


@define(eq=False)
class Quota:
    """Knows every account's limits for some seconds."""

    _directory: IDirectory
    _seconds: Callable[[], float]
    _known: dict[AccountName, tuple[float, AccountFacts]] = field(factory=dict)

    async def facts(self, account: AccountName) -> AccountFacts:
        """The account's limits."""
        now = self._seconds()
        known = self._known.get(account)
        if known is not None and known[0] > now:
            return known[1]
        facts = await self._directory.facts(account)
        if len(self._known) >= ACCOUNTS:
            self._known.clear()
        self._known[account] = (now + FACTS_SECONDS, facts)
        return facts

    async def limits(self, account: AccountName) -> bool:
        """Whether it has any."""
        facts = await self.facts(account)
        return bool(facts.quota_octets or facts.quota_messages)

    async def room(self, shelf: Shelf) -> Room:
        """What is left."""
        facts = await self.facts(shelf.name)
        if not (facts.quota_octets or facts.quota_messages):
            return ENDLESS
        octets, messages = usage(shelf)
        return Room(
            max(0, facts.quota_octets - octets) if facts.quota_octets else None,
            max(0, facts.quota_messages - messages) if facts.quota_messages else None,
        )

    async def take(self, shelf: Shelf, octets: int, messages: int) -> None:
        """Hold room for what is coming. :raises OverQuota: there is none."""
        facts = await self.facts(shelf.name)
        if facts.quota_octets or facts.quota_messages:
            room = await self.room(shelf)
            if room.octets is not None and octets > room.octets:
                raise OverQuota(f"no room for {octets} octets")
            if room.messages is not None and messages > room.messages:
                raise OverQuota(f"no room for {messages} messages")
        shelf.octets_coming += octets
        shelf.messages_coming += messages


def usage(shelf: Shelf) -> tuple[int, int]:
    """Octets and messages, those on their way counted in."""
    boxes = list(shelf.index.boxes.values())
    return (
        sum(box.octets for box in boxes) + shelf.octets_coming,
        sum(box.messages for box in boxes) + shelf.messages_coming,
    )


def give(shelf: Shelf, octets: int, messages: int) -> None:
    """It is kept now, or will not come."""
    shelf.octets_coming -= octets
    shelf.messages_coming -= messages
