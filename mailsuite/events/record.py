"""The recorder: an event becomes one line of the log and one count."""

from collections.abc import Callable, Mapping

from attrs import define, field
from zope.interface import implementer

from mailsuite.events.lines import STYLES, Stamps, Value
from mailsuite.events.metrics import Counts
from mailsuite.events.sink import Sink
from mailsuite.interfaces.events import IEvents

Render = Callable[[str, str, Mapping[str, Value]], str]


@implementer(IEvents)
@define(eq=False, repr=False)
class Events:
    """Provides IEvents for a running house."""

    _wall: Callable[[], float]
    _sink: Sink
    counts: Counts = field(factory=Counts)
    _render: Render = STYLES["logfmt"]
    _stamps: Stamps = field(factory=Stamps)

    def happened(self, name: str, **fields: Value) -> None:
        """Count it and write its line; the write itself comes later."""
        self.counts.count(name, fields)
        self._sink.add(self._render(self._stamps.of(self._wall()), name, fields))

    def style(self, name: str) -> None:
        """Write further lines in that style."""
        self._render = STYLES[name]

    def reopen(self) -> None:
        """Open the log file anew."""
        self._sink.reopen()

    def stop(self) -> None:
        """Write what waits; the last thing a process does."""
        if self._sink.dropped:
            self.happened("log.dropped", lines=self._sink.dropped)
        self._sink.stop()
