"""Listening sockets: bound early, served later.

Sockets are bound before privileges are dropped and before anything else starts,
so that a port in use stops the start with a text that says what to do. A
:class:`Bound` is then given its factory. Until that, connections wait in the
kernel's queue.
"""

import errno
import os
import resource
import socket
import stat
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, NoReturn, cast

from attrs import define, frozen
from twisted.internet import address as addresses
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from mailsuite.model.errors import UsageError
from mailsuite.net.accepted import Accepted, Address

BACKLOG = 511  # connections that the kernel keeps while we are busy
ACCEPTS_PER_TURN = 32  # then others get their turn of the reactor
ACCEPT_SECONDS = 0.005  # or after so long: a greeting costs up to 1 ms
PAUSE_SECONDS = 0.1  # without descriptors: how long accept rests
RESERVED = 256  # descriptors kept for files, so that open sessions can be served
RESERVED_PART = 8  # but no more than this part of all
SOCKET_MODE = 0o660  # of a Unix socket: owner and group may deliver

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_log = Logger()


@frozen
class Place:
    """Where to listen: ``path`` of a Unix socket, or ``host`` and ``port``."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read ``127.0.0.1:25``, ``[::1]:25``, ``*:25``, ``unix:/path``.

        ``*`` means every IPv4 address, ``[::]`` every address of both kinds.

        :raises UsageError: it is none of them.
        """
        if text.startswith("unix:"):
            return cls(path=text[5:]) if len(text) > 5 else _unreadable(text)
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 0xFFFF:
            _unreadable(text)
        host = "0.0.0.0" if host in {"", "*"} else host
        bracketed = host.startswith("[") and host.endswith("]")
        host = host[1:-1] if bracketed else host
        try:
            version = ip_address(host).version
        except ValueError:
            _unreadable(text)
        return (
            cls(host, int(port)) if bracketed == (version == 6) else _unreadable(text)
        )

    @override
    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return (
            f"[{self.host}]:{self.port}"
            if ":" in self.host
            else f"{self.host}:{self.port}"
        )


def _unreadable(text: str) -> NoReturn:
    raise UsageError(
        f"cannot listen on {text!r}: write an address and a port such as "
        "127.0.0.1:25, [::1]:25 or *:25, or unix:/path/of/socket"
    )


@define(eq=False)
class Bound:
    """A bound and listening socket that nobody accepts from yet."""

    place: Place
    _socket: socket.socket

    @property
    def port(self) -> int:
        """The TCP port, also when the kernel chose it; 0 on a Unix socket."""
        return 0 if self.place.path else int(self._socket.getsockname()[1])

    def listen(self, reactor: Any, factory: IProtocolFactory) -> "Listening":
        """Begin to accept; the result owns the socket."""
        listening = Listening(reactor, self._socket, factory, self.place)
        listening.start()
        return listening

    def close(self) -> None:
        """Give the socket up without ever having served it."""
        self._socket.close()
        if self.place.path:
            with suppress(FileNotFoundError):
                os.unlink(self.place.path)


class _Listener(socket.socket):
    """Accepts with less ado than Python's: two enums and four calls for each."""

    __slots__ = ("_family",)

    def __init__(self, family: socket.AddressFamily) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._family = family

    @override
    def accept(self) -> tuple[Any, Any]:
        """Give the socket of the next connection, bare, and whose it is."""
        number, peer = self._accept()  # type: ignore[attr-defined] # Python's own
        made = socket.SocketType(self._family, socket.SOCK_STREAM, 0, number)
        return made, peer


