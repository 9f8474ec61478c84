"""The ManageSieve service: doors that count themselves in and out."""

from collections.abc import Sequence

from attrs import define, field
from typing_extensions import override

from mailsuite.managesieve.door import Door
from mailsuite.managesieve.ground import Ground
from mailsuite.net.service import DoorService, Socket


@define(eq=False, slots=False)
class Watched(Door):
    """A door that its service knows of while it is open."""

    service: DoorService = field(kw_only=True)

    @override
    def opened(self) -> None:
        self.service.came(self)
        super().opened()

    @override
    def ended(self) -> None:
        super().ended()
        self.service.left(self)


def service(
    ground: Ground, sockets: Sequence[Socket], prefix: str = "s"
) -> DoorService:
    """Make the service of all sockets; ``prefix`` begins each session's id."""
    return DoorService(ground, sockets, prefix, _door)


def _door(service: DoorService, _: bool) -> Watched:
    ground: Ground = service.ground
    return Watched(ground.clock, service.next_name(), ground, service=service)
