"""What every ManageSieve session of one service shares."""

from attrs import Factory, frozen
from twisted.internet.interfaces import IReactorTime

from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.scripts import IScripts
from mailsuite.managesieve.settings import ManageSieve
from mailsuite.net.throttle import Throttle
from mailsuite.tls.contexts import Contexts


@frozen
class Offer:
    """What the greeting tells of the language (RFC 5804 §1.7)."""

    extensions: tuple[str, ...]
    redirects: int
    """MAXREDIRECTS."""
    octets: int
    """Of one script at most."""
    notify: tuple[str, ...] = ()
    """URI schemes of enotify."""
    lists: tuple[str, ...] = ()
    """URI schemes of extlists (RFC 6134)."""


@frozen
class Ground:
    """Given to every session; ``settings`` is replaced as a whole at a reload."""

    clock: IReactorTime
    directory: IDirectory
    scripts: IScripts
    contexts: Contexts
    throttle: Throttle
    events: IEvents
    offer: Offer
    settings: ManageSieve = Factory(ManageSieve)
