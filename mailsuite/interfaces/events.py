"""What operators count and auditors read."""

from attrs import Factory, frozen
from zope.interface import Interface


@frozen
class Event:
    """Something that happened, by its name in the catalogue.

    ``fields`` are shown in the log in their order; values are text or numbers.
    """

    name: str
    fields: dict[str, str | int | float] = Factory(dict)


class IEvents(Interface):
    """Takes events; cheap enough for the path of every message."""

    def happened(name: str, **fields: str | int | float) -> None:
        """Record it: one log line, and the counters that the catalogue names.

        ``sid`` (session) and ``qid`` (queue id) are given wherever they exist.
        """
