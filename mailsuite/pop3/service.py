"""The POP3 service: doors that count themselves in and out."""

from collections.abc import Sequence

from attrs import define

from mailsuite.net.service import Counted, DoorService, Socket
from mailsuite.pop3.door import Door
from mailsuite.pop3.ground import Ground


@define(eq=False, slots=False)
class Watched(Counted, Door):
    """A door that its service knows of."""


def service(
    ground: Ground, sockets: Sequence[Socket], prefix: str = "p"
) -> DoorService:
    """Make the service of all POP3 sockets; ``prefix`` begins each session's id."""
    return DoorService(ground, sockets, prefix, _door)


def _door(service: DoorService, implicit: bool) -> Watched:
    ground: Ground = service.ground
    return Watched(ground.clock, service.next_name(), ground, implicit, service=service)
