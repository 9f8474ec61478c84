"""What every IMAP session of one service shares."""

from attrs import Factory, frozen
from twisted.internet.interfaces import IReactorTime

from mailsuite.imap.settings import IMAP
from mailsuite.imap.tidings import Tidings
from mailsuite.interfaces.blobs import IBlobs
from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.happenings import IHappenings
from mailsuite.interfaces.mailboxes import IAccounts
from mailsuite.net.throttle import Throttle
from mailsuite.tls.contexts import Contexts


@frozen
class Ground:
    """Given to every session; ``settings`` is replaced as a whole at a reload."""

    clock: IReactorTime
    directory: IDirectory
    accounts: IAccounts
    blobs: IBlobs
    contexts: Contexts
    throttle: Throttle
    events: IEvents
    settings: IMAP = Factory(IMAP)
    happenings: IHappenings | None = None
    """Who runs scripts at what sessions do; None: nobody."""
    sieve: str = ""
    """URL of the ManageSieve server that has these scripts (RFC 6785 §2.1)."""
    tidings: Tidings = Factory(Tidings)
