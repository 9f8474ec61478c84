"""Events kept in a list, for tests and for commands that run to their end."""

from attrs import define, field
from zope.interface import implementer

from mailsuite.interfaces.events import Event, IEvents


@implementer(IEvents)
@define(eq=False, repr=False)
class Events:
    """Provides IEvents; ``seen`` is everything in order."""

    seen: list[Event] = field(factory=list)

    def happened(self, name: str, **fields: str | int | float) -> None:
        """Keep it."""
        self.seen.append(Event(name, dict(fields)))

    def names(self) -> list[str]:
        """Only what happened."""
        return [event.name for event in self.seen]

    def of(self, name: str) -> list[Event]:
        """Those of one name."""
        return [event for event in self.seen if event.name == name]