def bind(place: Place) -> Bound:
    """Bind and listen.

    A socket file that a dead process left behind is replaced.

    :raises UsageError: in use, forbidden or not there; the text says what to do.
    """
    if place.path:
        return Bound(place, _bind_path(place))
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    made = _Listener(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, place.host != "::")
        made.bind((place.host, place.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # for all of its
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise UsageError(_advice(place, error)) from error
    return Bound(place, made)


def _bind_path(place: Place) -> socket.socket:
    _clear_path(place)
    made = _Listener(socket.AF_UNIX)
    before = os.umask(0o777 & ~SOCKET_MODE)
    try:
        made.bind(place.path)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise UsageError(_advice(place, error)) from error
    finally:
        os.umask(before)
    return made


def _clear_path(place: Place) -> None:
    """Remove a socket that nobody listens on; leave anything else alone."""
    try:
        mode = os.lstat(place.path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise UsageError(
            f"cannot listen on {place}: another file has that name; move it"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(place.path)
        except ConnectionRefusedError:
            os.unlink(place.path)
            return
        except OSError as error:
            raise UsageError(_advice(place, error)) from error
    raise UsageError(_advice(place, OSError(errno.EADDRINUSE, "in use")))


def _advice(place: Place, error: OSError) -> str:
    what = f"cannot listen on {place}: "
    if error.errno in {errno.EADDRINUSE, errno.EAGAIN}:
        return what + (
            "it is in use; stop the program that holds it "
            "(ss -lxtnp shows which) or choose another in the configuration"
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return what + "not permitted; start as root, or choose a port above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return what + "this machine has no such address"
    return what + (error.strerror or str(error))


def _ceiling() -> int:
    """The lowest number of a descriptor that is reserved for files."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit - min(RESERVED, limit // RESERVED_PART)


@define(eq=False, slots=False, init=False)
class Listening(FileDescriptor):
    """Accepts connections for one factory.

    Twisted's own port closes what it cannot accept when descriptors run out.
    Here accept rests for :data:`PAUSE_SECONDS` when only the reserved ones are left,
    and the callers wait in the kernel's queue, while open connections are served.
    """

    place: Place

    def __init__(
        self,
        reactor: IReactorTime,
        bound: socket.socket,
        factory: IProtocolFactory,
        place: Place,
    ) -> None:
        super().__init__(cast(Any, reactor))
        self.place = place
        self._clock = reactor
        self._bound = bound
        self._factory = factory

    def start(self) -> None:
        """Begin to accept."""
        self._factory.doStart()
        self.connected = True
        self._watch(wanted=True)

    def _watch(self, *, wanted: bool) -> None:
        reactor: Any = self.reactor
        (reactor.addReader if wanted else reactor.removeReader)(self)

    @override
    def fileno(self) -> int:
        return self._bound.fileno()

    @override
    def logPrefix(self) -> str:
        return str(self.place)

    @override
    def getHost(self) -> IAddress:
        if self.place.path:
            return addresses.UNIXAddress(self.place.path)
        kind = (
            addresses.IPv6Address if ":" in self.place.host else addresses.IPv4Address
        )
        name = self._bound.getsockname()
        return kind("TCP", name[0], name[1])

    @override
    def doRead(self) -> None:
        most = _ceiling()
        until = self._clock.seconds() + ACCEPT_SECONDS
        for _ in range(ACCEPTS_PER_TURN):
            try:
                made, peer = self._bound.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(str(error))
                    return
                continue  # that one caller gave up: ECONNABORTED, EPERM, EPROTO
            number = made.fileno()
            self._welcome(made, peer)
            if number >= most:
                self._rest("only reserved descriptors are left")
                return
            if self._clock.seconds() > until:
                return

    def _rest(self, why: str) -> None:
        _log.warn("{place} rests: {why}", place=str(self.place), why=why)
        self._watch(wanted=False)
        self._clock.callLater(PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if not self.connected:
            return
        if self._short():
            self._clock.callLater(PAUSE_SECONDS, self._resume)
            return
        self._watch(wanted=True)

    def _short(self) -> bool:
        """Whether the next connection would get a reserved descriptor, or none."""
        try:
            probe = os.dup(self._bound.fileno())
        except OSError:
            return True
        os.close(probe)
        return probe >= _ceiling()

    def _welcome(self, made: socket.SocketType, peer: Any) -> None:
        """Hand it over; a door that fails at its beginning ends alone."""
        transport, address = None, self._address(peer)
        try:
            protocol = self._factory.buildProtocol(address)
            if protocol is not None:
                transport = Accepted(made, protocol, address, self.reactor)
                protocol.makeConnection(transport)
        except Exception:
            _log.failure("{place} failed to begin", place=str(self.place))
            if transport is not None:
                cast(Any, transport).abortConnection()
        if transport is None:
            made.close()

    def _address(self, peer: Any) -> Address:
        if self.place.path:
            return addresses.UNIXAddress(None)
        kind = addresses.IPv6Address if len(peer) == 4 else addresses.IPv4Address
        return kind("TCP", peer[0], peer[1])

    def stop(self) -> None:
        """Accept no more; open connections are not touched."""
        if not self.connected:
            return
        self.connected = False
        self._watch(wanted=False)
        self._bound.close()
        if self.place.path:
            with suppress(FileNotFoundError):
                os.unlink(self.place.path)
        self._factory.doStop()

    @override
    def connectionLost(self, reason: Any) -> None:
        self.stop()
