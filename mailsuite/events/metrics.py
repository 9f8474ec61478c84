"""Counts of events and gauges of the house, in Prometheus' text format."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping

from attrs import define, field
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from mailsuite.events.catalogue import CATALOGUE, Entry

Value = str | int | float
Labels = tuple[str, ...]
_Counts = tuple[Labels, dict[tuple[Value | None, ...], int]]
"""The labels of an event, and how many there were with each of their values."""


@define(eq=False, repr=False)
class Counts(Collector):
    """Plain numbers while running, metric families only when somebody asks."""

    _counts: dict[str, _Counts] = field(factory=dict)
    _gauges: dict[str, tuple[str, Callable[[], float]]] = field(factory=dict)
    _tallies: dict[str, tuple[str, Callable[[], float]]] = field(factory=dict)
    _levels: dict[str, tuple[str, str, Callable[[], Mapping[str, float]]]] = field(
        factory=dict
    )
    _before: list[Callable[[], Awaitable[None]]] = field(factory=list)
    registry: CollectorRegistry = field(
        factory=lambda: CollectorRegistry(auto_describe=False)
    )

    def __attrs_post_init__(self) -> None:
        self.registry.register(self)

    def count(self, name: str, fields: Mapping[str, Value]) -> None:
        """One more of it."""
        known = self._counts.get(name)
        if known is None:
            entry = CATALOGUE.get(name)
            known = self._counts[name] = (entry.labels if entry else (), {})
        labels, counts = known
        key = tuple(map(fields.get, labels))
        counts[key] = counts.get(key, 0) + 1

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show ``read()`` as ``mailsuite_<name>`` whenever somebody asks."""
        self._gauges[name] = (meaning, read)

    def levels(
        self,
        name: str,
        meaning: str,
        label: str,
        read: Callable[[], Mapping[str, float]],
    ) -> None:
        """Show a gauge for each value of ``label``."""
        self._levels[name] = (meaning, label, read)

    def before(self, look: Callable[[], Awaitable[None]]) -> None:
        """Await ``look()`` before a scrape is answered: what gauges read is fresh."""
        self._before.append(look)

    def tally(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show what a room counts itself, as ``mailsuite_<name>_total``.

        For what happens too often to be an event; ``read()`` never gets smaller.
        """
        self._tallies[name] = (meaning, read)

    @override
    def collect(self) -> Iterator[Metric]:
        for name, (_, counts) in self._counts.items():
            entry = CATALOGUE.get(name) or Entry(name, "not in the catalogue")
            family = CounterMetricFamily(
                entry.metric, entry.meaning, labels=entry.labels
            )
            for key, number in _shown(counts).items():
                family.add_metric(key, number)
            yield family
        for name, (meaning, read) in self._tallies.items():
            yield CounterMetricFamily(f"mailsuite_{name}", meaning, value=read())
        for name, (meaning, read) in self._gauges.items():
            yield GaugeMetricFamily(f"mailsuite_{name}", meaning, value=read())

        for name, (meaning, label, levels) in self._levels.items():
            shown = GaugeMetricFamily(f"mailsuite_{name}", meaning, labels=(label,))
            for value, level in levels().items():
                shown.add_metric((value,), level)
            yield shown

    async def scrape(self) -> bytes:
        """Everything as of now."""
        for look in self._before:
            await look()
        return self.text()

    def text(self) -> bytes:
        """Everything, as a scrape answers it."""
        return generate_latest(self.registry)


def _shown(counts: Mapping[tuple[Value | None, ...], int]) -> Mapping[Labels, int]:
    """By the texts of the labels; one that is missing is empty."""
    shown: Counter[Labels] = Counter()
    for key, number in counts.items():
        shown[tuple("" if value is None else str(value) for value in key)] += number
    return shown
