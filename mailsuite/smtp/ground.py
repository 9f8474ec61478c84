"""What every door stands on, handed in by the house."""

from collections.abc import Callable

from attrs import frozen
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime

from mailsuite.interfaces.directory import IDirectory
from mailsuite.interfaces.events import IEvents
from mailsuite.interfaces.receiving import IReceptions
from mailsuite.net.throttle import Throttle

TLS = Callable[[], IOpenSSLServerConnectionCreator]


@frozen(eq=False)
class Ground:
    """Of one purpose: reception, submission or LMTP.

    ``tls`` gives the context of now; it is called only where TLS is offered.
    """

    clock: IReactorTime
    receptions: IReceptions
    directory: IDirectory
    events: IEvents
    throttle: Throttle
    tls: TLS
