"""What stages may know of a connection and its transaction."""

from collections.abc import Mapping

from attrs import define
from zope.interface import implementer

from mailsuite.interfaces.receiving import IView, IWatch
from mailsuite.model.address import Address
from mailsuite.model.envelope import Blob, Marks
from mailsuite.model.principals import Peer, Principal

NOTHING: Marks = {}
UNWATCHED: Mapping[object, IWatch] = {}


@implementer(IView)
@define(eq=False, repr=False)
class View:
    """Filled by reception and transaction as the dialogue goes on.

    ``extended`` is False after HELO; ``role`` names the way in.
    """

    peer: Peer
    role: str
    greeting: str = ""
    extended: bool = True
    principal: Principal | None = None
    sender: Address | None = None
    parameters: Mapping[str, str] = NOTHING
    recipient: Address | None = None
    recipients: tuple[Address, ...] = ()
    blob: Blob | None = None
    header: bytes = b""
    marks: Marks = NOTHING
    watches: Mapping[object, IWatch] = UNWATCHED

    def fresh(self) -> "View":
        """The same connection before its next transaction."""
        return View(self.peer, self.role, self.greeting, self.extended, self.principal)
