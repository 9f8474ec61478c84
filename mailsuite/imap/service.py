"""The IMAP service: doors that count themselves in and out."""

from collections.abc import Sequence

from attrs import define

from mailsuite.imap.door import Door
from mailsuite.imap.ground import Ground
from mailsuite.net.service import Counted, DoorService, Socket


@define(eq=False, slots=False)
class Watched(Counted, Door):
    """A door that its service knows of."""


def service(
    ground: Ground, sockets: Sequence[Socket], prefix: str = "i"
) -> DoorService:
    """Make the service of all IMAP sockets; ``prefix`` begins each session's id."""
    return DoorService(ground, sockets, prefix, _door)


def _door(service: DoorService, implicit: bool) -> Watched:
    ground: Ground = service.ground
    return Watched(ground.clock, service.next_name(), ground, implicit, service=service)
