"""A connection that one of our listening sockets accepted.

It reads and closes with less ado than Twisted's own. What ends in the middle of a
read, with everything sent, is closed right after it; Twisted waits for the next
turn to tell that the socket can be written to.
"""

import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import Connection, Server
from twisted.python.failure import Failure
from typing_extensions import override

Address = IPv4Address | IPv6Address | UNIXAddress

_DONE = Failure(CONNECTION_DONE)


class Accepted(Server):
    """Of any family; it begins to read at once."""

    _shouldShutdown = False  # noqa: N815 - Twisted's name
    """Before every close, as other processes might hold the socket; none holds ours."""

    def __init__(
        self, made: Any, protocol: IProtocol, peer: Address, reactor: Any
    ) -> None:
        Connection.__init__(self, made, protocol, reactor)
        self._peer = peer
        self.serving = False
        """Whether a read is being served."""
        self._closing = False
        self.connected = 1
        # Asked for at every read and write: Twisted's defaults stand in a class far up.
        self.TLS, self.dataBuffer, self.disconnecting = False, b"", False
        reactor.addReader(self)

    @override
    def __repr__(self) -> str:
        return f"<connection of {self._peer}>"

    @override
    def logPrefix(self) -> str:
        return str(self._peer)

    @override
    def getPeer(self) -> Any:
        return self._peer

    @override
    def getHost(self) -> Any:
        name = self.socket.getsockname()
        if isinstance(self._peer, UNIXAddress):
            return UNIXAddress(name)
        return type(self._peer)("TCP", name[0], name[1])

    @override
    def setTcpNoDelay(self, enabled: bool) -> None:
        """Leave it: TCP has it from the listening socket, a Unix socket knows none."""

    @override
    def doRead(self) -> Any:
        try:
            data = self.socket.recv(self.bufferSize)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self.serving = True
        self.protocol.dataReceived(data)
        self.serving = False
        if self._closing:
            self._close()
        return None

    def _close(self) -> None:
        """All that ``connectionLost`` does when nothing is left to write.

        Where octets came that nobody read, the close is a reset, and the kernel throws
        away what it still keeps of ours: so the last words are sent off before it.
        """
        self.connected, self.disconnected = 0, 1
        self.producer = None
        self.reactor.removeReader(self)
        try:  # noqa: SIM105 - ``suppress`` takes a tenth of the close
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the peer may be gone
            pass
        self.socket.close()
        protocol = self.protocol
        del self.protocol, self.socket, self.fileno
        protocol.connectionLost(_DONE)

    def close_after_read(self) -> bool:
        """Close when what was read is served; False: it cannot be so simple.

        It can while a read is served in plain text, and all that was written is sent.
        """
        if (
            not self.serving
            or self.TLS
            or self.dataBuffer
            or self._tempDataBuffer
            or self.disconnecting
            or self._writeDisconnecting
        ):
            return False
        self.disconnecting = self._closing = True
        return True
